# SPDX-License-Identifier: GPL-2.0-only
#
# disk.sh: part of guest.sh: swap through tmem-swap.ko, on /dev/tmemswap0.
# swaptest=disk     the same sort on the disk below and through tmem; what is written
#                   without swap, page by page; what goes wrong
# swaptest=diskfull a sort in a guest whose room for pages in tmem is too small

SWAP=/dev/tmemswap0
disk_stats=/sys/kernel/debug/tmem-swap/stats
enabled=/sys/module/tmem_swap/parameters/enabled

# refused WHY DEVICES: with one line, and nothing has changed
refused()
{
    before=$(dmesg | wc -l)
    insmod /swap/tmem-swap.ko devices=$2 2>/dev/null && return 1
    dmesg | sed "1,${before}d" >/tmp/why
    # (insmod tries twice.)
    [ "$(sed -n 's/.*tmem_swap: //p' /tmp/why | uniq | wc -l)" = 1 ] &&
        grep -q "$1" /tmp/why &&
        [ ! -e $SWAP ] && ! grep -q tmem_swap /proc/modules || {
        cat /tmp/why
        return 1
    }
}

load_disk()
{
    insmod /swap/tmem-swap.ko devices=$DISK && [ -b $SWAP ] &&
        stats=$disk_stats && [ -e $stats ]
}

unload_disk()
{
    rmmod tmem_swap && [ ! -e $SWAP ] && ! dmesg | grep -q 'cut here'
}

# The signature has been written to the disk below, and read through it.
swap_on()
{
    swapon $SWAP
}

# Of the slots in use, Linux keeps some for pages to come: 64 for each vCPU, and as
# many that it has not told of yet; or a page has been read, and may be written again.
used()
{
    awk '/tmemswap0/ { print int($4 / 4) }' /proc/swaps
}

slots_in_use()
{
    pages=$(stat pages)
    used=$(used)
    echo "slots: $used in use, $pages in tmem"
    [ $pages -le $used ] && [ $((used - pages)) -le $((128 * $(nproc))) ]
}

# to PAGE PAGES FILE BLOCK, from PAGE PAGES FILE BLOCK: without the page cache
to()
{
    dd if=$3 of=$SWAP bs=$4 seek=$(($1 * 4096 / $4)) \
       count=$(($2 * 4096 / $4)) oflag=direct 2>/dev/null
}

from()
{
    dd if=$SWAP of=$3 bs=$4 skip=$(($1 * 4096 / $4)) \
       count=$(($2 * 4096 / $4)) iflag=direct 2>/dev/null
}

same()
{
    from $1 $2 /tmp/back $4 && cmp -s /tmp/back $3
}

starts_same()
{
    from $1 $2 /tmp/back $4 && cmp -s -n $(($2 * 4096)) /tmp/back $3
}

# Linux says this when it goes on somewhere else.
resumes()
{
    dmesg | grep -c 'Grant tables using'
}

# dom0 compares the pages, with one more, the witness; then it saves us.
saved()
{
    times=$(resumes)
    n=0
    echo "SWAP: save $(($1 + 1))"
    until [ $(resumes) -gt $times ]; do
        n=$((n + 1))
        [ $n -lt 200 ] || return 1
        sleep 1
    done
}

# Of the disk below.
signature()
{
    dd if=$DISK bs=4096 count=1 iflag=direct 2>/dev/null | tail -c 10
}

# Written as a program would: without swap, nothing else does.
raw()
{
    head -c 4m /dev/urandom >/tmp/data
    head -c 256k /dev/urandom >/tmp/other
    io=$(disk)
    verdict "raw: 1024 pages are written" to 256 1024 /tmp/data 131072
    verdict "raw: they are in tmem, $(stat pages)" test $(stat pages) = 1024
    verdict "raw: read in large blocks" same 256 1024 /tmp/data 1048576
    verdict "raw: and page by page" same 256 1024 /tmp/data 4096
    verdict "raw: the disk below is idle" test $(disk) = $io
    verdict "saved and restored" saved 1024
    verdict "the pages have come along" same 256 1024 /tmp/data 65536
    verdict "the pool is the same" test $(stat pools_lost) = 0

    # Every other 8 of 512 pages to the disk: no read may mix them up.
    echo N >$enabled
    n=0
    while [ $n -lt 512 ]; do
        dd if=/tmp/data of=$SWAP bs=4096 skip=$n seek=$((256 + n)) count=8 \
           oflag=direct 2>/dev/null
        n=$((n + 16))
    done
    verdict "raw: half of 512 go to the disk: $(stat pages) in tmem" \
            test $(stat pages) = 768
    verdict "raw: tmem and disk in one read" same 256 1024 /tmp/data 1048576
    to 304 64 /tmp/other 4096
    verdict "raw: what is written over is there" same 304 64 /tmp/other 65536
    echo Y >$enabled
    to 256 1024 /tmp/data 262144
    verdict "raw: and what is written over that" same 256 1024 /tmp/data 262144

    verdict "discard: of 256 pages" \
            blkdiscard -o $((512 * 4096)) -l $((256 * 4096)) $SWAP
    verdict "discard: they are gone, $(stat pages)" test $(stat pages) = 768
    verdict "discard: and no others" starts_same 256 256 /tmp/data 65536
    verdict "discard: of all" blkdiscard $SWAP
    verdict "discard: none is left" test $(stat pages) = 0
    mkswap $SWAP $((DISK_MIB * 1024)) >/dev/null
    verdict "the first page stays on the disk" test "$(signature)" = SWAPSPACE2
}

