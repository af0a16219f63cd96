#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# check-flask.sh: boot Xen with FLASK enforcing its example policy, in which
# every domain may use tmem, and dom0 may control it, and save and restore
# guests, but not itself; then load one that is the same but for tmem's
# permissions, and see that all is refused. Between, a scenario of tests/boot that
# needs an option of Xen's: dedup.
#
# Verdicts as in check.sh. What runs in dom0: check-flask-dom0.sh.

. "$(dirname "$0")/lib.sh"
lock check-flask

dir=$OUT/boot
src=$OUT/xen/src
denied=$OUT/xen/flask-denied
mkdir -p "$dir"
"$TOP/boot/build-xen.sh" flask || exit 1

# The policy's sources find the hypervisor's classes three folders above.
rm -rf "$denied"
mkdir -p "$denied/tools" "$denied/xen/xsm/flask" "$denied/out"
cp -r "$src/tools/flask" "$denied/tools/"
cp -r "$src/xen/xsm/flask/policy" "$denied/xen/xsm/flask/"
modules=$denied/tools/flask/policy/modules
sed -i '/^allow domain_type xen_t:xen2 tmem_op;/d' "$modules/guest_features.te"
sed -i 's/ tmem_op tmem_control//' "$modules/dom0.te"
sed -i 's/ tmem_\(save\|restore\)//' "$modules/xen.if"
! grep -rq 'tmem_' "$modules" || die "the policy has more on tmem than is known"
policy=$denied/out/policy
run_logged "$denied/build.log" make -C "$denied/tools/flask/policy" \
    -f Makefile.common FLASK_BUILD_DIR="$denied/out" \
    POLICY_FILENAME="$policy" || exit 1

make -s --no-print-directory -C "$TOP/tests/boot/dedup" || exit 1
dedup=
for f in "$dir"/dedup/*; do
    dedup="$dedup dedup/${f##*/}=$f"
done

# No name of a file here has a space.
# shellcheck disable=SC2086
BOOT_LIMIT=${BOOT_LIMIT:-900} exec "$TOP/boot/boot.sh" -f flask \
    -o "flask=enforcing tmem_dedup=1" -G bin/exerciser="$dir/exerciser" \
    -G test.sh="$TOP/boot/check-flask-guest.sh" \
    test "$TOP/boot/check-flask-dom0.sh" \
    bin/exerciser="$dir/exerciser" flask/denied="$policy" $dedup
