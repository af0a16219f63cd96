# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh: runs in dom0. Guests with too little memory sort more text than they
# have, their swap disk behind zswap and xen-tmem.ko, or behind tmem-swap.ko (guest.sh
# tells what).
# Needs /guest/vmlinux; all else is in the folder of this script. Ends with 0
# if all has passed.

here=$(cd "$(dirname "$0")" && pwd)
MEMORY=128
# Seconds without a word after which a guest is taken for dead.
QUIET=300
failed=0

fail()
{
    echo "FAIL swap: $*"
    failed=1
}

# MiB that are free, or in tmem's own caches.
free_mib()
{
    xl info free_memory
}

# start NAME TYPE ROOM WHAT
start()
{
    # With 16 more, a PVH guest dies while it boots; and where the CPU is
    # emulated, one with two vCPUs takes many minutes to.
    memory=$MEMORY
    vcpus=2
    if [ $2 = pvh ]; then
        memory=$((MEMORY + 48))
        vcpus=1
    fi
    cat >/tmp/$1.cfg <<END
name = "$1"
type = "$2"
kernel = "/guest/vmlinux"
ramdisk = "$here/initrd"
extra = "console=hvc0 quiet swaptest=$4"
memory = $memory
vcpus = $vcpus
on_crash = "destroy"
on_reboot = "destroy"
END
    xl create -p /tmp/$1.cfg && room $1 $memory $3 && xl unpause $1
}

# saved NAME PAGES: with so many in tmem, and restored
saved()
{
    _pages=$(xl tmem-list -l $1 | sed -n 's/^P=.*,Pc:\([0-9]*\).*/\1/p')
    [ "$_pages" = $2 ] || fail "$1: $2 pages, and Xen has $_pages"
    xl save $1 /tmp/$1.save && xl restore /tmp/$1.save
    _rc=$?
    rm -f /tmp/$1.save
    return $_rc
}

# control NAME: what the guest has asked for last, once
control()
{
    _want=$(tr -d '\r' <$log | sed -n 's/^SWAP: \([a-z]* *[0-9]*\)$/\1/p' |
            grep -v done | tail -n 1)
    if [ -n "$_want" ] && [ "$_want" != "$did" ]; then
        did=$_want
        case $_want in
        save*) saved $1 ${_want#save } >/tmp/$1.out 2>&1 ;;
        *)     xl tmem-$_want $1 ;;
        esac || {
            tail -n 5 /tmp/$1.out
            fail "$1: $_want"
        }
    fi
}

# relay NAME LOG: the guest's new lines, as far as they are for the reader
relay()
{
    lines=$(wc -l <$2)
    [ $lines -gt $seen ] || return 0
    sed -n "$((seen + 1)),${lines}p" $2 | tr -d '\r' |
        sed -n "s/^\(PASS\|FAIL\) /\1 swap, $1: /p
                s/^ *[a-z][a-z ]*: /$1: &/p; s/^killed/$1: &/p"
    seen=$lines
}

# guest NAME TYPE ROOM WHAT: from its start to its end
guest()
{
    log=/var/log/xen/console/guest-$1.log
    echo "$1: starting, $(cut -d' ' -f1 /proc/uptime) s"
    if ! start "$@" >/tmp/$1.log 2>&1; then
        cat /tmp/$1.log
        fail "$1: guest did not start"
        return
    fi
    seen=0
    quiet=0
    did=
    # Its end, or nothing new for long. (xl costs time, when emulated.)
    until grep -q '^SWAP: done' $log; do
        sleep 2
        quiet=$((quiet + 2))
        before_seen=$seen
        relay $1 $log
        control $1
        [ $seen = $before_seen ] || quiet=0
        [ $quiet -lt $QUIET ] || break
    done 2>/dev/null
    relay $1 $log
    ! grep -q '^FAIL' $log || failed=1
    grep -q '^SWAP: done' $log || {
        tail -n 15 $log
        fail "$1: did not come to its end"
        xl destroy $1
    }
    n=0
    while xl list $1 >/dev/null 2>&1; do
        n=$((n + 1))
        [ $n -lt 20 ] || { fail "$1: does not go"; xl destroy $1; break; }
        sleep 1
    done
}

before=$(free_mib)
guest pv pv 256 all
guest pvh pvh 256 all
guest pv-full pv 8 full
guest freeze pv 256 freeze
guest disk pv 256 disk
guest disk-full pvh 8 diskfull
sleep 2
after=$(free_mib)
if [ $after -ge $((before - 1)) ]; then
    echo "PASS swap: memory comes back, $after of $before MiB"
else
    fail "free memory was $before MiB, is $after MiB"
fi
exit $failed
