#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh - xl's tmem commands, with dom0 as the client. Run in dom0.
#
# tests/tools/xl_test.c tries all that they do, against the host in a process.
# Here is what only the real stack can show: libxl, libxc, the sysctl, names.

. "${0%/*}/lib.sh"

# client KEY VALUE: that is in dom0's line of the list.
client()
{
    xl tmem-list -l 0 >/tmp/list &&
        grep -Eq "^C=CI:0,(.*,)?$1:$2(,|\$)" /tmp/list && return 0
    head -n 2 /tmp/list
    return 1
}

# refused TEXT COMMAND...: one line on standard error, nothing else, and 1.
refused()
{
    _want=$1
    shift
    "$@" >/tmp/out 2>/tmp/err
    [ $? = 1 ] && [ ! -s /tmp/out ] && [ "$(wc -l </tmp/err)" = 1 ] &&
        grep -q "$_want" /tmp/err && return 0
    cat /tmp/out /tmp/err
    return 1
}

explained()
{
    xl tmem-list -l -a | xen-tmem-list-parse >/tmp/text &&
        grep -q '^Host' /tmp/text && grep -q '^Domain 0' /tmp/text &&
        ! grep -q unknown /tmp/text
}

# Dom0 is as it was after each of these, also when it fails in the middle.
freeze()
{
    xl tmem-freeze "$1" && client fr 1
    _rc=$?
    xl tmem-thaw "$1" && client fr 0 && return $_rc
}

are_set()
{
    xl tmem-set 0 -w 7 && xl tmem-set 0 -c 100 && xl tmem-set 0 -p 1 &&
        client ww 7 && client ca 100 && client co 1 && client Ec '9[0-9]' &&
        xl tmem-set 0 | tail -n 1 | grep -Eq '^Domain-0 +0 +7 +100 +1 +0$'
}

set_values()
{
    are_set
    _rc=$?
    xl tmem-set 0 -w 0 -c 0 -p 0 && client ww 0 && return $_rc
}

# xl has nothing to say of -p: there is a codec, and its name is told.
codec()
{
    xl tmem-set 0 -p 1 >/tmp/out 2>&1 && [ ! -s /tmp/out ] &&
        xl tmem-list -a | grep -Eq '^G=.*,Cd:[1-9](,|$)' &&
        xl tmem-list -l 0 | xen-tmem-list-parse | grep -q 'hold compressed'
    _rc=$?
    xl tmem-set 0 -p 0 && return $_rc
}

# That all are frozen is seen when one of them has been thawed.
freeze_all()
{
    xl tmem-freeze -a && xl tmem-thaw 0 && client fr 0 &&
        xl tmem-top -d 1 | grep -q '^clients [0-9]* (new: frozen), '
    _rc=$?
    xl tmem-thaw -a && xl tmem-list -a | grep -Eq '^G=.*,Fr:0(,|$)' &&
        return $_rc
}

auth()
{
    _uuid=abcdef01-2345-6789-1234-567890abcdef
    xl tmem-shared-auth 0 -u $_uuid -A 1 && xl tmem-shared-auth 0 -u $_uuid -A 0
}

freeable()
{
    _mib=$(xl tmem-freeable) && [ "$_mib" -ge 10 ] && [ "$_mib" -le 64 ]
}

top()
{
    xl tmem-top -d 1 >/tmp/top && grep -q '^ *0 Domain-0 ' /tmp/top
}

# completes TO WORD...: with those on a line, that is what bash offers
completes()
{
    _want=$1
    shift
    # shellcheck disable=SC2016
    LD_LIBRARY_PATH=$HERE:$LD_LIBRARY_PATH "$HERE/bash" -c '
        . "$0"
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _xl
        printf "%s\n" "${COMPREPLY[@]}"' "$HERE/bash-completion" xl "$@" \
        >/tmp/out 2>/tmp/err
    # shellcheck disable=SC2046
    set -- $(sort /tmp/out)
    [ "$*" = "$_want" ] && [ ! -s /tmp/err ] && return 0
    echo "offered: $*"
    cat /tmp/err
    return 1
}

completion()
{
    completes "tmem-set" tmem-se &&
        completes "-a -c -g -p -w" tmem-set - &&
        completes "Domain-0" tmem-set D &&
        completes "" tmem-set -w "" &&
        completes "0 1" tmem-shared-auth -A "" &&
        completes "-a -l Domain-0" tmem-list "" &&
        completes "" tmem-freeable "" &&
        completes_no_code
}

# A name that the shell would execute is not offered, let alone executed.
completes_no_code()
{
    name=$(xl domname 0)
    xl rename 0 'a$(touch${IFS}/tmp/executed)' || return 1
    completes "-a -l" tmem-list ""
    _rc=$?
    xl rename 0 "$name"
    [ $_rc = 0 ] && [ ! -e /tmp/executed ]
}

/bin/exerciser fill 16 >/tmp/fill 2>&1 || fail "dom0 puts pages"
check "tmem-freeable tells what was put" freeable
check "tmem-list, explained" explained
check "tmem-freeze and tmem-thaw, by id" freeze 0
check "tmem-freeze and tmem-thaw, by name" freeze Domain-0
check "tmem-freeze and tmem-thaw, all" freeze -a
check "tmem-freeze of all is told" freeze_all
check "tmem-set, and a cap that holds at once" set_values
check "tmem-set of compression, and its codec" codec
check "tmem-shared-auth" auth
check "tmem-top" top
check "bash completes commands, options and names" completion
check "a domain that does not exist" refused "no domain 99" xl tmem-freeze 99
check "a weight out of range" refused "0 to 65535" xl tmem-set 0 -w 65536
check "a bad uuid" refused "not a UUID" xl tmem-shared-auth 0 -u abc -A 1
check "a name that does not exist" refused "nobody" xl tmem-list nobody
/bin/exerciser empty
exit $failed
