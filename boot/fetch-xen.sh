#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# fetch-xen.sh: fetch Debian's source package of Xen, unpack it to
# build/xen/stock. Does nothing when it is there.

. "$(dirname "$0")/lib.sh"
. "$TOP/boot/apt.sh"
lock build

PINNED=4.17.5+72-g01140da4e8-1
stock=$OUT/xen/stock
dir=$OUT/fetch/xen

[ -e "$stock/version" ] && exit 0

need dpkg-dev:dpkg-source patch:patch xz-utils:xz
mkdir -p "$dir" "$OUT/xen"

# newest: the newest version of the series that is served
newest()
{
    apt_run cache showsrc xen 2>/dev/null |
        sed -n "s/^Version: \($XEN_SERIES\..*\)/\1/p" | sort -V | tail -n 1
}

fetch()
{
    (cd "$dir" && run_logged "$APT_HOME/xen.log" \
        apt_run get source --download-only "xen=$1")
}

dsc=$(ls "$dir"/xen_$XEN_SERIES*.dsc 2>/dev/null | tail -n 1)
if [ -z "$dsc" ]; then
    apt_update
    version=$PINNED
    say "fetching Xen $version (source package)"
    if ! fetch "$version" 2>/dev/null; then
        # The lists may be old.
        apt_update again
        version=$(newest)
        [ -n "$version" ] || die "no source package xen $XEN_SERIES:" \
            "check the network, then try: apt-get source xen=$PINNED"
        say "Xen $PINNED is not served: taking $version instead"
        fetch "$version" ||
            die "cannot fetch it; try: apt-get source xen=$version"
    fi
    dsc=$(ls "$dir"/xen_$XEN_SERIES*.dsc | tail -n 1)
fi

version=${dsc##*/xen_}
version=${version%.dsc}
say "unpacking Xen $version"
rm -rf "$stock"
run_logged "$dir/unpack.log" dpkg-source -x "$dsc" "$stock" ||
    die "cannot unpack ${dsc##*/}: remove build/fetch/xen and try again"
echo "$version" >"$stock/version"
