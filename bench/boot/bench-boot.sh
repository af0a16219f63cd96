# SPDX-License-Identifier: GPL-2.0-only
#
# bench-boot.sh - what 'make bench-boot' runs in dom0

sh /bench/run.sh | sed 's/^  /NOTE: /'
echo "TEST: done"
