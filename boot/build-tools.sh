#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# build-tools.sh: build the toolstack that a dom0 needs: xl, xenstored,
# xenconsoled and their libraries, from the same source as the hypervisor, to
# build/xen/dist.
#
# build-xen.sh comes first: it makes the source.

. "$(dirname "$0")/lib.sh"
lock build

src=$OUT/xen/src
dist=$OUT/xen/dist
stamp=$OUT/xen/tools.current
log=$OUT/xen/tools.log

[ -d "$src" ] || die "no source yet: run boot/build-xen.sh first"

need gcc:gcc libc6-dev:/usr/include/stdio.h make:make perl:perl \
     autoconf:autoconf autotools-dev:/usr/share/misc/config.sub \
     pkg-config:pkg-config python3-dev:python3-config \
     uuid-dev:/usr/include/uuid/uuid.h libncurses-dev:/usr/include/ncurses.h \
     zlib1g-dev:/usr/include/zlib.h liblzma-dev:/usr/include/lzma.h \
     libyajl-dev:/usr/include/yajl/yajl_parse.h acpica-tools:iasl \
     bison:bison flex:flex

cd "$src" || exit 1
pod=docs/man/xl.1.pod.in

# The manual of xl; the others say nothing of tmem.
man_page()
{
    mkdir -p "$dist.new/usr/share/man/man1" &&
    sed 's,@XEN_CONFIG_DIR@,/etc/xen,g; s,@XEN_DUMP_DIR@,/var/lib/xen/dump,g
         s,@XEN_SCRIPT_DIR@,/etc/xen/scripts,g' $pod >"$dist.new/xl.pod" &&
    pod2man --release=$XEN_SERIES --name=xl --section=1 --center=Xen \
        "$dist.new/xl.pod" "$dist.new/usr/share/man/man1/xl.1" &&
    rm "$dist.new/xl.pod"
}

configure_tools()
{
    say "configuring the tools"
    cp /usr/share/misc/config.sub /usr/share/misc/config.guess . || exit 1
    run_logged "$log" ./autogen.sh || exit 1
    # Only QEMU's device model, which is not built here, needs glib and pixman.
    glib_CFLAGS=" " glib_LIBS=" " pixman_CFLAGS=" " pixman_LIBS=" " \
    PYTHON=/usr/bin/python3 run_logged "$log" ./configure --prefix=/usr \
        --libdir=/usr/lib/x86_64-linux-gnu --sysconfdir=/etc \
        --localstatedir=/var --disable-docs --disable-stubdom \
        --disable-ocamltools --disable-golang --disable-xsmpolicy \
        --disable-monitors --disable-qemu-traditional --disable-rombios \
        --disable-ovmf --disable-ipxe --disable-pvshim --disable-9pfs \
        --with-system-qemu=/usr/bin/qemu-system-x86_64 \
        --with-system-seabios=/usr/share/seabios/bios-256k.bin || exit 1
}

[ -e config/Tools.mk ] || configure_tools

# Sources, and public headers, which tools build against.
if [ -e "$stamp" ] && [ -z "$(find tools xen/include/public config/Tools.mk \
     "$pod" "$TOP/boot/build-tools.sh" \( -name '*.[chyl]' -o -name 'Makefile*' \
     -o -name '*.mk' -o -name '*.idl' -o -name '*.py' -o -name build-tools.sh \
     -o -name bash-completion -o -name '*.pod.in' \) \
     -newer "$stamp" -type f | head -n 1)" ]; then
    exit 0
fi

say "building the tools"
for d in include libs xenstore console helpers xl; do
    run_logged "$log" make -C tools/$d -j "$JOBS" all || exit 1
    run_logged "$log" make -C tools/$d -j "$JOBS" DESTDIR="$dist.new" install ||
        exit 1
done
run_logged "$log" man_page || exit 1
rm -rf "$dist"
mv "$dist.new" "$dist"
touch "$stamp"
say "built build/xen/dist"
