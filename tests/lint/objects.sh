#!/bin/sh
# Checks what the compiled objects tell about the floors of doc/design.md: calls
# follow the arrows; descriptors, memory, the clock and printing have one floor
# each; names say where a thing is; nothing global is mutable.
#
#   tests/lint/objects.sh [root objects]    a tree and the folder with its
#                                           objects, this one by default

here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/../..}" || exit
objects=${2:-${B:-build}/obj/src}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# All sources, unless this build left out some.
if [ $# = 0 ]; then sources=$(cat "${B:-build}/sources") || exit; else sources=$(echo src/*/*.c); fi

for source in $sources; do
    file=${source#src/}
    file=${file%.c}
    object=$objects/$file.o
    # file, symbol, nm's letter for what it is (U: used here, defined elsewhere)
    nm -P "$object" >"$work/nm" || exit
    awk -v file="$file" '{ print file, $1, $2 }' "$work/nm" >>"$work/symbols"
    # file, section, symbol: the variables
    objdump -t "$object" | awk -v file="$file" '/ O / { print file, $(NF - 2), $NF }' >>"$work/variables"
done

# folder, function: what headers declare that have no source of their own name, but
# one or several others that implement them
for header in src/*/*.h; do
    [ -f "${header%.h}.c" ] && continue
    folder=${header#src/}
    sed -n "/^[a-z]/s/.*[ *]\(omc_[a-z0-9_]*\)(.*/${folder%/*} \1/p" "$header"
done >"$work/interfaces"

{
    # Read in turn: the arrows, what may be defined anywhere on a floor, where symbols
    # are defined, who uses them.
    awk '
        BEGIN {
            reserve("net", "socket connect bind listen accept accept4 send sendto sendmsg")
            reserve("net", "recv recvfrom recvmsg read readv write writev close shutdown dup")
            reserve("net", "setsockopt getsockopt getpeername fcntl ioctl pipe pipe2 eventfd")
            reserve("net", "poll ppoll select epoll_create1 epoll_ctl epoll_wait")
            reserve("net", "getaddrinfo") # with AI_NUMERICHOST it does not look up
            reserve("base", "malloc calloc realloc reallocarray free strdup strndup asprintf")
            reserve("base api", "clock_gettime gettimeofday time")
            reserve("api", "stderr fprintf vfprintf fputs fputc fwrite")
            reserve("nobody", "printf vprintf puts putchar perror stdout abort exit _exit")
            reserve("nobody", "assert_fail raise kill signal sigaction sigprocmask")
            reserve("nobody", "pthread_sigmask sleep usleep nanosleep clock_nanosleep")
            reserve("nobody", "gethostbyname gethostbyname_r fork system")
        }
        function reserve(floors, names,    name, i) {
            split(names, name, " ")
            for (i in name)
                only[name[i]] = floors
        }
        function has(list, word) {
            return index(" " list " ", " " word " ") > 0
        }
        pass == 1 {
            sub(/:/, " ")
            arrow[$1] = $0
            next
        }
        pass == 2 {
            interface[$0]
            next
        }
        {
            split($1, path, "/")
            floor = path[1]
            name = $2
        }
        pass == 3 {
            if ($3 ~ /[A-TV-Z]/)
                home[name] = floor
            next
        }
        $3 != "U" {
            own = "omc_" path[2]
            is_own = name == own || index(name, own "_") == 1 || floor " " name in interface
            is_public = floor == "api" && name ~ /^omcache_/
            if ($3 ~ /[A-TV-Z]/ && !is_own && !is_public)
                print $1 " defines " name ": it should begin with " own
            next
        }
        name in home {
            if (!has(arrow[floor], home[name]))
                print $1 " uses " name ": no arrow leads from " floor " to " home[name]
            next
        }
        {
            sub(/^__/, "", name) # _FORTIFY_SOURCE makes read __read_chk
            sub(/_chk$/, "", name)
        }
        name in only && !has(only[name], floor) {
            print $1 " uses " name ": reserved for " only[name]
        }' pass=1 "$here/arrows.txt" pass=2 "$work/interfaces" \
        pass=3 "$work/symbols" pass=4 "$work/symbols"

    # The three distributions were born as writable data, and so they stay.
    awk '
        $2 ~ /^\.t?(data|bss)/ && $2 !~ /\.rel\.ro/ && $3 !~ /^omcache_dist_libmemcached_/ {
            print $1 " has " $3 " in " $2 ": no global mutable state"
        }' "$work/variables"
} >"$work/found"

cat "$work/found"
[ ! -s "$work/found" ]
