# SPDX-License-Identifier: GPL-2.0-only
#
# lib.sh - what the scripts of this folder share. Sourced, never run.
#
# Everything they make goes below build/: fetched packages (build/fetch), the
# patched Xen source (build/xen/src), hypervisors (build/xen/<flavour>), the
# toolstack (build/xen/dist) and what QEMU boots (build/boot).

set -u
export LC_ALL=C
# What the calling make was told is not for Xen's.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

TOP=$(cd "$(dirname "$0")/.." && pwd)
OUT=$TOP/build
XEN_SERIES=4.17
JOBS=${JOBS:-$(nproc)}

say()
{
    echo "$*"
}

die()
{
    echo "${0##*/}: $*" >&2
    exit 1
}

# run_logged LOG COMMAND...: quiet, unless it fails: then what the log says of
# errors, or else its end.
run_logged()
{
    _log=$1
    shift
    mkdir -p "$(dirname "$_log")"
    "$@" >"$_log" 2>&1 && return 0
    grep -m 5 -E '[Ee]rror: |^E: ' "$_log" >&2 || tail -n 10 "$_log" >&2
    echo "'$1' failed; the whole log is ${_log#$TOP/}" >&2
    return 1
}

# lock NAME: of those that ask for NAME in this tree, one at a time goes on, until
# its script ends. The scripts that it calls need not wait. One NAME a script.
lock()
{
    case " ${TMEM_LOCKS:-} " in *" $1 "*) return 0 ;; esac
    mkdir -p "$OUT"
    exec 9>"$OUT/$1.lock"
    flock -n 9 || {
        say "waiting for another $1 in this tree"
        flock 9
    }
    export TMEM_LOCKS="${TMEM_LOCKS:-} $1"
}

# need PACKAGE:FILE...: the Debian packages that are not installed, as told by
# a file or command of each, are installed, if that is allowed; else one line
# says how.
need()
{
    _miss=
    for _p in "$@"; do
        case ${_p#*:} in
        /*) [ -e "${_p#*:}" ] && continue ;;
        *) command -v "${_p#*:}" >/dev/null && continue ;;
        esac
        _miss="$_miss ${_p%%:*}"
    done
    [ -n "$_miss" ] || return 0

    _cmd="install -y --no-install-recommends$_miss"
    [ "$(id -u)" = 0 ] || die "missing packages; as root, run: apt-get $_cmd"
    say "installing$_miss"
    export DEBIAN_FRONTEND=noninteractive
    mkdir -p "$OUT"
    _get="apt-get -o DPkg::Lock::Timeout=120"
    { $_get $_cmd || { $_get update && $_get $_cmd; }; } \
        >"$OUT/install.log" 2>&1 ||
        die "missing packages (log: build/install.log); try: apt-get $_cmd"
}

# The folder that fetched packages are unpacked to, as if it were /.
SYSROOT=$OUT/fetch/root

# sys_file PATH: where a file of a package is: in the system or in SYSROOT.
sys_file()
{
    for _f in "$1" "$SYSROOT$1"; do
        [ -e "$_f" ] && { echo "$_f"; return 0; }
    done
    return 1
}
