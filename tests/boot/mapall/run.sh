#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh - a PV guest tries to map every frame of the machine. Run in dom0.

. "${0%/*}/lib.sh"

# A debug hypervisor has two messages for each frame that is refused.
xl set-parameters guest_loglvl=none
mini mapall pv 64 32 16 && finish mapall 180 || fail "mapall: not created"
xl set-parameters guest_loglvl=all
end
