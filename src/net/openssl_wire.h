/*
 * How OpenSSL reads from and writes to a descriptor: it neither waits nor raises SIGPIPE, and what
 * the kernel does not take is kept here.  So writing never fails for want of room in the middle of
 * a record, which OpenSSL would want to be given again.
 */
#ifndef OMC_NET_OPENSSL_WIRE_H
#define OMC_NET_OPENSSL_WIRE_H

#include <openssl/bio.h>
#include <stdbool.h>
#include <stddef.h>

struct omc_openssl_wire {
    int fd;
    bool may_wait;       /* the next read may */
    bool at_end;         /* the peer has closed */
    bool is_drained;     /* the last read has found no more than it brought */
    unsigned reads_left; /* before it has to be asked again */
    int read_error;      /* errno of the read that failed, or 0 */
    int write_error;     /* likewise */
    unsigned char *kept; /* what the kernel has not taken, */
    size_t kept_begin;
    size_t kept_end; /* 0 if there is nothing */
    size_t kept_room;
};

/* What makes a BIO one over such a wire, which is its data; NULL without memory. */
BIO_METHOD *omc_openssl_wire_method(void);

/* Writes what was kept, as far as the kernel takes it; false with errno if that fails. */
bool omc_openssl_wire_flush(struct omc_openssl_wire *wire);

void omc_openssl_wire_fini(struct omc_openssl_wire *wire);

#endif
