/*
 * Pieces that are to be sent, taken from the front in other pieces than those they are in.
 */
#ifndef OMC_NET_PIECES_H
#define OMC_NET_PIECES_H

#include <stddef.h>
#include <string.h>
#include <sys/uio.h>

struct omc_pieces {
    const struct iovec *first;
    size_t count;
    size_t at; /* what of the first was taken */
};

/* What is left of the first one. */
static inline size_t omc_pieces_left(const struct omc_pieces *pieces)
{
    return pieces->first->iov_len - pieces->at;
}

static inline const unsigned char *omc_pieces_bytes(const struct omc_pieces *pieces)
{
    return (const unsigned char *)pieces->first->iov_base + pieces->at;
}

/* Takes so many bytes; then the first one, if there is one, has some left. */
static inline void omc_pieces_take(struct omc_pieces *pieces, size_t len)
{
    pieces->at += len;
    while (pieces->count > 0 && pieces->at >= pieces->first->iov_len) {
        pieces->at -= pieces->first->iov_len;
        pieces->first++;
        pieces->count--;
    }
}

static inline struct omc_pieces omc_pieces_of(const struct iovec *first, size_t count)
{
    struct omc_pieces pieces = {first, count, 0};

    omc_pieces_take(&pieces, 0);
    return pieces;
}

/* Copies what is in front together, as much as there is room for; how much. */
static inline size_t omc_pieces_copy(struct omc_pieces pieces, unsigned char *room, size_t size)
{
    size_t len = 0;

    while (pieces.count > 0 && len < size) {
        size_t left = omc_pieces_left(&pieces), some = left < size - len ? left : size - len;

        memcpy(room + len, omc_pieces_bytes(&pieces), some);
        len += some;
        omc_pieces_take(&pieces, some);
    }
    return len;
}

#endif