wrong_disks()
{
    # Before the first line that the kernel prints with a module.
    verdict "no disk" sh -c '! insmod /swap/tmem-swap.ko 2>/dev/null'
    verdict "no such disk" refused 'no such block device' /dev/none
    verdict "no block device" refused 'no such block device' /dev/null
    verdict "a disk in use" refused 'in use' $DISK
    swapoff $DISK
    verdict "a disk named twice" refused 'twice' $DISK,$DISK
    insmod /swap/loop.ko
    head -c 4096 /dev/zero >/tmp/small
    losetup /dev/loop0 /tmp/small
    verdict "a disk that is too small" refused 'too small' $DISK,/dev/loop0
    losetup -d /dev/loop0
    head -c 64k /dev/zero >/tmp/small
    losetup -r /dev/loop0 /tmp/small
    verdict "a disk that is read-only" refused 'read-only' /dev/loop0
    losetup -d /dev/loop0
    mkdir -p /config && mount -t configfs configfs /config &&
        mkdir /config/nullb/zoned && cd /config/nullb/zoned &&
        echo 64 >size && echo 4 >zone_size && echo 1 >memory_backed &&
        echo 1 >zoned && echo 1 >power
    cd /
    verdict "a zoned disk" refused 'zoned' /dev/zoned
    rmdir /config/nullb/zoned
}

# Those that the pool has lost are an error for who wants them, and for nobody else.
lose_on_disk()
{
    swap_on
    verdict "a lost page kills its process" lose
    verdict "it is counted: $(stat gets_lost)" test $(stat gets_lost) -gt 0
    verdict "and told once" \
            test "$(dmesg | grep -c 'SWAPPED PAGE LOST')" = 1
    verdict "the kernel lives" sh -c "! dmesg | grep -q 'cut here\|Oops'"
    MIB=$((MIB - 8))
    run afterwards
    verdict "and sorts, on disk" sorted "$result"
}

swap_disk()
{
    wrong_disks
    swapon $DISK
    run disk
    disk_result=$result
    disk_out=$out
    disk_kib_before=$disk_kib
    disk_seconds=$seconds
    verdict "sort on the disk below alone" sorted "$result"
    verdict "it does swap: $out pages out, $in in" test $out -gt 1500
    swapoff $DISK

    verdict "module loads" load_disk
    verdict "Linux swaps there" swap_on
    sort_tmem
    verdict "sort through tmem: the same result" \
            test "$result" = "$disk_result"
    verdict "pages went to tmem" test $(($(stat puts) - puts)) -gt 1500
    verdict "no page went to disk: $disk_kib KiB of $disk_kib_before" \
            test $disk_kib -lt 64
    verdict "no page lost" test $(stat gets_lost) -eq 0
    echo "time: $disk_seconds s with the disk, $seconds s with tmem"
    verdict "a slot that is free is no page in tmem" slots_in_use
    verdict "module stays while in use" sh -c '! rmmod tmem_swap 2>/dev/null'

    verdict "swapoff" swapoff $SWAP
    verdict "swapoff leaves no page: $(stat pages)" test $(stat pages) = 0
    raw
    lose_on_disk
    swapoff $SWAP
    verdict "module unloads" unload_disk
}

swap_disk_full()
{
    swapoff $DISK
    verdict "module loads" load_disk
    swap_on
    sort_tmem
    verdict "sort through tmem and disk" sorted "$result"
    verdict "pages went to tmem" test $(($(stat puts) - puts)) -gt 500
    verdict "others were refused" test $(stat puts_refused) -gt 500
    verdict "and went to disk: $disk_kib KiB" test $disk_kib -gt 2000
    verdict "no page lost" test $(stat gets_lost) -eq 0
    verdict "a slot that is free is no page in tmem" test $(stat pages) -le $(used)
    swapoff $SWAP
    verdict "swapoff leaves no page: $(stat pages)" test $(stat pages) = 0
    verdict "module unloads" unload_disk
}
