/*
 * OpenSSL's way to the kernel; see openssl_wire.h.
 */
#include "net/openssl_wire.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "net/socket.h"

bool omc_openssl_wire_flush(struct omc_openssl_wire *wire)
{
    struct iovec piece;
    ssize_t count;

    if (wire->kept_end == 0)
        return true;
    piece = (struct iovec){wire->kept + wire->kept_begin, wire->kept_end - wire->kept_begin};
    count = omc_socket_write(wire->fd, &piece, 1);
    if (count < 0)
        return false;
    wire->kept_begin += (size_t)count;
    if (wire->kept_begin == wire->kept_end)
        wire->kept_begin = wire->kept_end = 0;
    return true;
}

enum {
    KEPT_MAX = 1 << 17, /* bytes: a record and what belongs to a handshake need less */
};

/* Keeps bytes behind those there are; false with errno if that fails.  Only a peer who has us
 * answer, and does not read that, can make it too many. */
static bool keep_rest(struct omc_openssl_wire *wire, const char *bytes, size_t len)
{
    size_t room = wire->kept_end + len;
    unsigned char *kept;

    if (room > KEPT_MAX) {
        errno = EPROTO;
        return false;
    }
    if (room > wire->kept_room) {
        kept = omc_memory_resize(wire->kept, room, 1);
        if (kept == NULL) {
            errno = ENOMEM;
            return false;
        }
        wire->kept = kept;
        wire->kept_room = room;
    }
    memcpy(wire->kept + wire->kept_end, bytes, len);
    wire->kept_end += len;
    return true;
}

static int bio_write(BIO *bio, const char *bytes, int len)
{
    struct omc_openssl_wire *wire = BIO_get_data(bio);
    struct iovec piece = {(char *)(uintptr_t)bytes, (size_t)len};
    ssize_t count = 0;

    if (wire->kept_end == 0)
        count = omc_socket_write(wire->fd, &piece, 1);
    if (count >= 0 && count < len && !keep_rest(wire, bytes + count, (size_t)(len - count)))
        count = OMC_SOCKET_ERROR;
    if (count >= 0)
        return len;
    BIO_clear_retry_flags(bio); /* those of a read would make it one to wait for */
    wire->write_error = errno;
    return -1;
}

static int bio_read(BIO *bio, char *bytes, int size)
{
    struct omc_openssl_wire *wire = BIO_get_data(bio);
    ssize_t count;

    if (wire->reads_left == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    wire->reads_left--;
    count = wire->may_wait ? omc_socket_await(wire->fd, bytes, (size_t)size)
                           : omc_socket_read(wire->fd, bytes, (size_t)size);
    wire->may_wait = false;
    wire->is_drained = count < size;
    if (count > 0)
        return (int)count;
    BIO_clear_retry_flags(bio);
    wire->at_end = count == OMC_SOCKET_CLOSED;
    if (count == OMC_SOCKET_AGAIN)
        BIO_set_retry_read(bio);
    else if (!wire->at_end)
        wire->read_error = errno;
    return wire->at_end ? 0 : -1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    struct omc_openssl_wire *wire = BIO_get_data(bio);

    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF)
        return wire->at_end;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *omc_openssl_wire_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "omcache");

    if (method == NULL || !BIO_meth_set_write(method, bio_write) ||
        !BIO_meth_set_read(method, bio_read) || !BIO_meth_set_ctrl(method, bio_control)) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

void omc_openssl_wire_fini(struct omc_openssl_wire *wire)
{
    omc_memory_free(wire->kept);
}
