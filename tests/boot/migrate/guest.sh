# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh: what a guest of this scenario does (run.sh), in Linux, by the
# kernel's command line:
# migrate=MIB      a program goes over so much data, which is more than there is
#                  memory: it swaps, by way of zswap and xen-tmem.ko
# migrate=MIBdense the same with pages that can be compressed, or have the same
#                  bits all over: zswap is not to keep these to itself
# migrate=plain    no tmem; a line now and then

DISK=/dev/nullb0
zswap=/sys/module/zswap/parameters

plain()
{
    n=0
    while :; do
        n=$((n + 1))
        echo "FILL: 0 round $n: no tmem"
        sleep 1
    done
}

swapping()
{
    mount -t debugfs debugfs /sys/kernel/debug
    # A disk that no page should go to. What does takes the guest's own memory.
    insmod /migrate/configfs.ko
    insmod /migrate/null_blk.ko memory_backed=1 gb=1 nr_devices=1 irqmode=0
    mkswap $DISK $(($1 * 1024)) >/dev/null && swapon $DISK &&
        insmod /migrate/xen-tmem.ko && echo tmem >$zswap/zpool &&
        echo tmem >$zswap/compressor && echo Y >$zswap/enabled ||
        echo "FILL: WRONG start: no swap through tmem"
    [ -z "$2" ] || echo N >$zswap/same_filled_pages_enabled
    /migrate/fill $1 $(nproc) $2
    sed 's/^/FILL: stats: /' /sys/kernel/debug/tmem/stats
    dmesg | tail -n 5
}

what=$(sed 's/.*migrate=\([a-z0-9]*\).*/\1/' /proc/cmdline)
case $what in
plain) plain ;;
*dense) swapping ${what%dense} dense ;;
*)     swapping $what ;;
esac
# Until it is destroyed.
sleep 100000
