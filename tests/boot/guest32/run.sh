#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh - the conformance table from mini guests: a 32-bit caller above all,
# and a 64-bit PVH and PV one without Linux. Run in dom0.

. "${0%/*}/lib.sh"

run()
{
    if mini $1 $2 $3; then
        finish $1 40 "$4"
    else
        fail "$4: not created"
    fi
}

run mini32 pvh 32 "32-bit PVH"
run mini64 pvh 64 "64-bit PVH"
run minipv pv 64 "64-bit PV"
end
