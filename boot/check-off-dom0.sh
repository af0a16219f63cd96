# SPDX-License-Identifier: GPL-2.0-only
#
# check-off-dom0.sh: what check-off.sh runs in dom0.

PART=off
. /bin/verdict.sh

# Operations: new pool, put, an unknown one; and one of the toolstack.
no_device()
{
    printf '%s\n' "new ephemeral" "put 0 1 0" "op 77 0 0 0 0 0 0" \
        "control 1 0" | exerciser script >/tmp/out
    cat /tmp/out
    [ "$(grep -c ': -19 x 1$' /tmp/out)" = 4 ]
}

# One line, and exit status 1.
xl_says_so()
{
    xl tmem-list -a >/tmp/out 2>/tmp/err
    rc=$?
    cat /tmp/out /tmp/err
    [ $rc = 1 ] && [ ! -s /tmp/out ] && [ "$(wc -l </tmp/err)" = 1 ]
}

module_says_so()
{
    insmod /lib/modules/xen-tmem.ko && return 1
    dmesg | grep xen_tmem
    dmesg | grep -q 'xen_tmem: no tmem'
}

silent()
{
    xl dmesg | grep -v 'Command line' | grep -i tmem
    ! xl dmesg | grep -v 'Command line' | grep -qi tmem
}

verdict "every operation: no device" no_device
verdict "xl says so in one line" xl_says_so
verdict "the module for Linux says so, and does not load" module_says_so
verdict "Xen's log says nothing of it" silent
verdict "guests start" guests pv:pv pvh:pvh
xl destroy pv
xl destroy pvh
end
