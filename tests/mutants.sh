#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mutants.sh [PATTERN]: does each test fail when its defect is back?
#
# Each tests/mutants/NAME.patch is applied alone to a copy of the tree, and the
# test called NAME is built and run there: it must build, and fail. NAME.2.patch
# is a second way to break the same, NAME.small.patch one that only the small
# build sees. Prints a line for each; the exit status is 0 when all were caught.
#
#   CHECK_JOBS     mutants at a time (one for each CPU, at most 4)
#   CHECK_TURN     a number: leave out every third mutant, which ones it says
#
# Called as "mutants.sh --one PATCH" it tries one; that is what xargs does below.

set -u
cd "$(dirname "$0")/.." || exit 1
out=build/mutants

name_of() {
    basename "$1" .patch
}

variant_of() {
    case $1 in
    *.small*) echo small ;;
    *)        echo debug ;;
    esac
}

# The program of a test by its name: build/VARIANT/tests/FOLDER/NAME.
program_of() {
    source=$(echo tests/*/"${1%%.*}".c)
    echo "build/$(variant_of "$1")/${source%.c}"
}

# build TREE NAME: the test's program, with the library there.
build() {
    make -s -j2 -C "$1" VARIANT="$(variant_of "$2")" "$(program_of "$2")" \
        >>"$1/log" 2>&1
}

# run TREE NAME SECONDS LOG
run() {
    (cd "$1" && CHECK_SHRINK_SECONDS=0 \
        timeout --kill-after=5 "$3" "$(program_of "$2")" || exit 1) \
        >>"$4" 2>&1
}

# Try one mutant in a copy of the tree, with the objects that it leaves alone.
# Prints a line, and the end of what happened if it was not caught.
try_one() {
    name=$(name_of "$1")
    tree=$out/$name
    cp -a $out/base "$tree"
    verdict="NOT CAUGHT"
    if ! patch -s -f -p1 -F0 -d "$tree" <"$1" >"$tree/log" 2>&1; then
        verdict="DOES NOT APPLY"
    elif ! build "$tree" "$name"; then
        verdict="DOES NOT BUILD"
    elif grep -qx "$name" $out/broken; then
        verdict="FAILS WITHOUT IT, TOO"
        cat "$out/$name.log" >>"$tree/log"
    else
        # Where the defect is a race it takes luck to meet it, or a good seed.
        for try in 1 2 3 4 5 6 7 8 9 10; do
            [ $try = 1 ] || unset CHECK_SEED
            run "$tree" "$name" 60 "$tree/log" || { verdict=caught; break; }
        done
    fi
    text=$(printf '%-30s %s\n' "$name" "$verdict"
           [ "$verdict" = caught ] ||
               grep -vE '^  (CC|AR)|^\[' "$tree/log" | tail -n 10)
    rm -rf "$tree"
    echo "$text"
}

if [ "${1:-}" = --one ]; then
    try_one "$2"
    exit
fi

pattern=${1:-}
jobs=${CHECK_JOBS:-$(nproc)}
[ "$jobs" -le 4 ] || jobs=4

rm -rf $out
mkdir -p $out/base
make -s codecs || exit 1
cp -pr Makefile boot guest host tools traces xen tests $out/base/ || exit 1
mkdir -p $out/base/build
cp -pr build/codecs $out/base/build/ || exit 1
[ ! -d bench ] || cp -pr bench $out/base/
ls tests/mutants/*"$pattern"*.patch >$out/all || exit 1
awk -v turn="${CHECK_TURN:-}" 'turn == "" || (NR + turn) % 3' $out/all \
    >$out/patches

# All the tests without a mutant: they pass, so that it is the mutant that
# makes them fail. However slow this machine is now, they get to the end.
for variant in debug small; do
    programs=$(while read -r patch; do
                   name=$(name_of "$patch")
                   [ "$(variant_of "$name")" != $variant ] || program_of "$name"
               done <$out/patches | sort -u)
    [ -z "$programs" ] ||
        make -s -j"$jobs" -C $out/base VARIANT=$variant $programs \
            >>$out/base/log 2>&1 || { tail $out/base/log; exit 1; }
done
: >$out/passed
: >$out/broken
while read -r patch; do
    name=$(name_of "$patch")
    program=$(program_of "$name")
    grep -qx "$program" $out/passed || {
        run $out/base "$name" 600 "$out/$name.log" &&
            echo "$program" >>$out/passed || echo "$name" >>$out/broken
    }
done <$out/patches
# They are large, and linked anew with each mutant.
sed "s,^,$out/base/," $out/passed | xargs rm -f

xargs -P "$jobs" -n 1 "$0" --one <$out/patches | tee $out/verdicts
caught=$(grep -c ' caught$' $out/verdicts)
missed=$(($(wc -l <$out/patches) - caught))

# A test without a mutant has never been seen to fail.
for test in tests/regression/*.c; do
    name=$(basename "$test" .c)
    [ -z "$pattern" ] || continue
    [ -e "tests/mutants/$name.patch" ] && continue
    printf '%-30s %s\n' "$name" "HAS NO MUTANT"
    missed=$((missed + 1))
done

left=$(($(wc -l <$out/all) - $(wc -l <$out/patches)))
[ $left = 0 ] || echo "$left mutants were left out, it is not their turn"
echo "mutants: $caught caught, $missed not"
[ "$missed" = 0 ] && [ "$caught" != 0 ]
