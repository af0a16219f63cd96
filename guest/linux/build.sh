#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# build.sh [ABI-VERSION]: build the modules against the headers of the Debian
# kernel that boot/ boots (or of another, as in "6.12.9+deb12"), to
# build/guest-linux/. The headers are fetched and unpacked below build/fetch;
# nothing is installed.

. "$(dirname "$0")/../../boot/lib.sh"
# lib.sh takes our place to be one folder below the top.
TOP=$(cd "$TOP/.." && pwd)
OUT=$TOP/build
SYSROOT=$OUT/fetch/root
. "$TOP/boot/apt.sh"
lock build

src=$TOP/guest/linux
dest=$OUT/guest-linux
need gcc:gcc make:make dpkg-dev:dpkg-deb

version=${1:-}
if [ -z "$version" ]; then
    # That of the kernel which is booted here; if none has been fetched yet,
    # of the one that would be. Headers are all that is needed of it.
    version=$(ls "$SYSROOT"/boot/vmlinuz-6.1.*-amd64 2>/dev/null | tail -n 1)
    version=${version##*/vmlinuz-}
    if [ -z "$version" ]; then
        apt_update
        version=$(apt_run cache depends linux-headers-amd64 2>/dev/null |
            sed -n 's/.*Depends: linux-headers-\(6\.1\.[^ ]*\)/\1/p' |
            tail -n 1)
    fi
    [ -n "$version" ] || die "no headers of Linux 6.1 among the packages:" \
        "check the network, then try: apt-get download linux-headers-amd64"
    version=${version%-amd64}
else
    dest=$dest-$version
fi
headers=$SYSROOT/usr/src/linux-headers-$version

# Not with what they depend on: a compiler is here, and no other is wanted.
case $version in
6.1.*) packages="linux-kbuild-6.1 linux-compiler-gcc-12-x86" ;;
*)     packages="linux-kbuild-$version" ;;
esac
if ! [ -e "$headers-amd64/Module.symvers" ] ||
   ! [ -e "$headers-common/Makefile" ]; then
    for p in linux-headers-$version-amd64 linux-headers-$version-common \
             $packages; do
        fetch_deb_alone "$p"
    done
fi

# What the packages spell with absolute paths is below SYSROOT here. Changed
# in a copy: few files are no links.
tree=$dest/headers
if [ ! -e "$tree/ready" ]; then
    rm -rf "$tree"
    mkdir -p "$tree"
    cp -a "$headers-amd64/." "$tree/"
    for l in scripts tools; do
        # A link to ../../lib/linux-kbuild-*, of the same name as here.
        [ ! -L "$tree/$l" ] ||
            ln -sfn "$(readlink -f "$headers-amd64/$l")" "$tree/$l"
    done
    sed -i "s,/usr/src/linux-headers,$SYSROOT&,g" "$tree/Makefile"
    if [ -e "$tree/.kernelvariables" ]; then
        sed -i "s,/usr/src/linux-headers,$SYSROOT&,g" "$tree/.kernelvariables"
    fi
    # With one, kbuild would want pahole to describe the module's types.
    rm -f "$tree/vmlinux"
    touch "$tree/ready"
fi

current()
{
    [ -e "$dest/dm-tmem.ko" ] &&
        [ -z "$(find "$src" -type f -newer "$dest/dm-tmem.ko")" ]
}
current && exit 0

say "building modules for Linux $version"
mkdir -p "$dest/src"
cp "$src"/*.c "$src"/*.h "$src"/Kbuild "$dest/src/"
# Of a shared library that kbuild's programs need and may not be installed.
LD_LIBRARY_PATH=$SYSROOT/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
run_logged "$dest/build.log" make -C "$tree" M="$dest/src" modules || exit 1
if grep -q 'warning:' "$dest/build.log"; then
    grep 'warning:' "$dest/build.log" >&2
fi
for ko in "$dest"/src/*.ko; do
    cp "$ko" "$dest/${ko##*/}.new"
    mv "$dest/${ko##*/}.new" "$dest/${ko##*/}"
    say "built ${dest#$TOP/}/${ko##*/}"
done
# All kernels have this one.
touch "$dest/dm-tmem.ko"
