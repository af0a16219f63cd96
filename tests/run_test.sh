#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run_test.sh BUILD-FOLDER: the programs tmem-host and tmem-record
#
# Malformed traces must be refused with file, line and reason; wrong options
# with a reason and status 2; a short run must find every page as it was, and
# fail when it does not see tmem work; a job that is recorded must replay.
# Prints one line when all is well.

set -u
bin=${1:?usage: run_test.sh BUILD-FOLDER}
host=$bin/tmem-host
record=$bin/tmem-record
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
checks=0
failed=0

# check WHAT STATUS PATTERN COMMAND...: exit status, and a line of its output.
check() {
    what=$1 want=$2 pattern=$3
    shift 3
    "$@" >"$tmp/out" 2>&1 </dev/null
    status=$?
    checks=$((checks + 1))
    if [ "$status" != "$want" ] || {
           [ -n "$pattern" ] && ! grep -qe "$pattern" "$tmp/out"; }; then
        failed=$((failed + 1))
        echo "FAIL: $what: status $status, wanted $want and '$pattern':" >&2
        sed 's/^/  /' "$tmp/out" | head -n 5 >&2
    fi
}

# bad WHAT LINE REASON TEXT: a trace that must be refused.
bad() {
    printf "$4" >"$tmp/bad.trace"
    check "trace: $1" 2 "bad\.trace:$2: .*$3" \
        "$host" --dir "$tmp/run" --trace "$tmp/bad.trace"
}

magic='tmem-trace 1\n'
check 'trace: empty file' 2 'null: the file is empty' \
    "$host" --dir "$tmp/run" --trace /dev/null
bad 'wrong first line' 1 'first line must be' 'hello\n'
bad 'no record' 2 'uses no page' "${magic}end\n"
bad 'only a truncation' 4 'uses no page' "${magic}f 1 4096 a\nt 1\nend\n"
bad 'cut after a line' 3 "no 'end' after" "${magic}f 1 4096 a\nr 1 0\n"
bad 'something after the end' 5 "'r 1 0' after the end" \
    "${magic}f 1 4096 a\nr 1 0\nend\nr 1 0\n"
bad 'unknown record' 2 "unknown record 'x 1'" "${magic}x 1\n"
bad 'cut short' 3 'cut short' "${magic}f 1 4096 a\nr 1 0"
bad 'file out of order' 2 'expected 1, not 2' "${magic}f 2 4096 a\n"
bad 'no name' 2 'name is missing' "${magic}f 1 4096\n"
bad 'size is no number' 2 "not 'big" "${magic}f 1 big a\n"
bad 'negative size' 2 "not '-1" "${magic}f 1 -1 a\n"
bad 'huge file' 2 'pages together' "${magic}f 1 99999999999999 a\n"
bad 'size beyond 64 bits' 2 "size must be" \
    "${magic}f 1 99999999999999999999999 a\n"
bad 'read before any file' 2 'before the first file' "${magic}r 1 0\n"
bad 'no such file' 3 'must be 1 to 1, not 2' "${magic}f 1 4096 a\nr 2 0\n"
bad 'page beyond the end' 3 'page must be 0 to 0, not 1' \
    "${magic}f 1 4096 a\nr 1 1\n"
bad 'no page' 3 'page is missing' "${magic}f 1 4096 a\nr 1\n"
bad 'count beyond the end' 3 'count must be 1 to 2, not 3' \
    "${magic}f 1 8192 a\nr 1 0 3\n"
bad 'count of 0' 3 'count must be 1 to 2, not 0' \
    "${magic}f 1 8192 a\nr 1 0 0\n"
bad 'empty file read' 3 'is empty' "${magic}f 1 0 a\nr 1 0\n"
bad 'something at the end' 3 "unexpected ' 9'" \
    "${magic}f 1 8192 a\nr 1 0 1 9\n"
