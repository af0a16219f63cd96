# SPDX-License-Identifier: GPL-2.0-only
#
# apt.sh - fetch packages without touching the system's apt. Sourced after
# lib.sh.
#
# A private set of sources is derived from the system's own (each entry for
# binaries serves sources as well), and package lists, caches and locks are
# kept below build/fetch. Nothing is installed: packages are unpacked there.

APT_HOME=$OUT/fetch/apt
DEBS=$OUT/fetch/debs

apt_setup()
{
    mkdir -p "$APT_HOME/sources.d" "$APT_HOME/lists/partial" "$DEBS/partial" \
             "$SYSROOT"
    rm -f "$APT_HOME"/sources.d/*
    for _s in /etc/apt/sources.list.d/*.sources; do
        [ -e "$_s" ] || continue
        sed 's/^Types:.*/Types: deb deb-src/' "$_s" \
            >"$APT_HOME/sources.d/${_s##*/}"
    done
    # The older format, one line for each type.
    for _s in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -s "$_s" ] || continue
        sed -n 's/^deb[[:space:]].*/&/p; s/^deb\([[:space:]].*\)/deb-src\1/p' \
            "$_s" >"$APT_HOME/sources.d/${_s##*/}"
    done
    rm -f "$APT_HOME/pkgcache.bin" "$APT_HOME/srcpkgcache.bin"
}

# apt_run get|cache ARGS...
apt_run()
{
    _tool=apt-$1
    shift
    command -v "$_tool" >/dev/null ||
        die "needs $_tool: these scripts run on Debian"
    "$_tool" -q -o Dir::Etc::sourcelist=/dev/null \
        -o Dir::Etc::sourceparts="$APT_HOME/sources.d" \
        -o Dir::State::lists="$APT_HOME/lists" \
        -o Dir::Cache="$APT_HOME" -o Dir::Cache::archives="$DEBS" \
        -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
        -o APT::Get::AllowUnauthenticated=false "$@"
}

# Package lists, once; apt_update again: whatever there was before.
apt_update()
{
    [ "${1:-}" = again ] || [ ! -e "$APT_HOME/updated" ] || return 0
    apt_setup
    say "fetching package lists"
    # apt-get's exit status is 0 even if it got nothing at all.
    { run_logged "$APT_HOME/update.log" apt_run get update &&
      ls "$APT_HOME"/lists/*_Packages* >/dev/null 2>&1; } ||
        die "no package lists: check the network, then try: apt-get update"
    touch "$APT_HOME/updated"
}

# fetch_debs PACKAGE...: fetch these, and what they depend on as far as it is
# not installed, and unpack them to SYSROOT.
fetch_debs()
{
    apt_update
    say "fetching $*"
    for _try in 1 2; do
        run_logged "$APT_HOME/fetch.log" apt_run get install -y \
            --download-only --no-install-recommends "$@" && break
        [ $_try = 1 ] || die "cannot fetch $*; try: apt-get download $*"
        apt_update again
    done
    unpack_debs
}

# fetch_deb_alone PACKAGE: the same without what it depends on.
fetch_deb_alone()
{
    apt_update
    say "fetching $1"
    (cd "$DEBS" && run_logged "$APT_HOME/fetch.log" apt_run get download "$1") ||
        die "cannot fetch $1; try: apt-get download $1"
    unpack_debs
}

unpack_debs()
{
    for _d in "$DEBS"/*.deb; do
        [ -e "$_d.unpacked" ] && continue
        dpkg-deb -x "$_d" "$SYSROOT" || die "cannot unpack ${_d##*/}"
        touch "$_d.unpacked"
    done
}
