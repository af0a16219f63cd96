# SPDX-License-Identifier: GPL-2.0-only
#
# check-flask-dom0.sh: what check-flask.sh runs in dom0.

LOGS=/var/log/xen/console
PART=flask
. /bin/verdict.sh

# guest_says NAME TEXT: it starts, and has said so before it is gone
guest_says()
{
    guests $1:pvh || return 1
    n=0
    while xl domid $1 >/dev/null 2>&1 && [ $n -lt 120 ]; do
        n=$((n + 1))
        sleep 1
    done
    tail -n 5 $LOGS/guest-$1.log
    grep -q "$2" $LOGS/guest-$1.log
}

# guest_moves: there is one, paused, that dom0 may save and restore
guest_moves()
{
    xl create -p /tmp/allowed.cfg || return 1
    /bin/exerciser moves $(xl domid allowed)
    rc=$?
    xl destroy allowed
    return $rc
}

enforcing()
{
    xl getenforce | grep -i enforcing
}

verdict "it enforces" enforcing
verdict "the example policy lets dom0 use and control tmem" /bin/exerciser -t
verdict "but not save or restore its own" /bin/exerciser stays 0
verdict "and a guest use it" guest_says allowed "TEST: ok conformance"
verdict "but not control it" grep -q "TEST: ok control denied" \
        $LOGS/guest-allowed.log
verdict "dom0 may save and restore that" guest_moves
verdict "guests of one group share pages, and no others" sh /dedup/run.sh
verdict "a policy without tmem is loaded" xl loadpolicy /flask/denied
verdict "it still enforces" enforcing
verdict "every operation of dom0 is refused" /bin/exerciser denied
verdict "every operation of a guest is refused" \
        guest_says denied "TEST: ok denied"
verdict "those of the toolstack before xsm_sysctl() lets it pass" \
        grep -q "TEST: ok control denied" $LOGS/guest-denied.log
end
