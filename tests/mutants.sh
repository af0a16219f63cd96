#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mutants.sh [PATTERN]: does each regression test fail when its defect is back?
#
# Each tests/mutants/NAME.patch is applied alone to a copy of the tree, and
# tests/regression/NAME is built and run there: it must build, and fail.
# NAME.2.patch is a second way to break the same. Prints a line for each; the
# exit status is 0 when all were caught.

set -u
cd "$(dirname "$0")/.." || exit 1
pattern=${1:-}
variant=debug
tree=build/mutants

rm -rf $tree
mkdir -p $tree
cp -pr Makefile host xen tests $tree/ || exit 1
[ ! -d bench ] || cp -pr bench $tree/

# in_tree TEST: build a test there, and run it. 0, 1 (it failed) or 2.
in_tree() {
    program=build/$variant/tests/regression/$1
    make -s -j2 -C $tree VARIANT=$variant "$program" >$tree/log 2>&1 || return 2
    (cd $tree && timeout --kill-after=5 60 "$program" || exit 1) \
        >>$tree/log 2>&1
}

caught=0 missed=0
for patch in tests/mutants/*"$pattern"*.patch; do
    name=$(basename "$patch" .patch)
    test=${name%%.*}
    verdict="NOT CAUGHT"
    if ! patch -s -f -p1 -F3 -d $tree <"$patch" >$tree/log 2>&1; then
        verdict="DOES NOT APPLY"
        # Start again from a tree without half of a patch.
        for file in $(sed -n 's,^+++ b/,,p' "$patch"); do
            cp -p "$file" "$tree/$file"
        done
    else
        # Where the defect is a race it takes luck to meet it.
        for try in 1 2 3 4 5 6 7 8 9 10; do
            in_tree "$test"
            result=$?
            [ $result = 0 ] || break
        done
        case $result in
        1) verdict=caught ;;
        2) verdict="DOES NOT BUILD" ;;
        esac
        for file in $(sed -n 's,^+++ b/,,p' "$patch"); do
            cp "$file" "$tree/$file"
        done
    fi
    # And it fails for that reason alone.
    if [ "$verdict" = caught ]; then
        in_tree "$test" || verdict="FAILS WITHOUT IT, TOO"
    fi
    printf '%-30s %s\n' "$name" "$verdict"
    if [ "$verdict" = caught ]; then
        caught=$((caught + 1))
    else
        missed=$((missed + 1))
        grep -vE '^  (CC|AR)|^\[' $tree/log | tail -n 10
    fi
done

# A test without a mutant has never been seen to fail.
for test in tests/regression/*.c; do
    name=$(basename "$test" .c)
    [ -z "$pattern" ] || continue
    [ -e "tests/mutants/$name.patch" ] && continue
    printf '%-30s %s\n' "$name" "HAS NO MUTANT"
    missed=$((missed + 1))
done

echo "mutants: $caught caught, $missed not"
[ "$missed" = 0 ] && [ "$caught" != 0 ]
