/*
 * Streams that are plain sockets; see stream.h.
 */
#include "net/stream.h"

static ssize_t send_plain(struct omc_stream *stream, const struct iovec *pieces, size_t count)
{
    return omc_socket_write(stream->fd, pieces, count);
}

static ssize_t receive_plain(struct omc_stream *stream, void *bytes, size_t size)
{
    return omc_socket_read(stream->fd, bytes, size);
}

static ssize_t await_plain(struct omc_stream *stream, void *bytes, size_t size)
{
    return omc_socket_await(stream->fd, bytes, size);
}

static const struct omc_stream_kind plain = {
    .send = send_plain,
    .receive = receive_plain,
    .await = await_plain,
};

void omc_stream_open_plain(struct omc_stream *stream, int fd)
{
    *stream =
        (struct omc_stream){.kind = &plain, .fd = fd, .to_send = POLLOUT, .to_receive = POLLIN};
}
