#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh - guests go amid storms of operations, and come, are reset and go
# while tmem holds nearly all memory. Run in dom0.

. "${0%/*}/lib.sh"

ROUNDS=${ROUNDS:-1}
CACHED=1024             # frames that CPUs' caches may keep

free_pages()
{
    set -- $("$HERE/hostctl" free)
    echo "$1"
}

# storm NAME TYPE VCPUS: created, and at it.
storm()
{
    mini $1 $2 64 32 16 $3 "mode=1 vcpus=$3" || return 1
    wait_for 90 says $1 '^STORM' && return 0
    tail -n 3 $LOGS/guest-$1.log
    return 1
}

# destroyed NAME
destroyed()
{
    xl destroy $1 && wait_for 30 gone $1
}

no_zombie()
{
    xl list >/tmp/list
    ! grep -q '(null)' /tmp/list || { cat /tmp/list; return 1; }
}

# back BEFORE: within what may be cached, frames are free again.
back()
{
    _now=$(free_pages)
    echo "  free pages: $1 before, $_now after"
    [ $((_now + CACHED)) -ge $1 ]
}

# storms TEXT: two guests at once, destroyed in the middle of it, again and
# again.
storms()
{
    _round=0
    _ok=y
    while [ $_round -lt $ROUNDS ]; do
        _round=$((_round + 1))
        storm pvs$_round pv 3 && storm pvhs$_round pvh 4 || _ok=n
        sleep 1
        destroyed pvs$_round || _ok=n
        destroyed pvhs$_round || _ok=n
    done
    check "$1" test $_ok = y
}

# What Xen allocates once is allocated now.
storm warm1 pv 2 && destroyed warm1
storm warm2 pvh 2 && destroyed warm2
before=$(free_pages)
# MiB of the guest that ephemeral pages give way to: half of what they hold.
BIG=$((before / 512))

storms "guests are destroyed in the middle of a storm"
check "no zombie after storms" no_zombie
check "memory comes back after storms" wait_for 20 back $before

# Somewhat more pages than there are frames.
mini filler pv 64 32 16 1 "mode=2 pages=$((before + 5000))" &&
    wait_for 240 says filler '^FULL'
now=$(free_pages)
tr -d '\r' <$LOGS/guest-filler.log | sed 's/^/  /'
echo "  free pages: $before before, $now when full"
check "tmem holds nearly all memory" test $now -lt $((before / 20))

pages()
{
    "$HERE/hostctl" pages $1
}

# told CLAIMED: xl info has that claim, and no free memory that is not there.
told()
{
    xl info >/tmp/info
    grep -E '^(total_memory|free_memory|outstanding_claims)' /tmp/info
    awk -v claimed=$1 '$1 == "total_memory" { total = $3 }
        $1 == "free_memory" { free = $3 }
        $1 == "outstanding_claims" { claims = $3 }
        END { exit !(claims >= claimed - 1 && free <= total) }' /tmp/info
}

# More is claimed than is free: what tmem gives back counts. (Two hypercalls of
# the toolstack, as it makes them when it builds a guest.)
filler=$(xl domid filler)
claimed=$((now / 256 + 100))
xl mem-max filler $((32 + 16 + claimed))
check "more than what is free can be claimed" \
      "$HERE/hostctl" claim $filler $(($(pages $filler) + claimed * 256))
check "free memory is told, with claims beyond free pages" told $claimed
"$HERE/hostctl" claim $filler 0
xl mem-max filler 48

storms "guests come and go while tmem holds nearly all memory"
check "no zombie while tmem holds nearly all memory" no_zombie

if mini big pvh 64 $BIG 0 4 "mode=3 memory=$BIG"; then
    pass "a guest of $BIG MiB is made out of ephemeral pages"
    wait_for 120 says big '^LOOKED'
    tr -d '\r' <$LOGS/guest-big.log | sed 's/^/  /'
    check "it sees nothing of them" says big '^LOOKED 0 found'
    check "it is destroyed" destroyed big
else
    fail "a guest of $BIG MiB is made out of ephemeral pages"
fi

is_shut_down()
{
    xl list $1 | awk 'NR == 2 { print $5 }' | grep -q s
}

reset_done()
{
    xl dmesg | grep -q "(d$1) RESET good"
}

# reset_guest ID: shut down, it asks for a soft reset.
reset_guest()
{
    _had=$(pages $1)
    # Event channels are reset only while the toolstack has it paused.
    check "a soft reset of a guest that is not paused is refused" \
          sh -c '! "$0" "$@" 2>/dev/null' "$HERE/hostctl" soft-reset $1
    check "and its pages are still there" test $(pages $1) = $_had
    xl pause reset
    check "a soft reset" "$HERE/hostctl" soft-reset $1
    _left=$(pages $1)
    echo "  pages of the guest: $_had before, $_left after"
    check "its pages are free" test $_left -le $((_had - 100))
    xl unpause reset
    check "tmem after it: nothing is left, all works" \
          wait_for 20 reset_done $1
    xl dmesg | grep "(d$1) RESET" | sed 's/^/  /'
    check "it is destroyed after its reset" destroyed reset
}

# The toolstack's own way needs a device model; its hypercall does not.
if mini reset pvh 64 32 16 4 "mode=4 vcpus=4" 'on_soft_reset = "preserve"' &&
   wait_for 60 says reset '^RESET' &&
   wait_for 30 is_shut_down reset; then
    reset_guest $(xl domid reset)
else
    fail "a guest to be reset"
    tail -n 3 $LOGS/guest-reset.log
    xl list
fi

check "the guest whose pages fill tmem is destroyed" destroyed filler
check "no zombie at the end" no_zombie
check "all memory comes back" wait_for 20 back $before
end
