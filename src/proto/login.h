/*
 * Credentials, as they go in front of a hello, and the answer to them.
 *
 * In lines they are the data of a `set`, whose key counts for nothing: that is how memcached takes
 * them (-Y).  One that wants none stores them, already over.  In binary they are SASL's PLAIN (-S).
 */
#ifndef OMC_PROTO_LOGIN_H
#define OMC_PROTO_LOGIN_H

#include <stdbool.h>
#include <stddef.h>

enum {
    OMC_LOGIN_PART_MAX = 255, /* bytes of a user, and of a password */
    OMC_LOGIN_SIZE_MAX = 64 + 2 * OMC_LOGIN_PART_MAX,
};

struct omc_login {
    size_t user_len;
    size_t password_len;
    unsigned char user[OMC_LOGIN_PART_MAX];
    unsigned char password[OMC_LOGIN_PART_MAX];
};

/* Whether they can be sent: the user is there and has no blanks, and neither has control
 * characters. */
bool omc_login_check(const struct omc_login *login);

/* Writes them; where that ends.  There is room for OMC_LOGIN_SIZE_MAX bytes. */
unsigned char *omc_login_write_line(unsigned char *out, const struct omc_login *login);
unsigned char *omc_login_write_binary(unsigned char *out, const struct omc_login *login);

#endif
