# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh: runs in a guest (/test.sh), with a file system over dm-tmem over a
# disk, and less memory for its work than the files take. precache=FS on the
# kernel's command line says which. Verdicts are "PASS name" and "FAIL name";
# "PRECACHE: done" is the last line.

DISK=/dev/nullb0
T=/dev/mapper/t
SECONDS_RUN=10
HITS=1000
UUID=abcdef01-2345-6789-cdef-0123456789ab
dmtest=/precache/dmtest

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

# status NAME: a counter of the target
status()
{
    dmsetup status t | sed -n "s/.* $1 \(-*[0-9]*\).*/\1/p"
}

limited()
{
    sh -c 'echo $$ >/cg/work/cgroup.procs; exec "$@"' limited "$@"
}

make_fs()
{
    case $fs in
    ext4* | mutants) mkfs.ext4 -q -F $1 ;;
    xfs)   mkfs.xfs -q -f $1 ;;
    btrfs) mkfs.btrfs -q -f $1 >/dev/null ;;
    esac
}

mount_fs()
{
    options=
    type=$fs
    case $fs in
    ext4-journal | mutants) type=ext4 options="-o data=journal" ;;
    esac
    mount -t $type $options $1 /mnt
}

# target OPTIONS: over the disk, and mounted
target()
{
    dmsetup create t --table "0 $SECTORS tmem $DISK $*" && dmsetup mknodes &&
        mount_fs $T
}

remove()
{
    umount /mnt && dmsetup remove t
}

# Work beside a reader of the whole device, whose page cache has the same blocks.
work()
{
    while [ ! -e /tmp/stop ]; do
        limited dd if=$T of=/dev/null bs=256k count=400 2>/dev/null
        sleep 1
    done &
    limited $dmtest run /mnt $1 $2
    rc=$?
    touch /tmp/stop
    wait
    rm /tmp/stop
    return $rc
}

show()
{
    echo "$1: $(dmsetup status t)"
}

no_harm()
{
    verdict "no hit differs, of $(status compared)" test $(status differ) -eq 0
    verdict "no put during a write" test $(status late) -eq 0
}

# What the page cache drops is put, and a truncated file's pages are not.
dropped_and_removed()
{
    $dmtest pages /mnt/pages 4
    sync
    before=$(status puts)
    echo 1 >/proc/sys/vm/drop_caches
    dropped=$(($(status puts) - before))
    cat /mnt/pages >/dev/null
    before=$(status puts)
    rm /mnt/pages
    removed=$(($(status puts) - before))
}

who_evicts()
{
    dropped_and_removed
    verdict "dropped pages are put: $dropped of 1024" test $dropped -gt 900
    verdict "removed ones are not: $removed" test $removed -lt 100
}

# A disk that takes its time for writes: what is read meanwhile may be old, and
# must not be put.
race()
{
    dmsetup create slow --table "0 $SECTORS delay $DISK 0 0 $DISK 0 5" &&
        dmsetup mknodes && dmsetup create t --table "0 $SECTORS tmem /dev/mapper/slow verify" &&
        dmsetup mknodes && $dmtest race $T 5
}

race_end()
{
    show race
    dmsetup remove t && dmsetup remove slow
}

verified()
{
    verdict "target with verify" target verify
    verdict "random work, each hit compared with the disk" work $SECONDS_RUN 1
    fstrim /mnt
    who_evicts
    show verified
    verdict "enough hits: $(status compared)" test $(status compared) -ge $HITS
    no_harm
    verdict "it goes" remove
}

served()
{
    verdict "target without" target
    verdict "all files are right" $dmtest check /mnt
    verdict "random work" work $SECONDS_RUN 2
    show served
    verdict "enough hits: $(status hits)" test $(status hits) -ge $HITS
    verdict "all files are right then" limited $dmtest check /mnt
    no_harm
    verdict "it goes too" remove
}

refused()
{
    bad=0
    for table in "0 $SECTORS tmem" "0 $SECTORS tmem $DISK nonsense" \
            "0 $SECTORS tmem /dev/none" "0 $((SECTORS * 9)) tmem $DISK" \
            "0 1 tmem $DISK" "0 $SECTORS tmem $DISK shared nonsense" \
            "0 $SECTORS tmem $DISK shared 01234567-89ab-cdef-0123-456789abcdef"
    do
        dmsetup create bad --table "$table" 2>/dev/null && bad=$((bad + 1))
    done
    mount_fs $DISK
    dmsetup create bad --table "0 $SECTORS tmem $DISK" 2>/dev/null &&
        bad=$((bad + 1))
    umount /mnt
    dmsetup create t --table "0 $SECTORS tmem $DISK"
    dmsetup create bad --table "0 $SECTORS tmem $DISK" 2>/dev/null &&
        bad=$((bad + 1))
    dmsetup remove t
    [ $bad = 0 ]
}

# Those that put the target under root and under volumes, with what initramfs-tools
# and systemd would have done before.
scripts()
{
    modules=/lib/modules/$(uname -r)
    mkdir -p /conf $modules
    cp /precache/dm-tmem.ko $modules/
    echo "dm-tmem.ko:" >$modules/modules.dep
    ROOT=$DISK sh /precache/local-premount && [ -e /conf/param.conf ] &&
        . /conf/param.conf && [ "$ROOT" = /dev/mapper/tmem-root ] &&
        mount_fs $ROOT && umount /mnt && dmsetup remove tmem-root || return 1
    echo "# comment
home $DISK verify" >/etc/tmem-volumes
    # (There is no udev here.)
    sh /precache/tmem-volumes start && dmsetup mknodes &&
        dmsetup table home | grep -q 'tmem .* verify' &&
        mount_fs /dev/mapper/home && ! sh /precache/tmem-volumes stop &&
        umount /mnt && sh /precache/tmem-volumes stop && ! dmsetup status home
}

