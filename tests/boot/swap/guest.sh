# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh: runs in a guest that has less memory than swaptest needs, by itself
# (/test.sh) after the guest's init. What to do is on the kernel's command line:
# swaptest=all     the same sort with and without tmem, and what goes wrong
# swaptest=full    a sort in a guest whose room for pages in tmem is too small
# swaptest=freeze  sorts, again and again, while dom0 freezes and thaws it
# swaptest=disk, swaptest=diskfull: disk.sh
# Verdicts are "PASS name" and "FAIL name"; "SWAP: done" is the last line.

DISK=/dev/nullb0
DISK_MIB=32
zswap=/sys/module/zswap/parameters
stats=/sys/kernel/debug/tmem/stats
CPU1=/sys/devices/system/cpu/cpu1/online

verdict()
{
    name=$1
    shift
    if "$@"; then
        echo "PASS $name"
    else
        echo "FAIL $name"
    fi
}

vmstat()
{
    sed -n "s/^$1 //p" /proc/vmstat
}

stat()
{
    sed -n "s/^$1 //p" $stats
}

# Sectors that the disk has read and written, in KiB.
disk()
{
    awk '{ print int(($3 + $7) / 2) }' /sys/block/nullb0/stat
}

# use ZPOOL COMPRESSOR Y|N
use()
{
    echo $1 >$zswap/zpool && echo $2 >$zswap/compressor && echo $3 >$zswap/enabled
}

# run NAME: result, disk_kib, out, in, ms of one sort
run()
{
    disk_kib=$(disk)
    out=$(vmstat pswpout)
    in=$(vmstat pswpin)
    /swap/swaptest sort $MIB </swap/text >/tmp/sort
    line=$(tail -n 1 /tmp/sort)
    sed "\$d; s/^/$1, /" /tmp/sort
    disk_kib=$(($(disk) - disk_kib))
    out=$(($(vmstat pswpout) - out))
    in=$(($(vmstat pswpin) - in))
    result=${line% seconds*}
    seconds=${line##* }
    echo "$1: $result, $seconds s; disk: $out pages out, $in in, $disk_kib KiB"
}

sorted()
{
    case $1 in sorted*) return 0 ;; esac
    return 1
}

# With tmem, all pages go there.
sort_tmem()
{
    puts=$(stat puts)
    gets=$(stat gets)
    run tmem
    echo "tmem: $(($(stat puts) - puts)) puts, $(($(stat gets) - gets)) gets," \
         "$(stat puts_refused) refused, $(stat pages) pages left"
}

# What zswap has stored by way of a vCPU's context is still there when that vCPU
# and the context have gone: of a file that does not fit in memory, or of others.
vcpu_goes()
{
    mkdir -p /t && mount -t tmpfs -o size=1g t /t &&
        taskset -p 2 "$(pidof kswapd0)" || return 1
    sum=$(taskset 2 sh -c "head -c ${MIB}m /dev/urandom | tee /t/file | md5sum")
    wrong=$(stat wrong_zpool)
    echo 0 >$CPU1 && [ "$(md5sum </t/file)" = "$sum" ] && umount /t &&
        swapoff $DISK && swapon $DISK
    rc=$?
    echo 1 >$CPU1
    echo "strays: $(stat pages) pages, $wrong refused, $(stat gets_lost) lost"
    # One may still wait for its context's next use.
    [ $rc = 0 ] && [ $wrong -gt 0 ] && [ $(stat gets_lost) = 0 ] &&
        [ $(stat strays) -gt 0 ] && [ $(stat pages) -le $(nproc) ]
}

# Each context with the wrong zpool keeps one page, until the module goes. A vCPU
# that went and came back has had two.
only_strays()
{
    [ $(stat pages) = $(stat strays) ] && [ $(stat strays) -le $(($(nproc) + 1)) ]
}

unload()
{
    use zbud lzo N || return 1
    swapoff $DISK || return 1
    # zswap frees the pool that it no longer uses a little later.
    n=0
    until rmmod xen_tmem 2>/dev/null; do
        n=$((n + 1))
        [ $n -lt 20 ] || { rmmod xen_tmem; return 1; }
        sleep 1
    done
    ! dmesg | grep -q 'cut here'
}

load()
{
    insmod /swap/xen-tmem.ko && [ -e $stats ]
}

