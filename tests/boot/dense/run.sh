#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh - guests are built out of memory that is full of compressed ephemeral
# pages, which two others go on using (guest.c). Run in dom0.

. "${0%/*}/lib.sh"

# MiB: what the two fill, and what a new guest has of it.
FILL=104
NEW=36

free_mib()
{
    xl info free_memory
}

# Without what tmem would give back, which counts as free; each rounded down.
unused_mib()
{
    echo $(($(free_mib) - $(xl tmem-freeable)))
}

# A guest that never runs has all memory but so much.
ballast()
{
    printf '%s\n' 'name = "ballast"' 'type = "pvh"' 'kernel = "/guest/vmlinux"' \
           "memory = $(($(free_mib) - $1))" >/tmp/ballast.cfg
    xl create -p /tmp/ballast.cfg >/tmp/out 2>&1 && return 0
    cat /tmp/out
    return 1
}

compressed()
{
    xl tmem-set $1 -p 1
}

# filler NAME TYPE: more than two of its pages go into a frame, so it puts more
# than all that there is.
filler()
{
    SETUP=compressed
    mini $1 $2 64 16 8 1 "mode=1 pages=$((FILL * 256 * 5 / 4))"
    _rc=$?
    SETUP=
    return $_rc
}

filled()
{
    wait_for 120 says fillpv '^FULL' && wait_for 120 says fillpvh '^FULL' &&
        _unused=$(unused_mib) && echo "  not in use: $_unused MiB" &&
        [ "$_unused" -lt 50 ]
}

# of LINE KEY: the value in the list
of()
{
    sed -n "s/^$1,.*\b$2:\([0-9]*\).*/\1/p" /tmp/list
}

# look: pages and frames of both fillers, and how many have been evicted
look()
{
    xl tmem-list -l -a >/tmp/list
    pages=0 frames=0
    for _g in fillpv fillpvh; do
        _id=C=CI:$(xl domid $_g)
        _raw=$(($(of $_id Ec) - $(of $_id cp) - $(of $_id cs)))
        echo "  $_g: $(of $_id Ec) pages: $(of $_id cp) compressed in" \
             "$(of $_id cf) frames, $(of $_id cs) same-filled, $_raw raw"
        pages=$((pages + $(of $_id Ec)))
        frames=$((frames + _raw + $(of $_id cf)))
    done
    evicted=$(sed -n 's/^G=.*\bEt:\([0-9]*\).*/\1/p' /tmp/list)
    given=$(sed -n 's/^G=.*\bRt:\([0-9]*\).*/\1/p' /tmp/list)
}

dense()
{
    look
    [ $((pages * 2)) -gt $((frames * 3)) ] && [ $frames -gt $((NEW * 2 * 256)) ]
}

# gave: what the guest did not find free came out of the fillers' frames
gave()
{
    _want=$(((NEW - _unused) * 256))
    _pages=$pages _frames=$frames _evicted=$evicted _given=$given
    look
    echo "  $((_pages - pages)) pages less in $((_frames - frames)) frames;" \
         "$((evicted - _evicted)) evicted; $((given - _given)) frames given," \
         "$_want wanted"
    [ $((given - _given)) -ge $_want ] && [ $(((_frames - frames) * 10)) -ge $((_want * 9)) ] &&
        [ $((_pages - pages)) -gt $((_frames - frames)) ]
}

# seen NAME: so many times it has looked for some of its pages
seen()
{
    grep -c '^SEEN' $LOGS/guest-$1.log
}

# goes_on NAME: and has them as they were, as far as they are still there
goes_on()
{
    _n=$(seen $1)
    wait_for 40 eval "[ \$(seen $1) -gt $((_n + 1)) ]"
    _rc=$?
    tr -d '\r' <$LOGS/guest-$1.log | tail -n 1 | sed "s/^/  $1: /"
    [ $_rc = 0 ] && ! grep '^SEEN.* [1-9][0-9]* wrong' $LOGS/guest-$1.log &&
        grep -q '^SEEN [1-9]' $LOGS/guest-$1.log
}

# at PER-CENT: of a CPU, both fillers go on; 0: of all that there is
at()
{
    xl sched-credit2 -d fillpv -c $1 && xl sched-credit2 -d fillpvh -c $1
}

# built NAME TYPE
built()
{
    _start=$(uptime)
    _unused=$(unused_mib)
    mini $1 $2 64 $NEW 0 1 "mode=2 memory=$NEW" || return 1
    echo "  created in $(($(uptime) - _start)) s; $_unused MiB were not in use"
    wait_for 60 says $1 '^KEPT'
    _rc=$?
    tr -d '\r' <$LOGS/guest-$1.log | sed "s/^/  $1: /"
    return $_rc
}

destroyed()
{
    xl destroy $1 && wait_for 30 gone $1
}

before=$(free_mib)
check "little memory is left" ballast $((FILL + 48))
check "a PV and a PVH guest fill it with compressed ephemeral pages" eval \
      'filler fillpv pv && filler fillpvh pvh && filled'
check "tmem-list: more pages than frames" dense
# An emulated CPU has more to do.
at 20
for type in pvh pv; do
    check "a $type guest is built from these" built new$type $type
    check "tmem-list: pages have gone, and their frames" gave
    check "the new guest sees nothing of them" says new$type '^CLEAN .* 0 not'
    check "it keeps what it writes" says new$type '^KEPT .* 0 wrong'
done
at 0
check "the PV guest's pages are as they were" goes_on fillpv
check "the PVH guest's as well" goes_on fillpvh
check "all go" eval 'destroyed newpv && destroyed newpvh && destroyed fillpv &&
                     destroyed fillpvh && destroyed ballast'

back()
{
    _after=$(free_mib)
    echo "  free: $before MiB before, $_after MiB after"
    [ $_after -ge $((before - 2)) ]
}

check "memory comes back" wait_for 20 back
end
