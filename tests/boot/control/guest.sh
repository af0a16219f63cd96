# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh: what the guests of this scenario do (run.sh), in Linux, by the
# kernel's command line:
# control=work     a known number of operations in pools 0 and 1; then a page
#                  now and then in others, and what becomes of it is told
#                  whenever that changes
# control=join     looks for the pages of the guest above in a shared pool
# control=fill     puts more ephemeral pages than there is room for, and goes on
# control=up       is there

UUID="0x8967452301efcdab 0xab8967452301efcd"

script()
{
    /bin/exerciser script
}

# result LINE: of one operation, done once
result()
{
    echo "$1" | script | sed 's/.*: \(.*\) x 1/\1/'
}

# said WHAT VALUE: a line if the value is another than before
said()
{
    eval "[ \"\$said_$1\" = '$2' ] || echo 'WORK: $1 $2'; said_$1='$2'"
}

# Only in a shared pool there is still something to get a second time.
is_shared()
{
    printf '%s\n' "new shared $UUID" "put 4 1 0" "get 4 1 0" "get 4 1 0" |
        script | tail -n 1 | grep -q ': 1 x 1$'
}

work()
{
    script <<END
new ephemeral
put 0 7 0 2048
get 0 7 0 512
get 0 7 100000 100
flush 0 7 2000 40
new persistent
put 1 9 0 256
get 1 9 0 64
new ephemeral
new persistent
put 3 9 0
END
    echo "WORK: counted"
    n=0
    while :; do
        n=$((n + 1))
        said ephemeral $(result "put 2 8 $n")
        said persistent $(result "put 3 8 $n")
        said overwrite $(result "put 3 9 0")
        if [ "$said_pool" != shared ]; then
            if is_shared; then
                echo "put 4 5 0 16" | script
                said pool shared
            else
                said pool private
                result "destroy 4" >/dev/null
            fi
        fi
        sleep 1
    done
}

join()
{
    printf '%s\n' "new shared $UUID" "get 0 5 0 16" "get 0 5 0 16" | script
    echo "WORK: joined"
}

fill()
{
    result "new ephemeral"
    while :; do
        for object in 1 2 3 4 5 6 7 8; do
            echo "put 0 $object 0 32768" | script >/dev/null
        done
        echo "WORK: round"
    done
}

mode=$(sed 's/.*control=\([a-z]*\).*/\1/' /proc/cmdline)
case $mode in
work|join|fill) $mode ;;
esac
echo "WORK: end"
# Until it is destroyed.
sleep 100000
