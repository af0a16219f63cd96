# SPDX-License-Identifier: GPL-2.0-only
#
# check-dom0.sh: what 'make check-boot' runs in dom0: the conformance table from
# here and from two Linux guests, then the scenarios that /check/scenarios
# names, each "NAME SECONDS", then a guest that is built out of ephemeral pages.
#
# A scenario is a folder /NAME with a script run.sh, which prints verdicts,
# "PASS text" and "FAIL text", and ends with 0 if none failed. It has to end
# within its SECONDS, and to leave no guest behind.
#
# Other lines that boot/run-qemu.py reads: "CHECK: plan NAMES", "CHECK: NAME"
# when one starts and "CHECK: end NAME", "CHECK: alive" now and then, "NOTE: "
# before what is worth showing.
# Since lines can be garbled when Xen writes at the same time, all verdicts come
# once more at the end, after "= ", and then "TEST: done NUMBER".

VERDICTS=/tmp/verdicts
LOGS=/var/log/xen/console
: >$VERDICTS

uptime()
{
    cut -d. -f1 /proc/uptime
}

record()
{
    echo "$*" | tee -a $VERDICTS
}

# verdict NAME COMMAND...
verdict()
{
    _name=$1
    shift
    if "$@"; then record "PASS $_name"; else record "FAIL $_name"; fi
}

# What is not dom0's or a guest's, and dom0's: dom0 may give memory back or take
# some, to map what is not its own.
free_mib()
{
    xl info free_memory
}

balance()
{
    echo $(($(free_mib) + $(xl list 0 | awk 'NR == 2 { print $3 }')))
}

# Seconds of wall time of one of the parts below.
part()
{
    echo "CHECK: $1"
    part=$1
    part_start=$(uptime)
}

part_end()
{
    echo "  $part took $(($(uptime) - part_start)) s"
    echo "CHECK: end $part"
}

# conformance NAME TYPE: the guest's init runs the exerciser, and powers off.
conformance()
{
    guests $1:$2 || return 1
    log=$LOGS/guest-$1.log
    n=0
    # One that has crashed is gone as well.
    while [ $n -lt 400 ] && xl domid $1 >/dev/null 2>&1; do
        n=$((n + 1))
        sleep 1
    done
    grep -q 'GUEST: test ended' $log ||
        tail -n 40 $log | tr -d '\r' | sed "s/^/NOTE: $1: /"
    # The guest's own verdicts are details; this is one line of ours.
    sed -n "s/^TEST: /  $1: /p; s/^skipped/  $1: &/p" $log | tr -d '\r'
    grep -q '^TEST: ok conformance' $log
}

dom0_conformance()
{
    /bin/exerciser -t >/tmp/log
    _rc=$?
    sed 's/^TEST:/  dom0:/; s/^skipped/  dom0: &/' /tmp/log
    return $_rc
}

gone()
{
    n=0
    while xl domid $1 >/dev/null 2>&1; do
        n=$((n + 1))
        [ $n -lt 120 ] || return 1
        sleep 1
    done
}

# relay NAME LOG: what is new in the output of a scenario
relay()
{
    _lines=$(wc -l <$2)
    [ $_lines -gt $seen ] || return 0
    sed -n "$((seen + 1)),${_lines}p" $2 | awk -v name=$1 -v out=$VERDICTS '
        /^(PASS|FAIL) / {
            text = substr($0, 6)
            if ( index(text, name) != 1 )
                text = name ": " text
            print $1 " " text
            print $1 " " text >>out
            next
        }
        { print "  " $0 }'
    seen=$_lines
}

# wait_for_end NAME LOG SECONDS: of a scenario; fails if it takes longer
wait_for_end()
{
    _until=$(($(uptime) + $3))
    until [ -e $2.rc ]; do
        [ "$(uptime)" -lt $_until ] || return 1
        sleep 1
        relay $1 $2
    done
}

# No guest may be left. Those that are are shown, and destroyed.
clean_up()
{
    # One that is about to go needs a moment.
    n=0
    while [ "$(xl list | wc -l)" -gt 2 ] && [ $n -lt 10 ]; do
        n=$((n + 1))
        sleep 1
    done
    _left=$(xl list | awk 'NR > 2 { print $1 }')
    [ -z "$_left" ] || record "FAIL $1: leaves guests:" $_left
    for _g in $_left; do
        tail -n 5 $LOGS/guest-$_g.log | tr -d '\r' | sed "s/^/NOTE: $_g: /"
        xl destroy $_g
    done
    xl set-parameters guest_loglvl=all 2>/dev/null
}

# scenario NAME SECONDS
scenario()
{
    part $1
    log=/tmp/$1.out
    : >$log
    seen=0
    had=$(wc -l <$VERDICTS)
    # Its own session, so that all of it can be ended.
    setsid sh -c "sh /$1/run.sh >$log 2>&1; echo \$? >$log.rc" </dev/null &
    _pid=$!
    if wait_for_end $1 $log $2; then
        relay $1 $log
        sed "1,${had}d" $VERDICTS >/tmp/new
        rc=$(cat $log.rc)
        if [ ! -s /tmp/new ]; then
            record "FAIL $1: ended with status $rc and no verdict"
            tail -n 5 $log | sed 's/^/NOTE: /'
        elif [ $rc != 0 ] && ! grep -q '^FAIL' /tmp/new; then
            record "FAIL $1: ended with status $rc"
            tail -n 5 $log | sed 's/^/NOTE: /'
        fi
    else
        relay $1 $log
        kill -9 -$_pid
        record "FAIL $1: no end within $2 s"
        tail -n 5 $log | sed 's/^/NOTE: /'
    fi
    clean_up $1
    part_end
}

# A guest is built out of memory that holds ephemeral pages: its claim counts
# them, and its allocations have them evicted.
full_host()
{
    part "full host"
    verdict "dom0 fills memory with ephemeral pages" \
            /bin/exerciser fill $(free_mib)
    left=$(($(free_mib) - $(xl tmem-freeable)))
    echo "  free memory: $left MiB, all else is ephemeral pages"
    verdict "less is free than a guest needs" test $left -lt 150
    verdict "pv guest: built out of ephemeral pages" conformance full pv
    verdict "full guest: leaves no zombie" gone full
    /bin/exerciser empty
    clean_up "full host"
    part_end
}

echo "CHECK: plan dom0 pv pvh $(cut -d' ' -f1 /check/scenarios | xargs)"
while sleep 20; do echo "CHECK: alive"; done &
alive=$!
before=$(balance)

part dom0
verdict "dom0: conformance, and control from the toolstack" dom0_conformance
part_end
for type in pv pvh; do
    part $type
    verdict "$type guest: conformance" conformance $type $type
    verdict "$type guest: leaves no zombie" gone $type
    part_end
done
while read -r name limit; do
    if [ -e /$name/run.sh ]; then
        scenario $name $limit
    else
        record "FAIL $name: was not built"
        echo "CHECK: end $name"
    fi
done </check/scenarios
full_host

# Nothing is lost. Both are rounded.
sleep 2
after=$(balance)
echo "  free and dom0's: $before MiB before, $after MiB after"
verdict "memory comes back" test $((after - before)) -ge -1 -a \
        $((after - before)) -le 1

kill $alive
sed 's/^/= /' $VERDICTS
echo "TEST: done $(wc -l <$VERDICTS)"
