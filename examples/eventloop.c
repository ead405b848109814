/*
 * eventloop - OMcache inside a program that has an event loop of its own
 *
 * A plain poll() loop that serves three things, none of which may hold up the
 * others: lines on standard input, a timer that ticks every second, and the
 * connections to the memcached servers.
 *
 *     eventloop [servers]        such as 127.0.0.1:11211,127.0.0.1:11212
 *
 *     set KEY VALUE              stores the rest of the line
 *     get KEY [KEY ...]          shows values
 *     stats                      tells what was done so far
 *     quit                       ends, and so does the end of the input
 *
 * `make examples` builds it.  By hand, in the top folder:
 *
 *     make
 *     cc -std=c11 -D_GNU_SOURCE -Iinclude examples/eventloop.c -Lbuild -lomcache \
 *        -o build/eventloop
 *     printf 'set color blue\nget color\n' | LD_LIBRARY_PATH=build build/eventloop
 *
 * What to copy: submit_get() and submit_set() start work without waiting for it,
 * wait_for_events() puts the library's descriptors and timeout beside the
 * program's own, collect() takes the answers that are there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <omcache.h>

enum {
    TICK = 1000,       /* ms */
    TIMEOUT = 2000,    /* ms: the library gives up a silent server, so no request hangs */
    LOG_LEVEL = 4,     /* warnings and worse */
    LINE_SIZE = 65536, /* the longest line, with its newline */
    KEYS_MAX = 64,     /* keys in one get */
    OPCODE_SET = 0x01, /* in the memcached binary protocol */
};

/* The line that is being worked on.  Keys and requests must stay where they are
 * until the last answer is in, hence the copy of the line. */
struct job {
    bool running;
    bool is_set;
    char line[LINE_SIZE];
    size_t key_count;
    const unsigned char *keys[KEYS_MAX];
    size_t key_lens[KEYS_MAX];
    bool answered[KEYS_MAX];
    omcache_req_t reqs[KEYS_MAX];
    size_t req_count; /* as the library wants it: kept for it, and 0 at the end */
};

struct loop {
    omcache_t *mc;
    struct pollfd *fds; /* standard input, and then the library's */
    size_t fds_room;
    double next_tick;
    long ticks;
    long keys_done;
    long keys_reported; /* at the last tick */
    char input[LINE_SIZE];
    size_t input_len;
    bool skip_line; /* what comes is the rest of a line that was too long */
    bool input_ended;
    bool quit;
    struct job job;
};

static double now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void show(const unsigned char *key, const char *text)
{
    printf("%s: %s\n", (const char *)key, text);
}

static void show_stats(const struct loop *loop)
{
    printf("[tick %ld] %ld keys asked for or stored%s\n", loop->ticks, loop->keys_done,
           loop->job.running ? ", waiting for an answer" : "");
}

/* ---- answers ----------------------------------------------------------- */

/* Values come in the order in which the servers answer, so each says which key
 * it is for; only the answer to a set has no key, and there is just one. */
static void take_answer(struct job *job, const omcache_value_t *v)
{
    size_t i = 0;

    while (!job->is_set && i < job->key_count &&
           (job->answered[i] || job->key_lens[i] != v->key_len ||
            memcmp(job->keys[i], v->key, v->key_len) != 0))
        i++;
    if (i == job->key_count)
        return;
    job->answered[i] = true;
    if (v->status != OMCACHE_OK) {
        show(job->keys[i], omcache_strerror(v->status));
    } else if (job->is_set) {
        show(job->keys[i], "stored");
    } else {
        printf("%s = ", (const char *)job->keys[i]);
        fwrite(v->data, 1, v->data_len, stdout);
        putchar('\n');
    }
}

static void fail(struct job *job, int rc)
{
    for (size_t i = 0; i < job->key_count; i++) {
        if (!job->answered[i])
            show(job->keys[i], omcache_strerror(rc));
        job->answered[i] = true;
    }
    job->req_count = 0;
}

/* A multi-get gives no values for keys that are not there: they are what is left
 * when the library says that the batch is finished. */
static void finish(struct loop *loop)
{
    struct job *job = &loop->job;

    for (size_t i = 0; i < job->key_count; i++) {
        if (!job->answered[i])
            show(job->keys[i], job->is_set ? "no answer" : "not found");
    }
    loop->keys_done += (long)job->key_count;
    job->running = false;
}

/* Lets the library read and write what can be read and written right now.  With
 * a timeout of 0 this never waits, so that it costs nothing to call it after
 * every poll(), and calling it also when no descriptor was ready lets it notice
 * timeouts.  It goes on while there are values: the next ones may be in memory
 * already, where poll() does not see them. */
