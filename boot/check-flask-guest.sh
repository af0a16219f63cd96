# SPDX-License-Identifier: GPL-2.0-only
#
# check-flask-guest.sh: what guests of check-flask.sh run: which of the two ends
# well depends on the policy.

/bin/exerciser denied
exec /bin/exerciser
