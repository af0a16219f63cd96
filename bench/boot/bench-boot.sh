# SPDX-License-Identifier: GPL-2.0-only
#
# dom0.sh - what 'make bench-boot' runs in dom0

if sh /bench/run.sh; then
    echo "TEST: ok measured"
else
    echo "TEST: FAIL measured"
fi
echo "TEST: done"