static void collect(struct loop *loop)
{
    static omcache_value_t values[KEYS_MAX];
    struct job *job = &loop->job;
    size_t count;
    int rc;

    if (!job->running) {
        /* Connections have something to do now and then without a request. */
        omcache_io(loop->mc, NULL, NULL, NULL, NULL, 0);
        return;
    }
    do {
        count = KEYS_MAX;
        rc = omcache_io(loop->mc, job->reqs, &job->req_count, values, &count, 0);
        if (rc != OMCACHE_OK && rc != OMCACHE_AGAIN) {
            fail(job, rc);
            count = 0;
        }
        for (size_t i = 0; i < count; i++)
            take_answer(job, &values[i]);
    } while (job->req_count > 0 && count > 0);
    if (job->req_count == 0)
        finish(loop);
}

/* ---- requests ---------------------------------------------------------- */

/* Looks at how a submission went.  BUFFERED is the good news.  Requests that no
 * server can take now are behind the req_count accepted ones. */
static void submitted(struct loop *loop, int rc)
{
    struct job *job = &loop->job;

    job->running = true;
    if (rc != OMCACHE_BUFFERED)
        fail(job, rc);
    for (size_t i = job->req_count; i < job->key_count && rc == OMCACHE_BUFFERED; i++) {
        omcache_value_t refused = {.status = OMCACHE_NO_SERVERS,
                                   .key = job->reqs[i].key,
                                   .key_len = ntohs(job->reqs[i].header.keylen)};
        take_answer(job, &refused);
    }
    if (job->req_count == 0)
        finish(loop);
}

static void submit_get(struct loop *loop)
{
    struct job *job = &loop->job;

    job->req_count = job->key_count;
    submitted(loop, omcache_get_multi(loop->mc, job->keys, job->key_lens, job->key_count, job->reqs,
                                      &job->req_count, NULL, NULL, 0));
}

/* omcache_set() with a timeout of 0 would be fire and forget.  To learn how this
 * set ended the request is described by hand: header fields in network order,
 * eight bytes of extras (flags and expiration, none here), the key, the value. */
static void submit_set(struct loop *loop, const char *value, size_t value_len)
{
    static const unsigned char extras[8];
    struct job *job = &loop->job;
    omcache_req_t *req = &job->reqs[0];

    *req = (omcache_req_t){.server_index = -1, /* the one that the key belongs to */
                           .extra = extras,
                           .key = job->keys[0],
                           .data = (const unsigned char *)value};
    req->header.opcode = OPCODE_SET;
    req->header.keylen = htons((uint16_t)job->key_lens[0]);
    req->header.extlen = sizeof extras;
    req->header.bodylen = htonl((uint32_t)(sizeof extras + job->key_lens[0] + value_len));
    job->req_count = 1;
    submitted(loop, omcache_command(loop->mc, job->reqs, &job->req_count, NULL, NULL, 0));
}

/* ---- lines ------------------------------------------------------------- */

static bool add_key(struct job *job, const char *word)
{
    if (word == NULL)
        return false;
    if (job->key_count == KEYS_MAX) {
        printf("only %d keys at a time\n", KEYS_MAX);
        return false;
    }
    job->keys[job->key_count] = (const unsigned char *)word;
    job->key_lens[job->key_count] = strlen(word);
    job->answered[job->key_count++] = false;
    return true;
}

static void run_line(struct loop *loop)
{
    struct job *job = &loop->job;
    char *rest, *command = strtok_r(job->line, " ", &rest);

    if (command == NULL)
        return;
    job->key_count = 0;
    job->is_set = strcmp(command, "set") == 0;
    if (strcmp(command, "get") == 0 && add_key(job, strtok_r(NULL, " ", &rest))) {
        while (add_key(job, strtok_r(NULL, " ", &rest)))
            continue;
        submit_get(loop);
    } else if (job->is_set && add_key(job, strtok_r(NULL, " ", &rest))) {
        submit_set(loop, rest, strlen(rest));
    } else if (strcmp(command, "stats") == 0) {
        show_stats(loop);
    } else if (strcmp(command, "quit") == 0) {
        loop->quit = true;
    } else {
        puts("commands: set KEY VALUE, get KEY [KEY ...], stats, quit");
    }
}

/* poll() said that there is something, so this read() does not block, although
 * the descriptor is left in blocking mode (it may belong to a shell, too). */
