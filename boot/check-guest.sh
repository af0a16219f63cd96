# SPDX-License-Identifier: GPL-2.0-only
#
# check-guest.sh: what 'make check-boot' runs in each guest.

exec /bin/exerciser
