/*
 * A little memcached that goes wrong.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/faulty.h"

#include "support/clock.h"
#include "support/faulty_codec.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (FAULTY_DATA_MAX + 4096)
#define NOISE_MAX 40

/* A connection's state: the answer that waits for the next one, and room for others. */
struct session {
    struct peer *peer;
    struct faulty *faulty;
    unsigned char *out;
    unsigned char *held;
    size_t held_len;
    bool held_is_value; /* in text, of this key, */
    bool held_shares;   /* which is on a line with the next one */
    char held_key[LITTLE_KEY_MAX + 1];
};

const char *fault_name(enum fault fault)
{
    static const char *const names[FAULTS] = {
        [FAULT_NONE] = "none",
        [FAULT_LATE] = "late",
        [FAULT_EARLY] = "early",
        [FAULT_TWICE] = "twice",
        [FAULT_NEVER] = "never",
        [FAULT_OTHER_OPAQUE] = "other opaque",
        [FAULT_OTHER_KEY] = "other key",
        [FAULT_OTHER_OPCODE] = "other opcode",
        [FAULT_SPLIT] = "split",
        [FAULT_BYTES] = "bytes",
        [FAULT_NOISE_BEFORE] = "noise before",
        [FAULT_NOISE_BEHIND] = "noise behind",
        [FAULT_LENGTH] = "length",
        [FAULT_CLOSE] = "close",
        [FAULT_RESET] = "reset",
        [FAULT_DEAF] = "deaf",
        [FAULT_VANISH] = "vanish",
        [FAULT_REFUSED] = "refused",
    };
    return names[fault];
}

/* xorshift64 */
static uint32_t any(struct faulty *faulty, uint32_t below)
{
    faulty->random ^= faulty->random << 13;
    faulty->random ^= faulty->random >> 7;
    faulty->random ^= faulty->random << 17;
    return below == 0 ? 0 : (uint32_t)(faulty->random >> 24) % below;
}

/* What is to go wrong with the next answer. */
static struct fault_step choose(struct faulty *faulty, const struct faulty_request *request)
{
    struct fault_step step = {.fault = FAULT_NONE};
    bool has_key = request->ask.key[0] != 0;
    faulty->requests += has_key;
    for (size_t i = 0; has_key && faulty->script && faulty->script[i].request; i++) {
        if (faulty->script[i].request == faulty->requests) {
            return faulty->script[i];
        }
    }
    if (faulty->chance > 0 && !atomic_load(&faulty->calm) && any(faulty, faulty->chance) == 0) {
        step.fault = (enum fault)(1 + any(faulty, FAULT_REFUSED - 1));
        step.at = any(faulty, any(faulty, 4) == 0 ? 4000 : 40);
    }
    return step;
}

/* Whether the fault shows, with this request's answer. */
static bool is_certain(const struct faulty_request *request, const struct little_result *result,
                       enum fault fault)
{
    bool has_key = request->ask.key[0] != 0;
    bool value = request->ask.verb == LITTLE_GET && result->status == LITTLE_OK;
    switch (fault) {
    case FAULT_TWICE:
    case FAULT_EARLY:
        return request->numbered ? has_key : value && has_key;
    case FAULT_NEVER:
    case FAULT_OTHER_KEY:
    case FAULT_OTHER_OPCODE:
    case FAULT_OTHER_OPAQUE:
        return has_key;
    default:
        return true;
    }
}

static bool send_held(struct session *session)
{
    size_t len = session->held_len;
    session->held_len = 0;
    return len == 0 || peer_send(session->peer, session->held, len);
}

/* Bytes that no answer begins with, in any protocol. */
static bool send_noise(struct session *session)
{
    unsigned char noise[NOISE_MAX] = {(unsigned char)any(session->faulty, 0x30)};
    size_t len = 1 + any(session->faulty, NOISE_MAX - 1);
    for (size_t i = 1; i < len; i++) {
        noise[i] = (unsigned char)any(session->faulty, 256);
    }
    return peer_send(session->peer, noise, len);
}

