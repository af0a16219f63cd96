# density.gp - picture of the part density: what a put and a get cost, and how
# many pages a frame holds for it
# gnuplot -e "data='build/density.dat'; out='build/density.svg'" bench/density.gp
# SPDX-License-Identifier: GPL-2.0-only
stats data using 2 nooutput
set terminal svg noenhanced size 900, 520 background "white"
set output out
set title "Cost against density (left and up is good)"
set xlabel "time of one operation, in raw copies of a page"
set ylabel "pages in a frame"
set xrange [0:*]
set yrange [0:*]
set grid
set key inside bottom right
set offsets graph 0, graph 0.2, graph 0.1, graph 0
plot data using 3:2 with points pointtype 7 linecolor "#3182bd" title "put", \
     data using 4:2 with points pointtype 6 linecolor "#e6550d" title "get", \
     data using 3:2:1 with labels left offset 1, 0.3 notitle, \
     data using 3:2:($4 - $3):(0) with vectors nohead linecolor "#bdbdbd" \
         notitle
