# SPDX-License-Identifier: GPL-2.0-only
#
# check-dom0.sh: what 'make check-boot' runs in dom0. Verdicts are the lines
# that begin with "TEST: "; the last one is "TEST: done".

verdict()
{
    name=$1
    shift
    if "$@"; then
        echo "TEST: ok $name"
    else
        echo "TEST: FAIL $name"
    fi
}

free_mib()
{
    xl info free_memory
}

# conformance NAME TYPE: the guest's init runs the exerciser, and powers off.
conformance()
{
    guests $1:$2 || return 1
    log=/var/log/xen/console/guest-$1.log
    n=0
    while ! grep -q 'GUEST: test ended' $log; do
        n=$((n + 1))
        [ $n -lt 120 ] || { tail -n 5 $log; return 1; }
        sleep 1
    done
    # The guest's own verdicts are details; this is one line of ours.
    sed -n "s/^TEST: /$1: /p; s/^skipped/$1: &/p" $log | tr -d '\r'
    grep -q '^TEST: ok conformance' $log
}

gone()
{
    n=0
    while xl list $1 >/dev/null 2>&1; do
        n=$((n + 1))
        [ $n -lt 60 ] || return 1
        sleep 1
    done
}

before=$(free_mib)
verdict "dom0: conformance, and control from the toolstack" \
        sh -c '/bin/exerciser -t >/tmp/log; rc=$?; sed "s/^TEST:/dom0:/" /tmp/log
               exit $rc'
for type in pv pvh; do
    verdict "$type guest: conformance" conformance $type $type
    verdict "$type guest: leaves no zombie" gone $type
done

# A guest is built out of memory that holds ephemeral pages: its claim counts
# them, and its allocations have them evicted.
mib=$(free_mib)
verdict "dom0 fills memory with ephemeral pages" /bin/exerciser fill $mib
echo "free memory: $(free_mib) MiB, all else is ephemeral pages"
verdict "less is free than a guest needs" test "$(free_mib)" -lt 150
verdict "pv guest: built out of ephemeral pages" guests full:pv
verdict "full guest: leaves no zombie" gone full
/bin/exerciser empty

# Nothing is lost: the free memory is what it was.
sleep 2
after=$(free_mib)
echo "free memory: $before MiB before, $after MiB after"
verdict "memory comes back" test "$before" = "$after"
echo "TEST: done"
