/*
 * Runs a fuzz target over the inputs that are kept, with any compiler: the main program
 * in place of libFuzzer's.
 *
 *   fuzz_meta [PACK...]        tries every input, and sums up as Check does
 *   fuzz_meta unpack FOLDER    makes them files, as libFuzzer wants them
 *
 * A pack has one input a line, in hexadecimal; lines that begin with # say why it is
 * there.  Those of a target are corpus/fuzz_meta, which reaches what exploring has
 * reached, and failed/fuzz_meta with what once failed, if there is any.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz/fuzz.h"

#include <signal.h>
#include <unistd.h>

enum {
    INPUT_MAX = 1 << 20,
};

static unsigned line_number;

/* Says which input it was; the rest is said by whatever raised the signal. */
static void on_crash(int number)
{
    char text[] = "input in line .......\n";

    for (unsigned i = sizeof(text) - 3, rest = line_number; text[i] == '.'; i--, rest /= 10)
        text[i] = (char)(rest > 0 ? '0' + rest % 10 : ' ');
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        _exit(1);
    signal(number, SIG_DFL);
    raise(number);
}

static unsigned digit(char c)
{
    FUZZ_CHECK((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static size_t decode(const char *line, size_t len, unsigned char *bytes)
{
    FUZZ_CHECK(len % 2 == 0 && len / 2 <= INPUT_MAX);
    for (size_t i = 0; i < len; i += 2)
        bytes[i / 2] = (unsigned char)(digit(line[i]) << 4 | digit(line[i + 1]));
    return len / 2;
}

/* Tries an input, from memory of just its size. */
static void try_input(const unsigned char *bytes, size_t size)
{
    unsigned char *copy = fuzz_copy(bytes, size);

    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void write_input(const char *folder, const unsigned char *bytes, size_t size)
{
    static unsigned number;
    char path[1024];
    FILE *file;

    snprintf(path, sizeof(path), "%s/kept-%u", folder, number++);
    file = fopen(path, "wb");
    FUZZ_CHECK(file != NULL);
    FUZZ_CHECK(fwrite(bytes, 1, size, file) == size);
    FUZZ_CHECK(fclose(file) == 0);
}

/* Reads a pack, and tries each input or writes it to a folder; how many. */
static unsigned read_pack(const char *pack, const char *folder)
{
    unsigned char *bytes = malloc(INPUT_MAX);
    FILE *file = fopen(pack, "r");
    char *line = NULL;
    size_t room = 0;
    unsigned count = 0;
    ssize_t len;

    FUZZ_CHECK(file != NULL && bytes != NULL);
    for (line_number = 1; (len = getline(&line, &room, file)) > 0; line_number++) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        len -= line[len - 1] == '\n';
        if (folder == NULL)
            try_input(bytes, decode(line, (size_t)len, bytes));
        else
            write_input(folder, bytes, decode(line, (size_t)len, bytes));
        count++;
    }
    fclose(file);
    free(line);
    free(bytes);
    return count;
}

/* The same with both packs of a program, which have its name. */
static unsigned read_packs(const char *program, const char *folder)
{
    const char *slash = strrchr(program, '/'), *name = slash == NULL ? program : slash + 1;
    char path[1024];
    unsigned count;

    snprintf(path, sizeof(path), "tests/fuzz/corpus/%s", name);
    count = read_pack(path, folder);
    snprintf(path, sizeof(path), "tests/fuzz/failed/%s", name);
    return access(path, F_OK) == 0 ? count + read_pack(path, folder) : count;
}

int main(int argc, char **argv)
{
    unsigned count = 0;

    if (argc == 3 && strcmp(argv[1], "unpack") == 0) {
        read_packs(argv[0], argv[2]);
        return 0;
    }
    signal(SIGABRT, on_crash);
    signal(SIGSEGV, on_crash);
    if (argc == 1)
        count = read_packs(argv[0], NULL);
    for (int i = 1; i < argc; i++)
        count += read_pack(argv[i], NULL);
    printf("100%%: Checks: %u, Failures: 0, Errors: 0\n", count);
    return 0;
}
