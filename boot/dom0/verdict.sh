# SPDX-License-Identifier: GPL-2.0-only
#
# verdict.sh - for a short test in dom0. Sourced by it; PART is its name.

count=0

# verdict TEXT COMMAND...: what the command prints is shown if it fails
verdict()
{
    _text=$1
    shift
    if "$@" >/tmp/verdict.log 2>&1; then
        echo "PASS $PART: $_text"
    else
        tail -n 40 /tmp/verdict.log | tr -d '\r' | sed 's/^/NOTE: /'
        echo "FAIL $PART: $_text"
    fi
    count=$((count + 1))
}

# end: boot/run-qemu.py wants to know how many there were
end()
{
    echo "TEST: done $count"
}
