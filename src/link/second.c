/*
 * Connecting, saying hello and reading the answer, beside another connection.
 */
#include "link/second.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/memory.h"
#include "net/socket.h"

struct omc_second *omc_second_new(struct omc_watches *watches, struct omc_link *link,
                                  const struct omc_address *address, enum omc_greeting greeting,
                                  int64_t now)
{
    struct omc_second *second = omc_memory_new(1, sizeof(*second));
    int fd = second == NULL ? -1 : omc_socket_connect(address);

    if (fd < 0) {
        omc_memory_free(second);
        return NULL;
    }
    omc_watch_init(&second->watch, link);
    omc_stream_init(&second->stream);
    if (!omc_watch_open(watches, &second->watch, fd)) {
        omc_socket_close(fd);
        omc_memory_free(second);
        return NULL;
    }
    second->begun = now;
    second->greeting = greeting;
    second->number = (uint32_t)now;
    omc_watch_want(watches, &second->watch, POLLOUT);
    return second;
}

void omc_second_free(struct omc_second *second, struct omc_watches *watches)
{
    omc_stream_close(&second->stream);
    omc_watch_close(watches, &second->watch);
    if (second->hello != NULL)
        explicit_bzero(second->hello, second->hello_len);
    omc_memory_free(second->hello);
    omc_memory_free(second);
}

static enum omc_second_result send_hello(struct omc_second *second)
{
    size_t sent = second->hello_len - second->hello_left;
    struct iovec piece = {second->hello + sent, second->hello_left};
    ssize_t taken = 0;

    if (second->hello_left > 0 || second->stream.unsent)
        taken = omc_stream_send(&second->stream, &piece, 1);
    if (taken < 0)
        return OMC_SECOND_LOST;
    second->hello_left -= (size_t)taken;
    return OMC_SECOND_ON;
}

/* Says hello when the connection is safe. */
static enum omc_second_result secure(struct omc_second *second, const struct omc_login *login)
{
    int result = omc_stream_secure(&second->stream);

    if (result <= 0)
        return result == OMC_SOCKET_AGAIN ? OMC_SECOND_ON : OMC_SECOND_LOST;
    second->hello = omc_memory_new(1, omc_hello_room(login));
    if (second->hello == NULL)
        return OMC_SECOND_LOST;
    second->has_login = login != NULL;
    second->hello_len = omc_hello_write(second->hello, second->greeting, second->number, login);
    second->hello_left = second->hello_len;
    return send_hello(second);
}

static enum omc_second_result check_connect(struct omc_second *second,
                                            const struct omc_tls_way *way,
                                            const struct omc_login *login)
{
    int error = omc_socket_connect_error(second->watch.fd);

    if (error != 0)
        return error == EINPROGRESS ? OMC_SECOND_ON : OMC_SECOND_LOST;
    return omc_tls_open(&second->stream, second->watch.fd, way) ? secure(second, login)
                                                                : OMC_SECOND_LOST;
}

static enum omc_second_result read_part(struct omc_second *second)
{
    size_t room = sizeof(second->in) - second->in_len, used;
    ssize_t count = omc_stream_receive(&second->stream, second->in + second->in_len, room);
    const struct omc_hello_asked asked = {second->greeting, second->number, second->has_login};
    const char *problem;

    if (count == OMC_SOCKET_AGAIN)
        return OMC_SECOND_ON;
    if (count < 0)
        return OMC_SECOND_LOST;
    second->in_len += (size_t)count;
    switch (omc_hello_read(second->in, second->in_len, &asked, &used, &problem)) {
    case OMC_HELLO_GOOD:
        return second->hello_left == 0 ? OMC_SECOND_PROVED : OMC_SECOND_LOST;
    case OMC_HELLO_MORE:
        return second->in_len < sizeof(second->in) ? OMC_SECOND_ON : OMC_SECOND_LOST;
    default:
        return OMC_SECOND_LOST;
    }
}

static enum omc_second_result read_answer(struct omc_second *second)
{
    enum omc_second_result result;

    do
        result = read_part(second);
    while (result == OMC_SECOND_ON && second->stream.pending);
    return result;
}

/* What it is watched for when it has connected. */
static short wanted_events(const struct omc_second *second)
{
    int events = second->stream.to_receive;

    if (second->hello_left > 0 || second->stream.unsent)
        events |= second->stream.to_send;
    return (short)events;
}

enum omc_second_result omc_second_step(struct omc_second *second, struct omc_watches *watches,
                                       const struct omc_tls_way *way, const struct omc_login *login)
{
    short ready = second->watch.ready;
    enum omc_second_result result = OMC_SECOND_ON;

    second->watch.ready = 0;
    if (ready == 0)
        return OMC_SECOND_ON;
    if (second->until != 0) /* it has been asked for nothing more */
        return OMC_SECOND_LOST;
    if (!omc_stream_is_open(&second->stream))
        result = check_connect(second, way, login);
    else if (second->hello_len == 0)
        result = secure(second, login);
    else if ((ready & second->stream.to_send) != 0)
        result = send_hello(second);
    if (result == OMC_SECOND_ON && second->hello_len > 0 &&
        (ready & (second->stream.to_receive | OMC_STREAM_BROKEN)) != 0)
        result = read_answer(second);
    if (omc_stream_is_open(&second->stream))
        omc_watch_want(watches, &second->watch, wanted_events(second));
    return result;
}
