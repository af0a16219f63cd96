# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh: runs in dom0. A guest for each file system or other test that the file fs
# names; its disk lies below dm-tmem.ko (guest.sh tells what). Needs /guest/vmlinux; all
# else is in the folder of this script. Ends with 0 if all has passed.

here=$(cd "$(dirname "$0")" && pwd)
MEMORY=352
# Seconds without a word after which a guest is taken for dead.
QUIET=300
UUID=abcdef01-2345-6789-cdef-0123456789ab
failed=0

fail()
{
    echo "FAIL precache: $*"
    failed=1
}

start()
{
    memory=$MEMORY
    case $1 in sha* | saved) memory=192 ;; esac
    cat >/tmp/$1.cfg <<END
name = "$1"
type = "pv"
kernel = "/guest/vmlinux"
ramdisk = "$here/initrd"
extra = "console=hvc0 quiet precache=$1"
memory = $memory
vcpus = 2
on_crash = "destroy"
on_reboot = "destroy"
END
    xl create -p /tmp/$1.cfg || return 1
    # Before it has a pool.
    case $1 in shar*) xl tmem-shared-auth $1 -u $UUID -A 1 || return 1 ;; esac
    xl unpause $1
}

# ask NAME LOG: what the guest asks for, once
ask()
{
    case $(tr -d '\r' <$2 | sed -n 's/^PRECACHE: //p' | tail -n 1) in
    "$asked") ;;
    checkpoint)
        asked=checkpoint
        xl save -c $1 /tmp/save >/tmp/out 2>&1 || {
            cat /tmp/out
            fail "$1: save and go on"
        }
        rm -f /tmp/save ;;
    save)
        asked=save
        xl save $1 /tmp/save >/tmp/out 2>&1 &&
            xl restore /tmp/save >>/tmp/out 2>&1 || {
            cat /tmp/out
            fail "$1: save and restore"
        }
        rm -f /tmp/save ;;
    wait)
        asked=wait
        xl pause $1
        # The guest that is asked about here is another one.
        (guest sharer; exit $failed) || failed=1
        xl unpause $1 ;;
    esac
}

# relay NAME LOG: the guest's new lines, as far as they are for the reader
relay()
{
    lines=$(wc -l <$2)
    [ $lines -gt $seen ] || return 0
    sed -n "$((seen + 1)),${lines}p" $2 | tr -d '\r' |
        sed -n "s/^\(PASS\|FAIL\) /\1 precache, $1: /p
                s/^ *[a-z][a-z ]*: /$1: &/p"
    seen=$lines
}

guest()
{
    log=/var/log/xen/console/guest-$1.log
    echo "$1: starting, $(cut -d' ' -f1 /proc/uptime) s"
    if ! start $1 >/tmp/$1.log 2>&1; then
        cat /tmp/$1.log
        fail "$1: guest did not start"
        return
    fi
    seen=0
    quiet=0
    asked=
    until grep -q '^PRECACHE: done' $log; do
        sleep 2
        quiet=$((quiet + 2))
        before_seen=$seen
        relay $1 $log
        ask $1 $log
        [ $seen = $before_seen ] || quiet=0
        [ $quiet -lt $QUIET ] && xl domid $1 >/dev/null || break
    done 2>/dev/null
    relay $1 $log
    ! grep -q '^FAIL' $log || failed=1
    grep -q '^PRECACHE: done' $log || {
        tail -n 30 $log
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

for fs in $(cat $here/fs); do
    guest $fs
done
exit $failed
