/*
 * Names and numbers of ring points; see point.h.
 */
#include "route/point.h"

#include <md5.h>
#include <string.h>

#include "base/memory.h"
#include "route/hash.h"

enum {
    NUMBER_LEN = 11, /* a dash and the digits of 32 bits */
};

static char *append_text(char *to, const char *text)
{
    size_t len = strlen(text);

    memcpy(to, text, len);
    return to + len;
}

bool omc_point_name_init(struct omc_point_name *name, const struct omc_server_name *server,
                         bool spy)
{
    const char *host = server->label == NULL ? server->host : server->label;
    size_t room = 2 + strlen(host) + strlen(server->port) + NUMBER_LEN;
    bool with_port =
        server->label == NULL && (spy || strcmp(server->port, OMC_SERVER_LIST_PORT) != 0);
    char *end;

    name->text = room <= sizeof(name->room) ? name->room : omc_memory_new(room, 1);
    if (name->text == NULL)
        return false;
    end = append_text(name->text, spy ? "/" : "");
    end = append_text(end, host);
    if (with_port) {
        end = append_text(end, ":");
        end = append_text(end, server->port);
    }
    name->len = (size_t)(end - name->text);
    return true;
}

void omc_point_name_fini(struct omc_point_name *name)
{
    if (name->text != name->room)
        omc_memory_free(name->text);
}

size_t omc_point_name_number(struct omc_point_name *name, uint32_t number)
{
    size_t len = name->len + 2; /* a dash and a digit, at least */
    char *digit;

    for (uint32_t rest = number / 10; rest > 0; rest /= 10)
        len++;
    digit = name->text + len;
    do {
        *--digit = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    *--digit = '-';
    return len;
}

void omc_point_md5_words(const struct omc_point_name *name, size_t len,
                         uint32_t words[OMC_POINT_MD5_WORDS])
{
    unsigned char digest[MD5_DIGEST_LENGTH];
    MD5_CTX md5;

    MD5Init(&md5);
    MD5Update(&md5, (const unsigned char *)name->text, len);
    MD5Final(digest, &md5);
    for (unsigned i = 0; i < OMC_POINT_MD5_WORDS; i++)
        words[i] = omc_hash_md5_word(digest, i);
}

/* Makes the name of one point; 0 without memory. */
static size_t make_name(struct omc_point_name *name, const char *host, const char *port,
                        uint32_t point)
{
    /* Only read from, and nothing here frees it. */
    struct omc_server_name server = {.host = (char *)(uintptr_t)host,
                                     .port = (char *)(uintptr_t)port};

    return omc_point_name_init(name, &server, false) ? omc_point_name_number(name, point) : 0;
}

uint32_t omc_point_one_at_a_time(const char *host, const char *port, uint32_t point,
                                 uint32_t *hashes)
{
    struct omc_point_name name;
    size_t len = make_name(&name, host, port, point);

    if (len == 0)
        return 0;
    hashes[0] = omc_hash_one_at_a_time((const unsigned char *)name.text, len);
    omc_point_name_fini(&name);
    return 1;
}

uint32_t omc_point_md5(const char *host, const char *port, uint32_t point, uint32_t *hashes)
{
    struct omc_point_name name;
    size_t len = make_name(&name, host, port, point);

    if (len == 0)
        return 0;
    omc_point_md5_words(&name, len, hashes);
    omc_point_name_fini(&name);
    return OMC_POINT_MD5_WORDS;
}

/* Each step is rounded to single precision: that is where the points go. */
uint32_t omc_point_share(uint32_t weight, uint64_t total, size_t servers)
{
    const float entries = OMC_POINT_MD5_COUNT * OMC_POINT_MD5_WORDS;
    float share = (float)weight / (float)total;

    share = share * entries;
    share = share / (float)OMC_POINT_MD5_WORDS;
    share = share * (float)servers;
    share = share + 1e-10F;
    return (uint32_t)share;
}
