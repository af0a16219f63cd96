#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# boot.sh [-f release|debug] [-g] [-G PATH=FILE]... [-m MIB] [-o OPTIONS] shell
# boot.sh [...] shell [PATH=FILE...]
# boot.sh [...] test SCRIPT [PATH=FILE...]
# boot.sh [...] until TEXT
#
# Boot the hypervisor and a dom0 under QEMU: to a shell; to run a shell script
# in dom0, whose lines "PASS ..." and "FAIL ..." are the verdicts; or until a
# line of the console has TEXT. Everything that is missing is fetched and built
# before.
#
# -f  flavour of the hypervisor (release)
# -g  with the kernel and initramfs of guests, so that 'guests' starts them
# -G  as -g, with one more file for the guests' initramfs: PATH=FILE
# -m  memory of the machine in MiB; dom0 gets 1024
# -o  more options for Xen's command line ("tmem=1" is always there)
#
# BOOT_LIMIT is the longest that a boot may take, in seconds. A test that fails
# since the emulator does is booted once more, with a line that says so.

. "$(dirname "$0")/lib.sh"

usage()
{
    sed -n 's/^# \(boot.sh .*\)/\1/p' "$0" >&2
    exit 2
}

flavour=release
guests=
guest_files=
memory=3072
options=
while getopts f:gG:m:o: opt; do
    case $opt in
    f) flavour=$OPTARG ;;
    g) guests=y ;;
    G) guests=y; guest_files="$guest_files $OPTARG" ;;
    m) memory=$OPTARG ;;
    o) options=$OPTARG ;;
    *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ $# -ge 1 ] || usage
mode=$1
shift

dir=$OUT/boot
mkdir -p "$dir"

"$TOP/boot/build-xen.sh" "$flavour" || exit 1
"$TOP/boot/build-tools.sh" || exit 1
"$TOP/boot/fetch-boot.sh" || exit 1

need python3:python3
image=$(ls "$SYSROOT"/boot/vmlinuz-6.1.*-amd64 | tail -n 1)
if [ ! -e "$dir/vmlinux" ] || [ "$image" -nt "$dir/vmlinux" ]; then
    "$TOP/boot/extract-vmlinux.py" "$image" "$dir/vmlinux" || exit 1
    touch "$dir/vmlinux"
fi

limit=${BOOT_LIMIT:-600}
case $mode in
shell)
    guests=y
    files=$*
    # What guests make Xen say would get between the lines.
    options="guest_loglvl=error $options"
    set -- --shell ;;
until)
    [ $# = 1 ] || usage
    set -- --until "$1" ;;
test)
    [ $# -ge 1 ] && [ -r "$1" ] || usage
    script=$1
    shift
    files="test.sh=$script $*"
    set -- ;;
*)
    usage ;;
esac

name=$mode
[ $mode != test ] || { name=${script##*/}; name=${name%.sh}; }
lock "$name"
initrd=$dir/$name.cpio.gz
if [ -n "$guests" ]; then
    # No name of a file here has a space.
    # shellcheck disable=SC2086
    "$TOP/boot/mkinitramfs.sh" domu "$dir/domu-$name.cpio.gz" $guest_files ||
        exit 1
    files="${files:-} guest/vmlinux=$dir/vmlinux"
    files="$files guest/initrd=$dir/domu-$name.cpio.gz"
fi
# shellcheck disable=SC2086
"$TOP/boot/mkinitramfs.sh" dom0 "$initrd" ${files:-} || exit 1

machine()
{
    "$TOP/boot/run-qemu.py" --xen "$OUT/xen/$flavour/xen" \
        --kernel "$dir/vmlinux" --initrd "$initrd" --log "$dir/$name.log" \
        --state "$dir" --sysroot "$SYSROOT" --limit "$limit" \
        --memory "$memory" --options "tmem=1 $options" "$@"
}

# What emulated CPUs do wrong now and then: a guest gets an interrupt twice (in
# stock Xen as well), or has a triple fault while it boots, or the machine is
# reset (status 3).
emulator_failed()
{
    [ $status = 3 ] || grep -aEq -e 'Triple fault - invoking HVM shutdown' \
        -e 'RIP: .*:asm_sysvec_xen_hvm_callback\+0x0/' "$dir/$name.log"
}

machine "$@"
status=$?
if [ $mode = test ] && [ $status != 0 ] && emulator_failed; then
    mv "$dir/$name.log" "$dir/$name.first.log"
    say "the emulator failed (build/boot/$name.first.log): once more"
    machine "$@"
    status=$?
fi
exit $status