static void read_input(struct loop *loop)
{
    ssize_t n = read(STDIN_FILENO, loop->input + loop->input_len, LINE_SIZE - loop->input_len);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        loop->input_ended = true;
        if (loop->input_len > 0) /* a last line without its newline */
            loop->input[loop->input_len++] = '\n';
        return;
    }
    loop->input_len += (size_t)n;
}

/* One line at a time: the next one waits, unread if need be, until the last
 * answer to this one is in.  So a fast writer cannot pile up work in here. */
static void run_lines(struct loop *loop)
{
    const char *end;
    size_t len;

    while (!loop->job.running && !loop->quit) {
        end = memchr(loop->input, '\n', loop->input_len);
        if (end == NULL)
            break;
        len = (size_t)(end - loop->input);
        memcpy(loop->job.line, loop->input, len);
        loop->job.line[len] = '\0';
        loop->input_len -= len + 1;
        memmove(loop->input, end + 1, loop->input_len);
        if (!loop->skip_line)
            run_line(loop);
        loop->skip_line = false;
    }
    if (loop->input_len == LINE_SIZE && memchr(loop->input, '\n', LINE_SIZE) == NULL) {
        if (!loop->skip_line)
            printf("a line of more than %d bytes was left out\n", LINE_SIZE - 1);
        loop->skip_line = true;
        loop->input_len = 0;
    }
}

/* ---- the loop ---------------------------------------------------------- */

static void make_room(struct loop *loop, size_t count)
{
    struct pollfd *fds;

    if (count <= loop->fds_room)
        return;
    fds = realloc(loop->fds, count * sizeof *fds);
    if (fds == NULL) {
        fputs("out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    loop->fds = fds;
    loop->fds_room = count;
}

/* The heart of it.  omcache_poll_fds() has to be asked before every poll(): what
 * it tells changes with each request, and it is where connections are begun and
 * given up.  Its timeout counts like any other timer of the program's. */
static void wait_for_events(struct loop *loop)
{
    int count = 0, timeout = -1, wait;
    struct pollfd *theirs = omcache_poll_fds(loop->mc, &count, &timeout);
    double until_tick = loop->next_tick - now_ms();

    make_room(loop, (size_t)count + 1);
    if (count > 0)
        memcpy(loop->fds + 1, theirs, (size_t)count * sizeof *theirs);
    /* poll() leaves out negative descriptors: no input while a line is in work. */
    loop->fds[0].fd = loop->job.running || loop->input_ended ? -1 : STDIN_FILENO;
    loop->fds[0].events = POLLIN;
    wait = until_tick > 0 ? (int)until_tick + 1 : 0;
    if (timeout >= 0 && timeout < wait)
        wait = timeout;
    if (poll(loop->fds, (nfds_t)count + 1, wait) < 0) {
        loop->fds[0].revents = 0;
        if (errno != EINTR) {
            perror("poll");
            exit(EXIT_FAILURE);
        }
    }
}

static void tick(struct loop *loop)
{
    for (; now_ms() >= loop->next_tick; loop->next_tick += TICK)
        loop->ticks++;
    if (loop->job.running || loop->keys_done != loop->keys_reported)
        show_stats(loop);
    loop->keys_reported = loop->keys_done;
}

static void run(struct loop *loop)
{
    loop->next_tick = now_ms() + TICK;
    for (;;) {
        run_lines(loop);
        if (!loop->job.running && (loop->quit || loop->input_ended))
            return;
        wait_for_events(loop);
        if (loop->fds[0].revents != 0)
            read_input(loop);
        collect(loop);
        if (now_ms() >= loop->next_tick)
            tick(loop);
    }
}

int main(int argc, char **argv)
{
    static struct loop loop;
    const char *servers = argc > 1 ? argv[1] : "127.0.0.1:11211";
    int rc;

    setvbuf(stdout, NULL, _IOLBF, 0);
    loop.mc = omcache_init();
    if (loop.mc == NULL) {
        fputs("out of memory\n", stderr);
        return EXIT_FAILURE;
    }
    omcache_set_log_callback(loop.mc, LOG_LEVEL, omcache_log_stderr, "eventloop: ");
    omcache_set_connect_timeout(loop.mc, TIMEOUT);
    omcache_set_reconnect_timeout(loop.mc, TIMEOUT);
    omcache_set_dead_timeout(loop.mc, TIMEOUT);
    rc = omcache_set_servers(loop.mc, servers);
    if (rc != OMCACHE_OK)
        fprintf(stderr, "server list \"%s\": %s\n", servers, omcache_strerror(rc));
    else
        run(&loop);
    show_stats(&loop);
    omcache_free(loop.mc);
    free(loop.fds);
    return rc == OMCACHE_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