all()
{
    run disk
    disk_result=$result
    disk_out=$out
    disk_kib_before=$disk_kib
    disk_seconds=$seconds
    verdict "sort on the swap disk alone" sorted "$result"
    verdict "it does swap: $out pages out, $in in" test $out -gt 1500

    verdict "module loads" load
    verdict "zswap takes it" use tmem tmem Y
    sort_tmem
    verdict "sort through tmem: the same result" \
            test "$result" = "$disk_result"
    verdict "pages went to tmem" test $(($(stat puts) - puts)) -gt 1500
    # What comes in was swapped out, of other programs, by the first sort.
    verdict "no page went to disk: $out of $disk_out, $disk_kib KiB of\
 $disk_kib_before" test $out -eq 0 -a $in -lt 500
    verdict "no page lost" test $(stat gets_lost) -eq 0
    echo "time: $disk_seconds s with the disk, $seconds s with tmem"

    # Half of a pair would store pages that nobody ever frees, or nothing.
    verdict "compressor without the zpool" use zbud tmem Y
    MIB=$((MIB - 4))
    [ ! -e $CPU1 ] || verdict "keeps the one page when its vCPU goes" vcpu_goes
    run "zpool zbud"
    verdict "sorts on disk" sorted "$result"
    verdict "refuses: $(stat wrong_zpool)" test $(stat wrong_zpool) -gt 0
    verdict "zpool without the compressor" use tmem lzo Y
    run "compressor lzo"
    verdict "sorts on disk too" sorted "$result"
    verdict "refuses too: $(stat wrong_compressor)" \
            test $(stat wrong_compressor) -gt 0

    use tmem tmem N
    swapoff $DISK
    sleep 2
    cat $stats
    verdict "swapoff leaves no page" only_strays
    swapon $DISK
    verdict "module unloads" unload

    lost
}

# In a group of its own, so that nothing else is swapped.
lose()
{
    mkdir -p /cg
    mount -t cgroup2 cg /cg || return 1
    echo +memory >/cg/cgroup.subtree_control
    mkdir /cg/lose
    echo 8M >/cg/lose/memory.max
    sh -c 'echo $$ >/cg/lose/cgroup.procs
           exec /swap/swaptest lose 24' </swap/text >/tmp/lose
    rc=$?
    cat /tmp/lose
    # SIGKILL or SIGBUS.
    [ $rc = 137 ] || [ $rc = 135 ]
}

lost()
{
    swapon $DISK
    verdict "module loads again" load
    use tmem tmem Y
    verdict "a lost page kills its process" lose
    verdict "it is counted: $(stat gets_lost)" test $(stat gets_lost) -gt 0
    dmesg | grep 'SWAPPED PAGE LOST' | head -n 2
    verdict "and told" sh -c "dmesg | grep -q 'SWAPPED PAGE LOST'"
    verdict "the kernel lives" sh -c \
            "! dmesg | grep -q 'cut here\|Oops'"
    run afterwards
    verdict "and sorts, on disk" sorted "$result"
    verdict "module unloads then too" unload
}

full()
{
    verdict "module loads" load
    use tmem tmem Y
    sort_tmem
    verdict "sort through tmem and disk" sorted "$result"
    verdict "pages went to tmem" test $(($(stat puts) - puts)) -gt 500
    verdict "others were refused" test $(stat puts_refused) -gt 500
    verdict "and went to disk: $out out, $in in" test $out -gt 500
    verdict "no page lost" test $(stat gets_lost) -eq 0
    verdict "module unloads" unload
}

# round UNTIL: sorts until one is as UNTIL tells; all results must be the same
round()
{
    n=0
    while [ $n -lt 5 ]; do
        n=$((n + 1))
        refused=$(stat puts_refused)
        sort_tmem
        refused=$(($(stat puts_refused) - refused))
        puts=$(($(stat puts) - puts))
        [ "$result" = "${first:=$result}" ] && sorted "$result" || return 1
        if $1; then return 0; fi
    done
    return 1
}

all_taken()
{
    [ $puts -gt 1500 ] && [ $refused = 0 ] && [ $out = 0 ]
}

all_refused()
{
    [ $puts = 0 ] && [ $refused -gt 1500 ] && [ $out -gt 1500 ]
}

frozen()
{
    verdict "module loads" load
    use tmem tmem Y
    MIB=$((MIB - 4))
    verdict "sort through tmem" round all_taken
    echo "SWAP: freeze"
    verdict "frozen: the swap disk takes it all" round all_refused
    echo "SWAP: thaw"
    verdict "thawed: tmem takes it all again" round all_taken
    verdict "no page lost" test $(stat gets_lost) -eq 0
    verdict "module unloads" unload
}

. /swap/disk.sh

mount -t debugfs debugfs /sys/kernel/debug
# The disk is a part of memory, written once before so that it is there when
# memory gets short. It has no latency but what its driver costs.
insmod /swap/configfs.ko
insmod /swap/null_blk.ko memory_backed=1 gb=1 nr_devices=1 irqmode=0
dd if=/dev/zero of=$DISK bs=1M count=$DISK_MIB oflag=direct 2>/dev/null
mkswap $DISK $((DISK_MIB * 1024)) >/dev/null && swapon $DISK ||
    echo "FAIL swap disk"
# More than there is, and no more than the disk and the rest hold.
MIB=$(awk '/^MemFree/ { print int($2 / 2048) * 2 + 8 }' /proc/meminfo)
free | sed -n 's/^Mem: */memory: KiB /p'
case $(cat /proc/cmdline) in
*swaptest=all*) all ;;
*swaptest=full*) full ;;
*swaptest=freeze*) frozen ;;
*swaptest=diskfull*) swap_disk_full ;;
*swaptest=disk*) swap_disk ;;
*) echo "FAIL no swaptest= on the command line" ;;
esac
dmesg | grep 'xen_tmem:\|tmem_swap:' | sed 's/^/log: /' | head -n 30
echo "SWAP: done"
