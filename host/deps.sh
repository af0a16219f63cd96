#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# deps.sh build|run|check|bench|coverage: install the Debian packages that a
# goal of the Makefile needs, as far as they are missing. Says nothing, and is
# quick, when there is nothing to do.

set -u

goal=${1:-build}

# One line each: package, and a file that is there when it is installed.
# (Looking at files is much quicker than asking dpkg.)
build='
gcc          /usr/bin/gcc
libc6-dev    /usr/include/stdio.h
libxen-dev   /usr/include/xen/xen.h'

case $goal in
build)           want=$build ;;
bench)           want="$build
gnuplot-nox  /usr/bin/gnuplot
valgrind     /usr/bin/valgrind" ;;
run)             want="$build
libsqlite3-dev /usr/include/sqlite3.h
gnuplot-nox  /usr/bin/gnuplot" ;;
check)           want="$build
libcmocka-dev /usr/include/cmocka.h
python3      /usr/bin/python3" ;;
coverage)        want="$build
libcmocka-dev /usr/include/cmocka.h
python3      /usr/bin/python3" ;;
*)
    echo "deps.sh: unknown goal '$goal': build, run, check, bench, coverage" >&2
    exit 2 ;;
esac

missing=$(echo "$want" | while read -r package file; do
    [ -z "$package" ] || [ -e "$file" ] || printf '%s ' "$package"
done)
missing=${missing% }
[ -n "$missing" ] || exit 0

manual="apt-get install -y --no-install-recommends $missing"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "'make $goal' needs packages: $missing. As root, run:" >&2
    echo "  $manual" >&2
    exit 1
fi

# One at a time, since several goals may ask at once.
if command -v flock >/dev/null && [ -z "${DEPS_LOCKED:-}" ]; then
    DEPS_LOCKED=1 exec flock "${TMPDIR:-/tmp}/tmem-deps.lock" "$0" "$goal"
fi

echo "installing $missing (needed for $goal)"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
if ! { $manual || { apt-get update && $manual; } } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "installing failed; the whole log is $log. To try again, run:" >&2
    echo "  apt-get update && $manual" >&2
    exit 1
fi
rm -f "$log"
