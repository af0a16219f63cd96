#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh - xl's tmem commands with Linux guests as clients. Run in dom0.
#
# What the list says is compared with what the guests did (guest.sh); freezing,
# authorising, weights and caps change what happens to them; and a new guest is
# built out of memory that was flushed.

. "${0%/*}/lib.sh"

UUID=abcdef01-2345-6789-cdef-0123456789ab
MEMORY=160

# linux NAME TYPE MODE [MEMORY]: left paused.
linux()
{
    _memory=${4:-$MEMORY}
    cat >/tmp/$1.cfg <<_END
name = "$1"
type = "$2"
kernel = "/guest/vmlinux"
ramdisk = "$HERE/initrd"
extra = "console=hvc0 quiet control=$3"
memory = $_memory
vcpus = 1
cpu_weight = 16
on_crash = "destroy"
on_reboot = "destroy"
_END
    : >$LOGS/guest-$1.log
    xl create -p /tmp/$1.cfg >/tmp/$1.out 2>&1 &&
        room $1 $_memory 16 >>/tmp/$1.out 2>&1 && return 0
    cat /tmp/$1.out
    return 1
}

# up NAME TEXT: it runs, and has said so.
up()
{
    xl unpause $1 && wait_for 120 says $1 "$2" && return 0
    tail -n 5 $LOGS/guest-$1.log
    return 1
}

# key NAME LINE-LETTER KEY: its value in the long list; P1 is pool 1's line
key()
{
    case $2 in
    P?) _line="^P=CI:[0-9]*,PI:${2#P}," ;;
    *)  _line="^$2=CI" ;;
    esac
    xl tmem-list -l $1 | grep "$_line" | tr ',' '\n' | sed -n "s/.*\b$3://p" |
        head -n 1
}

# has NAME LINE KEY VALUE
has()
{
    _is=$(key $1 $2 $3)
    [ "$_is" = "$4" ] || echo "  $1: $2 $3 is $_is, not $4"
    [ "$_is" = "$4" ]
}

# last NAME WHAT VALUE: the newest of such lines says that
last()
{
    [ "$(tr -d '\r' <$LOGS/guest-$1.log | sed -n "s/^WORK: $2 //p" |
         tail -n 1)" = "$3" ]
}

counts()
{
    has work P0 ps 2048 && has work P0 pt 2048 && has work P0 gt 612 &&
        has work P0 gs 512 && has work P0 fs 40 && has work P0 Pc 1496 &&
        has work P1 ps 256 && has work P1 gs 64 && has work P1 Pc 256
}

# The same in the tables for people.
pages()
{
    xl tmem-list work | xen-tmem-list-parse >/tmp/text
    xl tmem-top >/tmp/top
    cat /tmp/top
    _e=$(awk '$2 == "work" { print $3 }' /tmp/top)
    _p=$(awk '$2 == "work" { print $4 }' /tmp/top)
    # And one more of each now and then.
    [ "$_e" -ge 1496 ] && [ "$_e" -lt 1596 ] &&
        [ "$_p" -ge 256 ] && [ "$_p" -lt 356 ] && grep -q "^Domain" /tmp/text
}

frozen()
{
    xl tmem-freeze $1 && wait_for 30 last work ephemeral -1000 &&
        wait_for 30 last work persistent -1000 && has work C fr 1
}

thawed()
{
    xl tmem-thaw $1 && wait_for 30 last work ephemeral 1 &&
        wait_for 30 last work persistent 1 && has work C fr 0
}

capped()
{
    xl tmem-set work -c 100 && has work C ca 100 &&
        _e=$(key work C Ec) && [ "$_e" -le 100 ] && xl tmem-set work -c 0
}

shared()
{
    last work pool private &&
        xl tmem-shared-auth work -u $UUID -A 1 &&
        wait_for 30 last work pool shared
}

