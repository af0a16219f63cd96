#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# coverage.sh: which lines and branches of the engine the tests reach
#
# Prints a table, one row for each file, and leaves annotated sources in
# build/cov/coverage (lines that were never reached start with #####). Fails
# when the tests fail, or reach less than 95 % of the lines of tmem.

set -u
cd "$(dirname "$0")/.." || exit 1
target=95

find build/cov -name '*.gcda' -exec rm -f {} + 2>/dev/null
CHECK_SECONDS=${CHECK_SECONDS:-80} tests/run.sh cov || exit 1

rm -rf build/cov/coverage
mkdir -p build/cov/coverage
# gcov finds sources from here, and writes its files here. The codecs are not
# ours.
find build/cov/obj/xen/common -name '*.gcno' ! -path '*/tmem-codec/*' |
    xargs gcov --branch-probabilities --relative-only 2>/dev/null |
    awk -v target=$target '
        # "File x", then "Lines executed:97.50% of 40" and the like.
        /^File/ { gsub(/\x27/, "", $2); file = $2; sub(/.*\//, "", file) }
        /^(Lines executed|Taken at least once):/ {
            split($0, half, ":")
            split(half[2], part, "% of ")
            if ( file !~ /\.c$/ || (file in seen && /^Lines/) )
                next
            if ( /^Lines/ ) {
                lines[file] = part[2]
                hit[file] = int(part[1] * part[2] / 100 + 0.5)
                seen[file] = 1
            } else {
                branches[file] = part[2]
                taken[file] = int(part[1] * part[2] / 100 + 0.5)
            }
        }
        function row(name, l, h, b, t) {
            printf "%-20s %5d %6.1f %%  %8d %6.1f %%\n", name,
                l, l ? 100 * h / l : 100, b, b ? 100 * t / b : 100
        }
        END {
            printf "%-20s %5s %8s  %8s %8s\n", "file", "lines", "reached",
                "branches", "taken"
            n = 0
            for ( f in seen )
                name[++n] = f
            for ( i = 1; i <= n; i++ )
                for ( j = i + 1; j <= n; j++ )
                    if ( name[j] < name[i] ) {
                        f = name[i]; name[i] = name[j]; name[j] = f
                    }
            for ( i = 1; i <= n; i++ ) {
                f = name[i]
                row(f, lines[f], hit[f], branches[f], taken[f])
                if ( f ~ /^tmem/ ) {
                    l += lines[f]; h += hit[f]
                    b += branches[f]; t += taken[f]
                }
            }
            row("tmem*.c", l, h, b, t)
            if ( !l || 100 * h / l < target ) {
                print "less than " target " % of the lines of tmem*.c"
                exit 1
            }
        }'
status=$?
mv ./*.gcov build/cov/coverage/
exit $status
