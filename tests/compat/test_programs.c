/*
 * Small programs in the style of those that use libmemcached (programs/), each built with
 * libmemcached and with omcache_libmemcached.h in its place: run against the same servers,
 * started anew each time, they print the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    SERVERS = 3,
    PROGRAMS_MIN = 16,
    OUTPUT_MAX = 1 << 20,
};

static struct memcached on_socket;
static struct dirent **programs;
static int program_count;

static const char *folder(const char *whose)
{
    static char path[500];
    const char *build = getenv("B");

    snprintf(path, sizeof(path), "%s/compat/%s", build == NULL ? "build" : build, whose);
    return path;
}

static int is_program(const struct dirent *entry)
{
    const char *dot = strchr(entry->d_name, '.');

    return dot != NULL && (strcmp(dot, ".c") == 0 || strcmp(dot, ".cc") == 0);
}

/* What a program prints, which the caller frees; the last line is how it ended. */
static char *output_of(const char *whose, const char *name)
{
    char command[1200];
    char *output = malloc(OUTPUT_MAX);
    ck_assert_ptr_nonnull(output);
    for (size_t i = 0; i < SERVERS; i++) {
        memcached_kill(&fleet.servers[i]);
        memcached_restart(&fleet.servers[i]);
    }
    snprintf(command, sizeof(command), "%s/%s %s %s", folder(whose), name, on_socket.address,
             fleet.list);
    FILE *pipe = popen(command, "r"); /* NOLINT(bugprone-command-processor): our own words */
    ck_assert_ptr_nonnull(pipe);
    size_t len = fread(output, 1, OUTPUT_MAX - 100, pipe);
    int status = pclose(pipe);
    snprintf(output + len, 100, "(status %d)\n", status);
    return output;
}

/* The number of the first line that differs, from 1 on; 0 if none does. */
static int first_difference(const char *a, const char *b)
{
    int line = 1;
    for (; *a == *b; a++, b++) {
        if (*a == '\0') {
            return 0;
        }
        line += *a == '\n';
    }
    return line;
}

/* A line of a text, without its end; a static string. */
static const char *line_of(const char *text, int number, char *room, size_t size)
{
    while (--number > 0 && strchr(text, '\n') != NULL) {
        text = strchr(text, '\n') + 1;
    }
    snprintf(room, size, "%.*s", (int)strcspn(text, "\n"), text);
    return room;
}

START_TEST(programs_print_the_same)
{
    const char *name = programs[_i]->d_name;
    char their_line[500];
    char our_line[500];
    char path[64];
    fleet_start(&fleet, SERVERS);
    snprintf(path, sizeof(path), "/tmp/omcache-programs-%d", (int)getpid());
    memcached_start_socket(&on_socket, path);
    char *theirs = output_of("theirs", name);
    char *ours = output_of("ours", name);
    unlink(path);
    int line = first_difference(theirs, ours);
    ck_assert_msg(line == 0, "%s, line %d: libmemcached prints [%s], we print [%s]", name, line,
                  line_of(theirs, line, their_line, sizeof(their_line)),
                  line_of(ours, line, our_line, sizeof(our_line)));
    ck_assert_msg(strstr(theirs, "(status 0)") != NULL, "%s fails: %s", name, theirs);
    ck_assert_msg(strlen(theirs) > 50, "%s prints next to nothing", name);
    free(theirs);
    free(ours);
}
END_TEST

START_TEST(there_are_programs)
{
    ck_assert_int_ge(program_count, PROGRAMS_MIN);
}
END_TEST

int main(void)
{
    program_count = scandir(folder("ours"), &programs, is_program, alphasort);
    if (program_count < 0) {
        program_count = 0;
    }
    Suite *suite = suite_create("programs");
    TCase *tcase = fixture_case(suite, "programs");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, there_are_programs);
    tcase_add_loop_test(tcase, programs_print_the_same, 0, program_count);
    int failed = fixture_run(suite);
    for (int i = 0; i < program_count; i++) {
        free(programs[i]);
    }
    free(programs);
    return failed;
}
