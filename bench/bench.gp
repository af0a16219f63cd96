# bench.gp - picture of the table: each row against its target
# gnuplot -e "data='build/bench.dat'; out='build/bench.svg'" bench/bench.gp
# SPDX-License-Identifier: GPL-2.0-only
stats data using 1 nooutput
rows = int(STATS_records)
# Names are plain text: 2^20 is meant as it stands.
set terminal svg noenhanced size 1000, 120 + 22 * rows background "white"
set output out
set title "Time or memory, as a multiple of the target (left of 1 is good)"
set logscale x
set xrange [0.01:*]
set yrange [-0.7:rows - 0.3]
set lmargin 50
set grid xtics
set key outside bottom center horizontal
set arrow 1 from 1, graph 0 to 1, graph 1 nohead linewidth 2 front
# Bars from the left edge; the old implementation below ours.
plot data using (sqrt(0.01 * $2)):1:(0.01):2:($1 + 0.02):($1 + 0.38):\
         ytic(4) with boxxyerror fill solid linecolor "#3182bd" title "ours", \
     data using (sqrt(0.01 * ($3 > 0 ? $3 : NaN))):1:(0.01):3:\
         ($1 - 0.38):($1 - 0.02) \
         with boxxyerror fill solid linecolor "#bdbdbd" title "old"
