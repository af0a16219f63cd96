#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [VARIANT...]: build and run every test, in all variants by default.
#
# The last line is "N passed, N failed"; N counts tests, not programs. The exit
# status is 0 when something ran and nothing failed.
#
#   CHECK_SECONDS  time for random tests, all variants together (240)
#   CHECK_JOBS     programs at a time (one for each CPU, at most 4)
#   CHECK_SEED     seed of random tests, as a failure prints it
#   CHECK_COMPRESS how hosts of stress tests compress: 0, 1 or 2 (in turn)
#   CHECK_NODES    NUMA nodes of the hosts of stress tests (random: 1, 2 or 4)
#
# While it goes on it says on standard error how far it is: all the time in one
# line of a terminal, else every 30 seconds.
#
# Called as "run.sh --one VARIANT PROGRAM" it runs one program; that is what
# xargs does below.

set -u
cd "$(dirname "$0")/.." || exit 1

seconds=${CHECK_SECONDS:-240}
variants=${*:-debug small asan tsan release}
out=build/check

builddir() {
    if [ "$1" = release ]; then echo build; else echo "build/$1"; fi
}

# Random tests take their share of the time in each of the variants; those that
# are slow by nature get more, those that need threads to be of use less.
set_budgets() {
    CHECK_MODEL_SECONDS=$((seconds / 8))
    CHECK_LIN_SECONDS=$((seconds / 32))
    CHECK_STRESS_SECONDS=$(((seconds + 239) / 240))
    case $1 in tsan|release|cov)
        CHECK_MODEL_SECONDS=$((seconds / 40)) ;;
    esac
    export CHECK_MODEL_SECONDS CHECK_LIN_SECONDS CHECK_STRESS_SECONDS
    export CMOCKA_MESSAGE_OUTPUT=TAP
    export UBSAN_OPTIONS=print_stacktrace=1
    export TSAN_OPTIONS=second_deadlock_stack=1
}

# Run a program and leave its output in $log, a verdict in $log.count:
# "passed failed program". A program that dies, or does not run all the tests
# that it announced, counts as a failed test.
run_one() {
    variant=$1 program=$2
    name=${program#"$(builddir "$variant")"/}
    log=$out/$variant/$(echo "$name" | tr / .).log
    set_budgets "$variant"
    timeout --kill-after=10 600 "$program" >"$log" 2>&1
    status=$?
    awk -v status=$status -v name="$name" '
        /^[ \t]*1\.\.[0-9]+/   { sub(/^[ \t]*1\.\./, ""); planned += $1 }
        /^[ \t]*ok [0-9]+/     { passed++ }
        /^[ \t]*not ok [0-9]+ # SKIP/ { skipped++; next }
        /^[ \t]*not ok [0-9]+/ { failed++ }
        END {
            if ( !planned || passed + failed + skipped < planned ||
                 (status && !failed) )
                failed++
            printf "%d %d %s\n", passed, failed, name
        }' "$log" >"$log.count"
    # A test that waits for others says in the log what it was about.
    [ $status = 0 ] || echo "(exit status $status)" >>"$log"
}

if [ "${1:-}" = --one ]; then
    run_one "$2" "$3"
    exit
fi

jobs=${CHECK_JOBS:-$(nproc)}
[ "$jobs" -le 4 ] || jobs=4

# One run at a time in a tree: they share the folders.
mkdir -p build
exec 9>build/check.lock
flock 9
rm -rf "$out"

# How far it is; $out/now has the variant.
progress() {
    read -r now <"$out/now" || return
    if [ "$now" = run ]; then
        echo "run: the programs of \"make run\""
    elif [ -s "$out/$now/programs" ]; then
        echo "$now: $(ls "$out/$now" | grep -c 'count$') of" \
            "$(wc -l <"$out/$now/programs") test programs are done"
    else
        echo "$now: building, $(grep -c '^  CC' "$out/$now/build") files so far"
    fi
}

# Goes on until it is killed.
tell_progress() {
    seconds=0
    while sleep 1; do
        seconds=$((seconds + 1))
        if [ -n "$clear" ]; then
            printf '%s%s' "$clear" "$(progress)"
        elif [ $((seconds % 30)) = 0 ]; then
            echo "$(progress) ($seconds s)"
        fi
    done 2>/dev/null >&3
}

clear=
[ ! -t 2 ] || clear=$(printf '\r\033[K')
mkdir -p "$out"
tell_progress 3>&2 9>&- &
ticker=$!
trap 'kill $ticker 2>/dev/null; printf %s "$clear" >&2' EXIT
trap 'exit 1' HUP INT TERM

# Print what failed in a variant: where, the end of the output, how to repeat.
tell_failures() {
    cat "$out/$1"/*.count | while read -r _ failed name; do
        [ "$failed" != 0 ] || continue
        log=$out/$1/$(echo "$name" | tr / .).log
        echo "--- $1: $name: $failed failed"
        grep -vE '^[[:space:]]*(ok [0-9]|1\.\.)' "$log" | tail -n 40
        echo "--- all of it: $log; again: $(builddir "$1")/$name"
    done
}

passed=0 failed=0
for variant in $variants; do
    start=$(date +%s)
    mkdir -p "$out/$variant"
    echo "$variant" >"$out/now"
    if ! make -s -j"$jobs" VARIANT="$variant" tests \
         >"$out/$variant/build" 2>&1; then
        grep -vE '^  (CC|AR)' "$out/$variant/build" | tail -n 40
        echo "$variant: does not build; again: make VARIANT=$variant tests"
        failed=$((failed + 1))
        continue
    fi
    built=$(date +%s)

    # The long ones first.
    make -s VARIANT="$variant" list-tests |
        awk '{ print /model_test|lin_test|move_test|fault|stress|rand/ ? 0 : 1,
                     $0 }' |
        sort | cut -d' ' -f2 >"$out/$variant/programs"
    # What a test leaves behind does not keep the tree locked.
    xargs -P "$jobs" -n 1 "$0" --one "$variant" <"$out/$variant/programs" 9>&-

    # A program without a verdict, and no program at all, have failed.
    sums=$(cat "$out/$variant"/*.count 2>/dev/null |
           awk -v programs=$(wc -l <"$out/$variant/programs") '
               { p += $1; f += $2 }
               END { print p + 0, f + (NR < programs || !NR) }')
    printf %s "$clear" >&2
    tell_failures "$variant"
    now=$(date +%s)
    printf '%-8s %4d passed %3d failed  (%d s, and %d s to build)\n' \
        "$variant" ${sums% *} ${sums#* } $((now - built)) $((built - start))
    passed=$((passed + ${sums% *}))
    failed=$((failed + ${sums#* }))
done

# The programs of "make run" are tested by a script that counts for itself:
# "run: N checks passed", or "run: M of N checks failed".
if [ -x tests/run_test.sh ]; then
    log=$out/run_test.log
    echo run >"$out/now"
    if make -s check-run >"$log" 2>&1; then
        n=$(awk '/checks passed$/ { n = $2 } END { print n + 0 }' "$log")
        passed=$((passed + n))
    else
        n=$(awk '/checks failed$/ { n = $2 } END { print n + 0 }' "$log")
        tail -n 40 "$log"
        echo "--- all of it: $log; again: make check-run"
        failed=$((failed + (n ? n : 1)))
    fi
fi

printf %s "$clear" >&2
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