static void pause_a_while(struct session *session, int times)
{
    int longest = session->faulty->pause_ms;
    if (longest > 0) {
        clock_sleep((1 + (int64_t)any(session->faulty, (uint32_t)longest)) * times);
    }
}

/* Sends an answer up to some byte, and says that the connection is over. */
static bool break_off(struct session *session, size_t len, size_t at, bool reset)
{
    if (reset) {
        peer_reset_on_close(session->peer);
    }
    peer_send(session->peer, session->out, at % (len + 1));
    return false;
}

static bool split(struct session *session, size_t len, size_t at)
{
    at %= len + 1;
    if (!peer_send(session->peer, session->out, at)) {
        return false;
    }
    clock_sleep(2);
    return peer_send(session->peer, session->out + at, len - at);
}

static bool send_bytes(struct session *session, size_t len)
{
    peer_send_in_pieces(session->peer, len / 20 + 1);
    bool sent = peer_send(session->peer, session->out, len);
    peer_send_in_pieces(session->peer, 0);
    return sent;
}

/* Keeps an answer back until the next one has gone. */
static void hold(struct session *session, const struct faulty_request *request, size_t len)
{
    memcpy(session->held, session->out, len);
    session->held_len = len;
    session->held_is_value = !request->numbered;
    session->held_shares = request->words.more;
    memcpy(session->held_key, request->ask.key, sizeof(session->held_key));
}

/* Everything that follows is not answered; where nothing else tells whose answer the next
 * one is, not one of them is. */
static bool keep_silent(struct session *session, const struct faulty_request *request)
{
    if (!request->numbered) {
        peer_drain(session->peer);
        return false;
    }
    return true;
}

/* Sends an answer of `len` bytes in out with what is wrong about its way; false when the
 * connection is over. */
static bool deliver(struct session *session, const struct faulty_request *request,
                    const struct fault_step *step, size_t len)
{
    struct peer *peer = session->peer;
    switch (step->fault) {
    case FAULT_LATE:
        pause_a_while(session, 1);
        return peer_send(peer, session->out, len);
    case FAULT_DEAF:
        pause_a_while(session, 4);
        return peer_send(peer, session->out, len);
    case FAULT_TWICE:
        memcpy(session->out + len, session->out, len);
        return peer_send(peer, session->out, 2 * len);
    case FAULT_NEVER:
        return keep_silent(session, request);
    case FAULT_VANISH:
        peer_forsake(peer);
        return false;
    case FAULT_SPLIT:
        return split(session, len, step->at);
    case FAULT_BYTES:
        return send_bytes(session, len);
    case FAULT_NOISE_BEFORE:
        return send_noise(session) && peer_send(peer, session->out, len);
    case FAULT_NOISE_BEHIND:
        return peer_send(peer, session->out, len) && send_noise(session);
    case FAULT_CLOSE:
    case FAULT_RESET:
        return break_off(session, len, step->at, step->fault == FAULT_RESET);
    default:
        return peer_send(peer, session->out, len);
    }
}

/* In text a value may come before another only if their keys differ. */
static bool may_overtake(const struct session *session, const struct faulty_request *request,
                         const struct little_result *result)
{
    return !session->held_is_value ||
           (request->ask.verb == LITTLE_GET && result->status == LITTLE_OK &&
            strcmp(request->ask.key, session->held_key) != 0);
}

static size_t write_answer(const struct faulty_request *request, const struct faulty_answer *answer,
                           unsigned char *out)
{
    return request->binary ? faulty_write_binary(request, answer, out, ANSWER_MAX)
                           : faulty_write_lines(request, answer, out, ANSWER_MAX);
}

