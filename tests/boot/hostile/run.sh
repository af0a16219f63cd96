#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh - hostile guests; what they do must leave few lines in the
# hypervisor's log. Run in dom0.
#
# Every message that a guest can cause is limited to ten, and then one in five
# seconds (guest_loglvl=none/all), which is what a host has by default for
# warnings.

. "${0%/*}/lib.sh"

LINES=30

# Lines about guests, other than what Xen says when it builds one.
guest_lines()
{
    xl dmesg | grep -v 'HVM' | grep -c 'tmem\|d[0-9]*v[0-9]'
}

run()
{
    xl dmesg -c >/dev/null
    mini $1 $2 $3 32 16 2 && finish $1 90 "$4" || fail "$4: not created"
    _n=$(guest_lines)
    echo "  $_n lines in the log"
    check "$4: at most $LINES lines in the log" test $_n -le $LINES
}

xl set-parameters guest_loglvl=none/all
run hostile32 pvh 32 "32-bit PVH"
run hostile64 pvh 64 "64-bit PVH"
run hostilepv pv 64 "PV"
xl set-parameters guest_loglvl=all
end
