# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh: runs in dom0. Guests with too little memory sort more text than they
# have, their swap space behind zswap and xen-tmem.ko (guest.sh tells what).
# The swap disks are RAM disks of dom0. Needs /guest/vmlinux; all else is in
# the folder of this script. Ends with 0 if all has passed.

here=$(cd "$(dirname "$0")" && pwd)
DISK_MIB=128
MEMORY=128
failed=0

fail()
{
    echo "FAIL swap: $*"
    failed=1
}

free_mib()
{
    xl info free_memory
}

# start NAME TYPE ROOM DISK WHAT
start()
{
    cat >/tmp/$1.cfg <<END
name = "$1"
type = "$2"
kernel = "/guest/vmlinux"
ramdisk = "$here/initrd"
extra = "console=hvc0 quiet swaptest=$5"
memory = $MEMORY
vcpus = 2
disk = [ "vdev=xvda,format=raw,access=rw,script=$here/block-tmem,target=$4" ]
on_crash = "destroy"
on_reboot = "destroy"
END
    # Room for pages in tmem is what the guest may have and does not have.
    xl create -p /tmp/$1.cfg && xl mem-max $1 $((MEMORY + $3)) && xl unpause $1
}

# guest NAME TYPE ROOM DISK WHAT: from its start to its end
guest()
{
    log=/var/log/xen/console/guest-$1.log
    if ! start "$@" >/tmp/$1.log 2>&1; then
        cat /tmp/$1.log
        fail "$1: guest did not start"
        return
    fi
    n=0
    while xl list $1 >/dev/null 2>&1; do
        n=$((n + 1))
        [ $n -lt 600 ] || { xl destroy $1; break; }
        ! grep -q '^SWAP: done' $log || [ $n -lt 590 ] || n=590
        sleep 1
    done
    tr -d '\r' <$log | sed -n "s/^\(PASS\|FAIL\) /\1 swap, $1: /p; \
        /^[a-z][a-z ]*: \|^killed\|^time/s/^/$1: /p"
    ! grep -q '^FAIL' $log || failed=1
    grep -q '^SWAP: done' $log || {
        tail -n 15 $log
        fail "$1: did not come to its end"
    }
}

insmod $here/brd.ko rd_nr=3 rd_size=$((DISK_MIB * 1024))
insmod $here/xen-blkback.ko
chmod +x $here/block-tmem
# So that the disks have all their memory before it is measured.
for i in 0 1 2; do
    dd if=/dev/zero of=/dev/ram$i bs=1M count=$DISK_MIB 2>/dev/null
done

before=$(free_mib)
guest pv pv 256 /dev/ram0 all
guest pvh pvh 256 /dev/ram1 all
guest pv-full pv 24 /dev/ram2 full
sleep 2
after=$(free_mib)
if [ "$before" = "$after" ]; then
    echo "PASS swap: memory comes back, $after MiB"
else
    fail "free memory was $before MiB, is $after MiB"
fi
exit $failed
