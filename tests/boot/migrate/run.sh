#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh - save, restore and live migration of guests that swap through tmem.
# Run in dom0.
#
# In each guest a program goes over more data than the guest has memory, as long
# as it runs (fill.c): a guest that has been moved is right when each of its
# processes has gone over a quarter of its pages once more, and none was wrong;
# and over all of them before it goes. The PV guest's pages are compressed.

. "${0%/*}/lib.sh"

# What Linux needs to boot; PVH takes more, and two vCPUs take minutes there.
PV_MEMORY=128
PVH_MEMORY=176
# Debian's helper, with its own libraries.
STOCK=/tmp/stock-helper

printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s/libxl-save-helper "$@"\n' \
    "$HERE" "$HERE" >$STOCK
chmod +x $STOCK

# console NAME: all of it. A guest that arrives has another name, and so its log.
console()
{
    (cd $LOGS && cat $(ls -tr | grep -E "^guest-$1(--incoming)?\.log$")) |
        tr -d '\r'
}

# compress NAME WHAT: if its pages are made to be
compress()
{
    case $2 in
    *dense) xl tmem-set $1 -p 1 ;;
    esac
}

# start NAME TYPE MEMORY VCPUS WHAT
start()
{
    cat >/tmp/$1.cfg <<_END
name = "$1"
type = "$2"
kernel = "/guest/vmlinux"
ramdisk = "$HERE/initrd"
extra = "console=hvc0 quiet migrate=$5"
memory = $3
vcpus = $4
cpu_weight = 64
on_crash = "destroy"
on_reboot = "destroy"
_END
    rm -f $LOGS/guest-$1.log $LOGS/guest-$1--incoming.log
    xl create -p /tmp/$1.cfg >/tmp/$1.out 2>&1 &&
        room $1 $3 $(($3 + 64)) >>/tmp/$1.out 2>&1 &&
        compress $1 $5 >>/tmp/$1.out 2>&1 &&
        xl unpause $1 >>/tmp/$1.out 2>&1 &&
        wait_for 60 says $1 '^FILL: 0 round' && return 0
    tail -n 5 /tmp/$1.out
    console $1 | tail -n 5
    return 1
}

# lines NAME PATTERN: how many of them the guest's console has
lines()
{
    console $1 | grep -c "$2"
}

# rounds_since NAME PROCESS LINES ROUNDS: it has ended so many since, the first of
# which may have begun before
rounds_since()
{
    [ $(lines $1 "^FILL: $2 round") -ge $(($3 + $4 + 1)) ]
}

no_wrong()
{
    ! console $1 |
        grep -E 'FILL: (WRONG|ended)|LOST|pools_lost [1-9]|gets_lost [1-9]|cut here|Oops'
}

# goes_on NAME PROCESSES [QUARTERS]: each has gone over so much of its pages (1)
goes_on()
{
    _p=0
    while [ $_p -lt $2 ]; do
        eval "_had_$_p=$(lines $1 "^FILL: $_p round")"
        _p=$((_p + 1))
    done
    _p=0
    while [ $_p -lt $2 ]; do
        eval "_had=\$_had_$_p"
        wait_for 60 eval "rounds_since $1 $_p $_had ${3:-1} || ! no_wrong $1"
        rounds_since $1 $_p $_had ${3:-1} || break
        _p=$((_p + 1))
    done
    console $1 | grep '^FILL:' | tail -n 1 |
        sed "s/^FILL:/  $1:/"
    [ $_p = $2 ] && no_wrong $1
}

# pages NAME: persistent, in its pools
pages()
{
    xl tmem-list -l $1 2>/dev/null | sed -n 's/^P=.*PT:PP.*,Pc:\([0-9]*\).*/\1/p' |
        awk '{ n += $1 } END { print n + 0 }'
}

# With many pages in tmem, or it proves nothing.
swaps()
{
    _pages=$(pages $1)
    echo "  $1: $_pages pages in tmem, of $(xl list $1 | awk 'END { print $3 }') MiB"
    [ $_pages -ge 5000 ]
}

# of NAME KEY: the value in the client's line of /tmp/list
of()
{
    sed -n "s/^C=.*,$2:\([0-9]*\).*/\1/p" /tmp/list
}

# More pages than frames: those that hold them, and those that it is billed for
# above its own memory.
dense()
{
    xl tmem-list -l $1 >/tmp/list
    _pages=$(pages $1)
    _raw=$((_pages - $(of $1 cp) - $(of $1 cs)))
    _billed=$((($(xl list $1 | awk 'END { print $3 }') - PV_MEMORY) * 256))
    echo "  $1: $_pages pages in tmem: $(of $1 cp) compressed to $(of $1 cb)" \
         "bytes in $(of $1 cf) frames, $(of $1 cs) same-filled, $_raw raw;" \
         "billed for $_billed frames"
    [ "$(of $1 cs)" -gt 0 ] && [ "$(of $1 ce)" = 0 ] &&
        [ $((_pages * 2)) -gt $((3 * (_raw + $(of $1 cf)))) ] &&
        [ $((_pages * 3)) -gt $((4 * _billed)) ]
}