bad 'truncation with a page' 3 "unexpected ' 0'" "${magic}f 1 4096 a\nt 1 0\n"
bad 'carriage return' 1 'control character (code 13)' 'tmem-trace 1\r\n'
bad 'zero byte' 2 'control character (code 0)' "${magic}r\\0001\n"
bad 'second job line' 3 "second 'job'" "${magic}job a\njob b\n"
check 'trace: missing' 2 'No such file' "$host" --trace "$tmp/none"
check 'trace: a folder' 2 'directory' "$host" --trace "$tmp"

check '--help' 0 'page-cache' "$host" --help
check 'unknown option' 2 'unrecognized option' "$host" --nonsense
check 'argument' 2 "unexpected argument 'x'" "$host" x
check 'spare 0' 2 'spare must be a number from 1' "$host" --spare 0
check 'spare beyond all memory' 2 'host of 10[0-9]* MiB does not fit' \
    "$host" --spare 1048576
check 'boot: bad value' 2 "'tmem=maybe' is no parameter" \
    "$host" --boot tmem=maybe
check 'boot: unknown word' 2 "'tmem_reverse=1' is no param" \
    "$host" --boot 'tmem=1 tmem_reverse=1'
check 'boot: tmem off' 2 "leaves tmem off; tmem=1" "$host" --boot tmem=0
check 'boot: nothing' 2 "'' leaves tmem off" "$host" --boot ''
check 'spare with unit' 2 "not '5G'" "$host" --spare 5G
check 'negative rows' 2 'rows must be a number' "$host" --rows -5
check 'too many rows' 2 'at most .* are possible' "$host" --rows 5000000
check 'shifts 17' 2 'from 1 to 16' "$host" --shifts 17
check 'I/O mode' 2 'auto, direct or cached' "$host" --io fast
check 'guest: no memory' 2 'kind and mem are required' "$host" -g kind=swap
check 'guest: no trace' 2 'needs a trace' "$host" -g kind=cache,mem=4
check 'guest: unknown key' 2 "unknown key in 'size=4'" "$host" -g size=4
check 'guest: key without value' 2 'needs a value' "$host" -g mem
check 'guest: bad name' 2 'a name is' "$host" -g kind=swap,mem=4,name=a/b
check 'guest: bad shifts' 2 'of # and' "$host" -g kind=swap,mem=4,shifts=xx
check 'guest: shifts too short' 2 'has 2 characters' \
    "$host" --shifts 3 -g 'kind=swap,mem=4,shifts=#.'
check 'guest: name twice' 2 'two guests are called a' \
    "$host" -g kind=swap,mem=4,name=a -g kind=swap,mem=4,name=a
check 'trace without a guest' 2 'no page-cache guest' \
    "$host" --trace "$tmp/none" -g kind=swap,mem=4
check 'nowhere to write' 1 'cannot create' "$host" --dir /proc/none

# A recorded job, with writes, a deletion and a mapped program, replays.
cat >"$tmp/job.sh" <<'JOB'
cd "$1" || exit 1
for i in 1 2 3 4 5 6 7 8; do
    head -c 600000 /bin/sh /bin/ls /bin/tar /bin/cp 2>/dev/null >new
    cat new >copy
    cat copy >/dev/null
    rm -f new
done
JOB
check 'record' 0 'records' "$record" "$tmp/job.trace" \
    "sh $tmp/job.sh $tmp"
check 'record: --help' 0 'Usage: tmem-record' "$record" --help
"$record" --help 2>&1 >"$tmp/help" | cat >"$tmp/help.err"
check 'record: --help is output' 0 'Usage' cat "$tmp/help"
check 'record: --help is no error' 1 '' grep . "$tmp/help.err"
check 'record: no job' 2 'Usage' "$record" "$tmp/j2.trace"
check 'record: failing job' 3 'status 3' "$record" "$tmp/j2.trace" 'exit 3'
for what in '^f [0-9]* [0-9]* .*/copy$' '^r ' '^w ' '^t '; do
    check "recorded: $what" 0 "$what" cat "$tmp/job.trace"