/* Writes an answer with what is wrong inside of it; without that, if it cannot be. */
static size_t compose(struct session *session, const struct faulty_request *request,
                      const struct little_result *result, struct fault_step *step)
{
    struct faulty *faulty = session->faulty;
    struct faulty_answer answer = {.result = *result, .fault = step->fault, .at = step->at};
    size_t len = 0;
    if (step->fault == FAULT_OTHER_KEY) {
        answer.other = little_other(&faulty->memory, request->ask.key, any(faulty, LITTLE_ITEMS));
    }
    if (is_certain(request, result, step->fault)) {
        len = write_answer(request, &answer, session->out);
    }
    if (len == 0) {
        answer.fault = step->fault = FAULT_NONE;
        len = write_answer(request, &answer, session->out);
    }
    return len;
}

/* Moves the end of a line that two values are on behind the one that was held; how much is left of
 * the other one, which has so many bytes. */
static size_t move_end(struct session *session, const struct faulty_request *request, size_t len)
{
    static const char end[] = "END\r\n";
    size_t end_len = strlen(end);
    if (session->held_len == 0 || !session->held_shares || request->words.more) {
        return len;
    }
    memcpy(session->held + session->held_len, end, end_len);
    session->held_len += end_len;
    return len - end_len;
}

/* Answers one request; false when the connection is over. */
static bool answer(struct session *session, const struct faulty_request *request)
{
    struct faulty *faulty = session->faulty;
    if (request->refused) {
        atomic_fetch_add(&faulty->done[FAULT_REFUSED], 1);
        return true;
    }
    struct fault_step step = choose(faulty, request);
    struct little_result result = little_run(&faulty->memory, &request->ask);
    size_t len = compose(session, request, &result, &step);
    if (len == 0) {
        return true; /* it is quiet */
    }
    atomic_fetch_add(&faulty->done[step.fault], 1);
    if (session->held_len > 0 && !may_overtake(session, request, &result) && !send_held(session)) {
        return false;
    }
    if (step.fault == FAULT_EARLY && session->held_len == 0) {
        hold(session, request, len);
        return true;
    }
    len = move_end(session, request, len);
    return deliver(session, request, &step, len) && send_held(session);
}

/* Whether a large value, if that is what comes, is not even looked at. */
static bool refuses(struct session *session)
{
    struct faulty *faulty = session->faulty;
    return faulty->chance > 0 && !atomic_load(&faulty->calm) && session->held_len == 0 &&
           any(faulty, 4) == 0;
}

static bool read_request(struct session *session, struct faulty_request *request, bool binary)
{
    struct faulty *faulty = session->faulty;
    memset(request, 0, sizeof(*request));
    request->refuses = refuses(session);
    request->forsakes = request->refuses && any(faulty, 3) == 0;
    return binary ? faulty_read_binary(session->peer, request, faulty->data)
                  : faulty_read_lines(session->peer, request, faulty->data,
                                      faulty->speech == FAULTY_SPEAKS_ALL);
}

/* A peer_script. */
static void serve(struct peer *peer, void *context)
{
    struct faulty *faulty = context;
    struct session session = {.peer = peer, .faulty = faulty};
    struct faulty_request request;
    bool binary = peer_peek(peer) == 0x80;
    if (binary ? faulty->speech == FAULTY_SPEAKS_TEXT : faulty->speech == FAULTY_SPEAKS_BINARY) {
        return;
    }
    session.out = malloc((size_t)3 * ANSWER_MAX);
    if (!session.out) {
        return;
    }
    session.held = session.out + (size_t)2 * ANSWER_MAX;
    while (read_request(&session, &request, binary) && answer(&session, &request)) {
    }
    free(session.out);
}

struct peer *faulty_start(struct faulty *faulty, int number)
{
    faulty->random = faulty->seed * 0x9e3779b97f4a7c15u + 1 + (uint64_t)number;
    faulty->data = malloc(FAULTY_DATA_MAX + 2);
    ck_assert_ptr_nonnull(faulty->data);
    return peer_start(number, serve, faulty);
}

void faulty_clear(struct faulty *faulty)
{
    little_clear(&faulty->memory);
    free(faulty->data);
    faulty->data = NULL;
}
