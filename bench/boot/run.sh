#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh - what tmem's operations cost inside guests. Run in dom0. rounds=
# is how often each is measured: the fastest tenth counts.

. "${0%/*}/lib.sh"

if grep -q 'QEMU\|TCG' /proc/cpuinfo; then
    echo "  The CPU is emulated: cycles mean nothing, ratios a little."
fi
# An emulated CPU takes a millisecond to enter and leave a PVH guest.
rounds=${ROUNDS:-200}
for type in pv pvh; do
    if mini bench$type $type 64 32 16 1 "rounds=$rounds" \
            'tsc_mode = "native"'; then
        finish bench$type 180 "$type guest"
    else
        fail "$type guest: not created"
    fi
    rounds=$(((rounds + 9) / 10))
done
end
