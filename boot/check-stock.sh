#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# check-stock.sh: with CONFIG_TMEM=n, the patched source makes what the stock
# source does. Both are compiled here, release, and all objects compared
# (boot/same-objects.py). These differ, and must:
#
# common/config_data.o   a copy of .config, which names CONFIG_TMEM
# common/domain.o        domain_soft_reset(), and
# common/page_alloc.o    offline_page(), print line numbers of their files; so
#                        these two are compiled once more, with all line numbers
#                        counted through in place of what they are

. "$(dirname "$0")/lib.sh"
lock build
"$TOP/boot/build-xen.sh" source || exit 1

dir=$OUT/xen/same
numbered="common/domain.o common/page_alloc.o"

# compile TREE GOAL...: to $dir/TREE, with no trace of where and when. (A file
# includes itself by __FILE__, which is found by way of -iquote.)
compile()
{
    _tree=$1
    shift
    run_logged "$dir/$_tree.log" make -C "$OUT/xen/$_tree/xen" \
        O="$dir/$_tree" -j "$JOBS" XEN_TARGET_ARCH=x86_64 XEN_BUILD_DATE=0 \
        XEN_BUILD_TIME=0 XEN_BUILD_HOST=0 XEN_WHOAMI=0 \
        EXTRA_CFLAGS_XEN_CORE="-fmacro-prefix-map=$OUT/xen/$_tree/= \
-fmacro-prefix-map=../../$_tree/= -iquote$OUT/xen/$_tree $count" "$@"
}

say "comparing a hypervisor without CONFIG_TMEM with a stock one"
mkdir -p "$dir/stock" "$dir/src"
for tree in stock src; do
    count=
    [ -e "$dir/$tree/.config" ] || compile $tree defconfig || exit 1
    compile $tree olddefconfig && compile $tree build || exit 1
done
"$TOP/boot/same-objects.py" "$dir/stock" "$dir/src" common/config_data.o \
    $numbered || exit 1

for tree in stock src; do
    count="-Wno-error -D__LINE__=__COUNTER__"
    for o in $numbered; do
        rm -f "$dir/$tree/$o"
    done
    compile $tree $numbered || exit 1
    for o in $numbered; do
        mkdir -p "$dir/$tree.numbered/common"
        cp "$dir/$tree/$o" "$dir/$tree.numbered/$o"
        # The next comparison wants it with its line numbers.
        rm "$dir/$tree/$o"
    done
done
"$TOP/boot/same-objects.py" "$dir/stock.numbered" "$dir/src.numbered"