# timed COMMAND...: its output is in /tmp/out, and shown if it fails
timed()
{
    _start=$(uptime)
    "$@" >/tmp/out 2>&1
    _rc=$?
    echo "  $1 $2: $(($(uptime) - _start)) s"
    [ $_rc = 0 ] || tr '\r' '\n' </tmp/out | grep -v 'Frames:' | tail -n 8 |
        sed 's/^/  /'
    return $_rc
}

# fails COMMAND...: it has to; what it said is in /tmp/out
fails()
{
    "$@" >/tmp/out 2>&1 && return 1
    tr '\r' '\n' </tmp/out | grep -iE 'error|fail' | head -n 6 | sed 's/^/  /'
    return 0
}

# With no ssh here: this host, by way of a pipe.
move()
{
    xl migrate -s '' $1 "${2:-xl migrate-receive}"
}

migrate()
{
    timed move "$@"
}

saved()
{
    rm -f /tmp/*.save
    timed xl save $2 $1 /tmp/$1.save && ls -l /tmp/$1.save |
        awk '{ print "  " int($5 / 1048576) " MiB" }'
}

restored()
{
    timed xl restore /tmp/$1.save
}

# stock COMMAND...: by Debian's helper
stock()
{
    LIBXL_SAVE_HELPER=$STOCK "$@"
}

destroyed()
{
    xl destroy $1 && wait_for 30 gone $1
}

# No domain but dom0 and those that are named
only()
{
    sleep 1
    xl list | awk 'NR > 2 { print $1 }' >/tmp/left
    [ "$(xargs </tmp/left)" = "$*" ] || cat /tmp/left
    [ "$(xargs </tmp/left)" = "$*" ]
}

free_mib()
{
    xl info free_memory
}

# Live, with TMEM records coming: the receiver takes so many MiB and is gone. That
# kills the helper, which can end its save no more: libxl has to.
stops()
{
    fails move $1 "head -c ${2}m | xl migrate-receive" && only $1 &&
        xl tmem-list $1 | grep -q ',sv:0'
}

refused()
{
    fails stock xl restore /tmp/$1.save && only &&
        grep -qi 'mandatory record 0x0*13' /tmp/out
}

before=$(free_mib)

check "PV: a guest with two vCPUs works on more than it has" \
      start pv pv $PV_MEMORY 2 $((PV_MEMORY * 5 / 4))dense
check "PV: it swaps through tmem" swaps pv
check "PV: into fewer frames than it has pages there" dense pv
check "PV: a checkpoint is saved" saved pv -c
check "PV: and the guest goes on" goes_on pv 2
check "PV: live migration" migrate pv
check "PV: all pages are there" goes_on pv 2
check "PV: a second one" migrate pv
check "PV: all pages are there again" goes_on pv 2
check "PV: they are in tmem" swaps pv
check "PV: compressed, as they were" dense pv
check "PV: a receiver stops half-way" stops pv $((PV_MEMORY + 8))
check "PV: the guest goes on here" goes_on pv 2
check "PV: it goes" destroyed pv
check "PV: Debian's toolstack refuses the checkpoint" refused pv
check "PV: ours restores it" restored pv
check "PV: all pages are there as they were" goes_on pv 2 4
check "PV: it goes too" destroyed pv

check "PVH: a guest works on more than it has" \
      start pvh pvh $PVH_MEMORY 1 $((PVH_MEMORY * 5 / 4))
check "PVH: it swaps through tmem" swaps pvh
check "PVH: saved" saved pvh
check "PVH: nothing is left" only
check "PVH: restored" restored pvh
check "PVH: all pages are there" goes_on pvh 1
check "PVH: live migration" migrate pvh
check "PVH: all pages are there again" goes_on pvh 1

# full MIB: a guest that never runs has all memory but so much
full()
{
    printf '%s\n' 'name = "ballast"' 'type = "pvh"' 'kernel = "/guest/vmlinux"' \
           "memory = $(($(free_mib) - $1))" >/tmp/ballast.cfg
    xl create -p /tmp/ballast.cfg >/tmp/out 2>&1 || cat /tmp/out
    echo "  free: $(free_mib) MiB"
}

# Room for the guest's memory, but not for what it has in tmem.
no_room()
{
    full $((PVH_MEMORY + 70))
    fails move pvh
    _rc=$?
    destroyed ballast && only pvh && [ $_rc = 0 ] &&
        grep -q 'no memory for [0-9]* pages, which take' /tmp/out
}

check "PVH: a target without room says so" no_room
check "PVH: the guest goes on here" goes_on pvh 1 4
check "PVH: it goes" destroyed pvh

check "no tmem: a guest" start plain pv $PV_MEMORY 1 plain
check "no tmem: saved" saved plain
check "no tmem: Debian's toolstack restores it" stock restored plain
check "no tmem: it goes on" goes_on plain 1
check "no tmem: it goes" destroyed plain

# dom0 may be a client itself.
clean()
{
    sleep 2
    _after=$(free_mib)
    echo "  free: $before MiB before, $_after MiB after"
    [ $_after -ge $((before - 1)) ] && ! xl tmem-list -a | grep -E '^[CP]=CI:[1-9]'
}

rm -f /tmp/*.save
check "no memory is missing, and no client is left" clean
end