done
check 'make trace: quotes' 0 'To replay' make -s B="$bin" trace \
    TRACE="$tmp/q.trace" JOB="echo 'a  b' \"\$HOME\""
check 'make trace: quotes stay' 0 "^job echo 'a  b' \"\$HOME\"\$" \
    cat "$tmp/q.trace"
check 'recorded: the end' 0 '^end$' tail -n 1 "$tmp/job.trace"
small="--io cached --quiet --dir $tmp/run --rows 8000"
check 'short run' 0 '' "$host" $small --spare 4 --shifts 3 \
    -g "kind=cache,mem=1,trace=$tmp/job.trace" -g kind=swap,mem=1 \
    -g kind=swap,mem=1,repeat=2
check 'short run, no history, no room' 0 '' "$host" $small --spare 1 \
    --persist 1 --shifts 2 --together --boot 'tmem=1 tmem_history=0' \
    -g "kind=cache,mem=1,trace=$tmp/job.trace" -g kind=swap,mem=1
mkdir -p "$tmp/busy"
check 'folder in use' 1 'another tmem-host' flock "$tmp/busy" \
    "$host" --io cached --dir "$tmp/busy" -g kind=swap,mem=1
check 'one screen' 0 'tmem saved' "$host" --io cached --dir "$tmp/run" \
    --rows 8000 --spare 4 --shifts 3 \
    -g "kind=cache,mem=1,trace=$tmp/job.trace" -g kind=swap,mem=1
cp "$tmp/out" "$tmp/screen"
check 'width of the screen' 1 '' grep -E '^.{81}' "$tmp/screen"
# The first of the modest guest's six rounds finds nothing in any case.
check 'weights and caps help' 0 '' awk '
    /^modest/ { ok = $(NF-1) > $(NF-2) + 30 && $NF > $(NF-2) + 30 }
    END { exit !ok }' "$tmp/screen"
check 'a shared pool helps' 0 '' awk '
    /^both/ { ok = $NF < $(NF-1) * 2 / 3 } END { exit !ok }' "$tmp/screen"
check 'samples' 0 'case tmem' cat "$tmp/run/memory.dat"
check 'without policies' 0 'tmem saved' "$host" --io cached --no-policy \
    --dir "$tmp/run" --spare 4 --shifts 1 -g kind=swap,mem=1 --rows 8000
cp "$tmp/out" "$tmp/without"
cp "$tmp/job.trace" "$tmp/my-own job.trace"
check "a job's own name" 0 '^  myownjob .*, 1x sh ' "$host" --io cached \
    --dir "$tmp/run" --no-policy --shifts 1 -g kind=swap,mem=1 --rows 1000 \
    -g "kind=cache,mem=1,trace=$tmp/job.trace" --trace "$tmp/my-own job.trace"
check "a guest's own name" 0 '^  mine ' "$host" --io cached \
    --dir "$tmp/run" --no-policy --shifts 1 \
    -g "kind=cache,mem=1,name=mine,trace=$tmp/job.trace" \
    --trace "$tmp/my-own job.trace"
check 'they are left out' 1 '' grep -q modest "$tmp/without"
check 'no room for tmem' 1 'FAILED (tmem): of .* puts each was refused' \
    "$host" $small --spare 4 --shifts 1 --persist 0 -g kind=swap,mem=1
check 'nothing to gain' 0 'no guest wants more memory' "$host" --io cached \
    --dir "$tmp/run" --no-policy --spare 4 --shifts 1 --rows 1000 \
    -g kind=swap,mem=8
cp "$tmp/out" "$tmp/gain"
check 'nothing to gain: all is well' 0 'all as they had been' cat "$tmp/gain"
check "nothing to gain: gnuplot's warnings" 1 '' grep -i warning "$tmp/gain"

if [ "$failed" != 0 ]; then
    echo "run: $failed of $checks checks failed" >&2
    exit 1
fi
echo "run: $checks checks passed"
