#!/bin/sh
# Checks every system call that the library makes in calls with a timeout of 0: it runs
# tests/live/test_call_nonblocking under strace and looks at what lies between that program's
# marks.  What is not known to return at once is found, and so is every signal sent,
# blocked or handled, and a write that could raise SIGPIPE.

cd "$(dirname "$0")/../.." || exit
program=${B:-build}/tests/live/test_call_nonblocking

if ! command -v strace >/dev/null; then
    echo 'strace is missing (Debian: strace)'
    exit 77
fi
if ! said=$(strace -o /dev/null true 2>&1); then
    echo "strace cannot trace here: $said"
    exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Reads traces with one thread in each, prints what is wrong and, last, "N system calls
# checked: ...".
judge() {
    awk '
    function wrong(why) {
        if (++wrongs <= 20)
            print "in " call ": " why ": " $0
    }
    function expect(good, why) {
        if (!good)
            wrong(why)
    }
    # What a file descriptor is: "" if it was not opened between marks.
    function kind() {
        match($0, /\([0-9]+/)
        fd = substr($0, RSTART + 1, RLENGTH - 1)
        return kinds[fd]
    }
    function result() {
        return $0 ~ / = [0-9]+$/ ? $NF : -1
    }
    FNR == 1 {
        delete kinds
        call = ""
        ours = 0
    }
    # The servers are traced, too: they get, and ignore, some of their own.
    /^--- SIGPIPE/ && ours {
        print "a signal: " $0
        wrongs++
    }
    /access\(.*"begin: / {
        call = $0
        sub(/.*"begin: /, "", call)
        sub(/".*/, "", call)
        calls++
        ours = 1
        next
    }
    /access\(.*"end: / {
        call = ""
        next
    }
    call == "" || /^---/ || /^\+\+\+/ { next }
    {
        name = $0
        sub(/\(.*/, "", name)
        checked++
        seen[name]++
    }
    name == "poll" {
        expect(/, 0\) += /, "poll with a wait")
        next
    }
    name == "ppoll" {
        expect(/\{tv_sec=0, tv_nsec=0\}, NULL/, "ppoll with a wait")
        next
    }
    name == "socket" {
        expect(/SOCK_NONBLOCK/ && /SOCK_CLOEXEC/, "a socket that blocks, or is inherited")
        if (/SOCK_NONBLOCK/ && result() >= 0)
            kinds[result()] = "socket"
        next
    }
    name == "connect" {
        expect(kind() == "socket", "connect of a socket that may block")
        next
    }
    name ~ /^recv(from|msg)$/ {
        expect(/MSG_DONTWAIT/, "receiving may block")
        next
    }
    name ~ /^send(to|msg)$/ {
        expect(/MSG_DONTWAIT/, "sending may block")
        expect(/MSG_NOSIGNAL/, "sending may raise SIGPIPE")
        next
    }
    name ~ /^open(at)?$/ {
        expect(/O_RDONLY/ && /"(\/etc\/|\/dev\/urandom")/, "an unexpected file")
        if (result() >= 0)
            kinds[result()] = "file"
        next
    }
    name ~ /^(read|lseek|pread64)$/ {
        expect(kind() == "file", "reading what is no file")
        next
    }
    name == "close" {
        kind()
        delete kinds[fd]
        next
    }
    name == "futex" {
        expect(/FUTEX_WAKE/, "waiting for another thread")
        next
    }
    name == "fcntl" {
        expect(/F_SETFL/ && /O_NONBLOCK/, "a descriptor that may block from now on")
        next
    }
    name ~ /^(get|set)sockopt$|^getsockname$|^getpeername$/ { next }
    name ~ /^(brk|mmap|munmap|mremap|madvise|mprotect)$/ { next }
    name ~ /^(fstat|newfstatat|stat|statx|uname|getrandom|getpid|clock_gettime|gettimeofday)$/ { next }
    { wrong("a call that is not known to return at once") }
    END {
        for (name in seen)
            kinds_seen = kinds_seen " " name " " seen[name]
        print checked + 0 " system calls checked in " calls + 0 " calls:" kinds_seen
        exit wrongs > 0
    }' "$@"
}

# One call of the library that makes this system call, after some that are good.
sample() {
    cat <<end
nanosleep({tv_sec=0, tv_nsec=2000000}, NULL) = 0
access("begin: get", F_OK) = -1 ENOENT (No such file or directory)
socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_IP) = 7
connect(7, {sa_family=AF_INET}, 16) = -1 EINPROGRESS (Operation now in progress)
poll([{fd=7, events=POLLIN}], 1, 0) = 0 (Timeout)
sendmsg(7, {msg_iovlen=1}, MSG_DONTWAIT|MSG_NOSIGNAL) = 24
recvfrom(7, "x", 16384, MSG_DONTWAIT, NULL, NULL) = 1
openat(AT_FDCWD, "/etc/hosts", O_RDONLY|O_CLOEXEC) = 8
read(8, "127.0.0.1 localhost", 4096) = 19
close(8) = 0
fcntl(7, F_SETFL, O_RDONLY|O_NONBLOCK) = 0
$1
access("end: get", F_OK) = -1 ENOENT (No such file or directory)
end
}

# The judge must find each of these, and nothing else.
failed=0
sample 'close(7) = 0' | judge - >"$work/said" || {
    echo 'what is good is found to be wrong:'
    cat "$work/said"
    failed=1
}
while read -r bad; do
    sample "$bad" | judge - >"$work/said" && {
        echo "this is not found: $bad"
        failed=1
    }
done <<'end'
poll([{fd=7, events=POLLIN}], 1, 10) = 1 ([{fd=7, revents=POLLIN}])
poll([{fd=7, events=POLLIN}], 1, -1) = 1 ([{fd=7, revents=POLLIN}])
ppoll([{fd=7, events=POLLIN}], 1, {tv_sec=1, tv_nsec=0}, NULL, 8) = 1
ppoll([{fd=7, events=POLLIN}], 1, NULL, NULL, 8) = 1
select(8, [7], NULL, NULL, {tv_sec=1, tv_usec=0}) = 0 (Timeout)
pselect6(8, [7], NULL, NULL, {tv_sec=1, tv_nsec=0}, NULL) = 0 (Timeout)
epoll_wait(5, [], 1, 10) = 0
nanosleep({tv_sec=0, tv_nsec=1000000}, NULL) = 0
clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=1000000}, NULL) = 0
socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 9
connect(9, {sa_family=AF_INET}, 16) = 0
connect(8, {sa_family=AF_INET}, 16) = 0
recvfrom(7, "x", 16384, 0, NULL, NULL) = 1
read(7, "x", 16384) = 1
read(8, "x", 16384) = 1
sendmsg(7, {msg_iovlen=1}, MSG_NOSIGNAL) = 24
sendmsg(7, {msg_iovlen=1}, MSG_DONTWAIT) = 24
sendto(7, "x", 1, MSG_DONTWAIT, NULL, 0) = 1
write(7, "x", 1) = 1
fcntl(7, F_SETFL, O_RDONLY) = 0
openat(AT_FDCWD, "/tmp/fifo", O_RDONLY) = 9
futex(0x7f0000000000, FUTEX_WAIT_PRIVATE, 2, NULL) = 0
rt_sigprocmask(SIG_BLOCK, [PIPE], [], 8) = 0
rt_sigaction(SIGPIPE, {sa_handler=SIG_IGN}, NULL, 8) = 0
kill(1, SIGTERM) = 0
tgkill(1, 1, SIGALRM) = 0
clone(child_stack=NULL, flags=SIGCHLD) = 99
--- SIGPIPE {si_signo=SIGPIPE, si_code=SI_USER} ---
end
[ $failed = 0 ] || exit

if ! TRACED=1 strace -ff -s 64 -o "$work/trace" "$program" >"$work/log" 2>&1; then
    cat "$work/log"
    exit 1
fi
judge "$work"/trace.* >"$work/said"
code=$?
cat "$work/said"

# That it is the library's life that was looked at.
for call in poll socket connect sendmsg recvfrom close; do
    grep -q " $call [0-9]" "$work/said" || {
        echo "there was no $call: nothing was seen"
        code=1
    }
done
exit $code
