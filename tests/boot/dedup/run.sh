#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh - guests put the same pages; those of one group share them, and nobody
# else (guest.c). Xen runs with tmem_dedup=1. Run in dom0.

. "${0%/*}/lib.sh"

# Some may miss what is there.
MOST=400

in_group()
{
    xl tmem-set $1 -p 1 && xl tmem-set $1 -g $group
}

# puts NAME TYPE GROUP: it has put all its pages.
puts()
{
    group=$3
    SETUP=in_group
    # They wait without sleeping.
    mini $1 $2 64 16 8 1 "" "cap = 20" && wait_for 60 says $1 '^PUT 512 '
    _rc=$?
    SETUP=
    return $_rc
}

# value KEY: of the host
value()
{
    xl tmem-list -l -a | sed -n "s/^G=.*\b$1:\([0-9]*\).*/\1/p"
}

# look: shared copies, and puts that found theirs
look()
{
    shared=$(value Sc)
    found=$(value Gd)
    echo "  $shared copies that several pages share, $found puts found theirs"
}

nothing()
{
    look
    [ "$shared" = "$had_shared" ] && [ "$found" = "$had_found" ]
}

all()
{
    look
    [ "$shared" -ge $((had_shared + $1)) ] && [ "$found" -ge $((had_found + $1)) ]
}

# now: what the next check compares with
now()
{
    had_shared=$(value Sc)
    had_found=$(value Gd)
}

back()
{
    xl tmem-freeze $1 && wait_for 60 says $1 '^SEEN'
    tr -d '\r' <$LOGS/guest-$1.log | sed -n "s/^SEEN/  $1: &/p"
    says $1 '^SEEN 512 of 512 pages, 0 wrong'
}

destroyed()
{
    for _g in "$@"; do
        xl destroy $_g && wait_for 30 gone $_g || return 1
    done
}

check "deduplication is on" test "$(value Dd)" = 1
now
check "a PV and a PVH guest of no group put the same pages" \
      eval 'puts alone1 pv 0 && puts alone2 pvh 0'
check "they share nothing" nothing
check "a PV and a PVH guest of one group do" \
      eval 'puts mate1 pv 7 && puts mate2 pvh 7'
check "they share" all $MOST
now
check "one of another group does" puts other pvh 8
check "it shares nothing" nothing
for guest in mate1 mate2 alone1; do
    check "all pages of $guest are there as they were" back $guest
done
check "all go" destroyed alone1 alone2 mate1 mate2 other
check "nothing is shared any more" test "$(value Sc)" = 0
end
