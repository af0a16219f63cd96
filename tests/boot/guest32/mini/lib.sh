# SPDX-License-Identifier: GPL-2.0-only
#
# lib.sh - what scenarios share, in dom0. Sourced by run.sh, which is started
# by any path; sets HERE, its folder.
#
# Verdicts are lines "PASS text" and "FAIL text".

HERE=$(cd "${0%/*}" && pwd)
# Limits are given in seconds of an emulated CPU that has the machine for
# itself; one that does not may take so many times as long.
PATIENCE=3
LOGS=/var/log/xen/console
failed=0

pass()
{
    echo "PASS $*"
}

fail()
{
    echo "FAIL $*"
    failed=$((failed + 1))
}

# check TEXT COMMAND...
check()
{
    _text=$1
    shift
    if "$@"; then pass "$_text"; else fail "$_text"; fi
}

# mini NAME TYPE WORD-SIZE [MEMORY [ROOM [VCPUS [COMMAND-LINE [CONFIG]]]]]:
# create a mini guest: pv or pvh; MiB; ROOM is for persistent pages. It gets
# little of a CPU that dom0 wants too: guests that never sleep must not starve
# the toolstack. $SETUP NAME is what is done before it runs.
mini()
{
    cat >/tmp/$1.cfg <<_END
name = "$1"
type = "$2"
kernel = "$HERE/guest$3"
memory = ${4:-32}
vcpus = ${6:-1}
cpu_weight = 16
extra = "${7:-}"
on_poweroff = "destroy"
on_crash = "destroy"
on_reboot = "destroy"
${8:-}
_END
    : >$LOGS/guest-$1.log
    if xl create -p /tmp/$1.cfg >/tmp/$1.out 2>&1 &&
       xl mem-max $1 $((${4:-32} + ${5:-16})) >>/tmp/$1.out 2>&1 &&
       ${SETUP:-true} $1 >>/tmp/$1.out 2>&1 &&
       xl unpause $1 >>/tmp/$1.out 2>&1; then
        return 0
    fi
    echo "cannot create $1:"
    tail -n 8 /tmp/$1.out
    return 1
}

uptime()
{
    cut -d. -f1 /proc/uptime
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for()
{
    _until=$(($(uptime) + $1 * PATIENCE))
    shift
    until "$@" 2>/dev/null; do
        [ "$(uptime)" -lt $_until ] || return 1
        usleep 200000
    done
}

# says NAME TEXT: it is on the guest's console by now.
says()
{
    grep -q "$2" $LOGS/guest-$1.log
}

gone()
{
    ! xl domid $1 >/dev/null 2>&1
}

# relay NAME [TITLE]: show the guest's verdicts, and count failures.
relay()
{
    tr -d '\r' <$LOGS/guest-$1.log |
        sed -n "s/^\(PASS\|FAIL\) /&${2:-$1}: /p; /^  /p"
    _n=$(grep -c '^FAIL ' $LOGS/guest-$1.log)
    failed=$((failed + _n))
}

# finish NAME SECONDS [TITLE]: wait for the end of a guest, show its verdicts.
finish()
{
    if wait_for $2 says $1 '^DONE'; then
        relay $1 "${3:-}"
        wait_for 20 gone $1 || fail "${3:-$1}: does not go away"
    else
        relay $1 "${3:-}"
        fail "${3:-$1}: no end within $(($2 * PATIENCE)) s: $(tail -n 1 $LOGS/guest-$1.log)"
        xl destroy $1 2>/dev/null
    fi
    return 0
}

end()
{
    [ $failed = 0 ]
    exit
}