joined()
{
    linux join pvh join && xl tmem-shared-auth join -u $UUID -A 1 &&
        up join '^WORK: joined' || return 1
    grep 'get 0 5' $LOGS/guest-join.log | tr -d '\r' | sed 's/^/  /'
    [ "$(grep -c '^get 0 5 0 16: 1 x 16.$' $LOGS/guest-join.log)" = 2 ]
}

destroyed()
{
    xl destroy $1 && wait_for 30 gone $1
}

check "a guest at work" eval 'linux work pv work && up work "^WORK: counted"'
check "tmem-list tells what the guest did" counts
check "tmem-top and tmem-list tell what it holds" pages
check "tmem-freeze: the guest adds nothing" frozen work
check "  but overwrites what it has" last work overwrite 1
check "tmem-thaw: it does again" thawed work
check "tmem-freeze, all" frozen -a
check "tmem-thaw, all" thawed -a
check "tmem-set: a cap holds at once" capped
check "tmem-shared-auth: the guest's pool is shared from then on" shared
check "another guest that may finds its pages there" joined
check "both go" eval 'destroyed work && destroyed join'

# share NAME OTHER: its part of both's pages, in per cent
share()
{
    _a=$(key $1 C Ec)
    _b=$(key $2 C Ec)
    echo $((_a * 100 / (_a + _b + 1)))
}

# share_is NAME OTHER PER-CENT: give or take 4
share_is()
{
    _s=$(share $1 $2)
    [ $_s -ge $(($3 - 4)) ] && [ $_s -le $(($3 + 4)) ]
}

# shares W1 W2 PER-CENT
shares()
{
    xl tmem-set fill1 -w $1 && xl tmem-set fill2 -w $2 || return 1
    wait_for 120 share_is fill1 fill2 $3
    _rc=$?
    xl tmem-top -d 2
    return $_rc
}

# Without what tmem would give back, which counts as free; each rounded down.
free_mib()
{
    echo $(($(xl info free_memory) - $(xl tmem-freeable)))
}

filled()
{
    [ "$(free_mib)" -le 60 ]
}

# TMEMC_FLUSH of all that all clients have; the KiB that it gave
flush()
{
    echo "control 2 0xffff 0xffffffff" | /bin/exerciser script |
        sed 's/.*: \(.*\) x 1/\1/'
}

# What freeable promised is free after the flush.
flushed()
{
    wait_for 120 filled && xl tmem-freeze -a || return 1
    before=$(free_mib)
    freeable=$(xl tmem-freeable) || return 1
    kib=$(flush)
    after=$(free_mib)
    echo "  free: $before MiB; freeable: $freeable MiB; flushed: $kib KiB;" \
         "free then: $after MiB"
    [ $((after - before)) -ge $((freeable - 2)) ]
}

# both pause|unpause
both()
{
    xl $1 fill1 && xl $1 fill2
}

# built NAME MEMORY: much more than is free, while others put pages; these are
# paused while it boots, which would take minutes beside them
built()
{
    _start=$(uptime)
    linux $1 pvh up $2 || return 1
    echo "  created in $(($(uptime) - _start)) s"
    both pause && up $1 '^WORK: end'
    _rc=$?
    echo "  up, or given up, after $(($(uptime) - _start)) s"
    both unpause && return $_rc
}

grow()
{
    xl tmem-thaw -a && _e=$(key fill1 C Ec) &&
        wait_for 60 eval "[ \$(key fill1 C Ec) -gt $((_e + 100)) ]"
}

check "two guests that want more than there is" eval \
      'linux fill1 pv fill && linux fill2 pv fill &&
       up fill1 "^GUEST: up" && up fill2 "^GUEST: up" &&
       wait_for 240 filled'
check "equal weights: half for each" shares 100 100 50
check "three times the weight: three quarters" shares 300 100 75
check "a new guest is built from their pages while they go on" built new1 200
check "it goes" destroyed new1
check "freeze, freeable, flush: what was promised is free" flushed
check "a new guest is built from that, $((freeable - 60)) MiB" \
      built new $((freeable - 60))
check "after the thaw the others go on" grow
xl list
check "all go" eval 'destroyed new && destroyed fill1 && destroyed fill2'
end