# Each of them must be found.
mutants()
{
    for ko in /precache/mutants/*.ko; do
        name=${ko##*/}
        name=${name%.ko}
        rm -f /tmp/model-*
        insmod $ko || return 1
        if [ $name = in_flight ]; then
            race
            found=$(status late)
            race_end
        else
            make_fs $DISK
            target verify
            if [ $name = memalloc ]; then
                dropped_and_removed
                found=$((dropped <= 900 || removed >= 100))
            else
                work 20 1
                found=$(status differ)
            fi
            show "mutant $name" | tr _ ' '
            remove
        fi
        verdict "mutant $name is found: $found" test $found -gt 0
        rmmod dm-tmem
    done
}

all()
{
    verdict "module loads" insmod /precache/dm-tmem.ko
    make_fs $DISK
    free | sed -n 's/^Mem: */memory: KiB /p'
    verdict "bad tables are refused" refused
    verdict "written and read at once" race
    verdict "puts refused for that: $(status written)" test $(status written) -gt 100
    no_harm
    race_end
    make_fs $DISK || echo "FAIL mkfs"
    verified
    served
    mount_fs $DISK
    verdict "the disk itself has it all" $dmtest check /mnt
    umount /mnt
    verdict "the scripts put it under root and volumes" scripts
    verdict "module unloads" rmmod dm-tmem
}

dropped_all()
{
    echo 1 >/proc/sys/vm/drop_caches
}

# The image's first 4 MiB, by way of the target
image()
{
    dd if=${1:-$T} bs=128k count=32 2>/dev/null | md5sum
}

# away HOW POOLS: the disk changes while the guest is suspended, with pages of it
# in the pool
away()
{
    old=$(image)
    dropped_all
    puts=$(status puts)
    verdict "$1: pages are put: $puts" test $puts -gt 900
    # Not by way of the target: as another host would.
    dd if=$DISK of=$DISK bs=1M count=4 skip=$((4 * $2)) conv=notrunc,fsync \
        2>/dev/null
    dropped_all
    new=$(image $DISK)
    verdict "$1: the disk is another" test "$new" != "$old"
    hits=$(status hits)
    echo "PRECACHE: $1"
    n=0
    until [ $(status pools) -ge $2 ] || [ $n -gt 200 ]; do
        n=$((n + 1))
        sleep 1
    done
    verdict "$1: a new pool" test $(status pools) -eq $2
    verdict "$1: what the disk has now is read" test "$(image)" = "$new"
    verdict "$1: nothing old was found" test $(status hits) -eq $hits
    dropped_all
    verdict "$1: from then on it is" test "$(image)" = "$new" -a \
            $(status hits) -gt $((hits + 900))
}

saved()
{
    insmod /precache/dm-tmem.ko
    $dmtest pages $DISK 16
    verdict "target" dmsetup create t --table "0 $SECTORS tmem $DISK"
    dmsetup mknodes
    # Open, or else each reader takes the page cache along when it closes it.
    exec 3<$T
    # It goes on, and its pages are there; it goes on elsewhere.
    away checkpoint 2
    away save 3
    show saved
    exec 3<&-
    dmsetup remove t
}

# Two guests of one image: the second finds what the first has put.
shared()
{
    insmod /precache/dm-tmem.ko
    $dmtest pages $DISK 4
    old=$(image $DISK)
    table="0 $SECTORS tmem $DISK shared $UUID"
    verdict "shared is refused on what can be written" \
            sh -c "! dmsetup create t --readonly --table '$table' 2>/dev/null"
    blockdev --setro $DISK
    verdict "and by a table for that" \
            sh -c "! dmsetup create t --table '$table' 2>/dev/null"
    verdict "target" dmsetup create t --readonly --table "$table"
    dmsetup mknodes
    verdict "first time: the image" test "$(image)" = "$old"
    show "$fs"
    if [ $fs = sharer ]; then
        verdict "much of it was there: $(status hits)" test $(status hits) -gt 400
    else
        verdict "pages are put: $(status puts)" test $(status puts) -gt 400
    fi
    dropped_all
    verdict "second time: the image" test "$(image)" = "$old"
    dropped_all
    before=$(status hits)
    verdict "third time: the image" test "$(image)" = "$old"
    found=$(($(status hits) - before))
    verdict "all of it was there: $found" test $found -gt 900
    show "$fs"
    # Until the other guest is done, this one is paused here.
    [ $fs = sharer ] || { echo "PRECACHE: wait"; sleep 5; }
    dmsetup remove t
}

fs=$(sed 's/.*precache=\([^ ]*\).*/\1/' /proc/cmdline)
mount -t tmpfs -o size=4m t /tmp
mkdir -p /mnt /cg /etc && mount -t cgroup2 cg /cg
echo +memory >/cg/cgroup.subtree_control && mkdir /cg/work
echo 12M >/cg/work/memory.max
ln -s /proc/mounts /etc/mtab
for m in $(cat /precache/modules); do
    args=
    # A disk in memory, whose requests take a while.
    [ $m != null_blk ] || args="memory_backed=1 gb=1 nr_devices=1 irqmode=2
        completion_nsec=100000 queue_mode=2 discard=1"
    insmod /precache/$m.ko $args || echo "FAIL module $m"
done
SECTORS=$(cat /sys/block/nullb0/size)
case $fs in
mutants | saved) $fs ;;
shared | sharer) shared ;;
*) all ;;
esac
verdict "the kernel is silent" sh -c "! dmesg | grep -q 'cut here\|Oops\|BUG'"
dmesg | grep 'dm_tmem:\|cut here' | sed 's/^/log: /' | head -n 30
echo "PRECACHE: done"
