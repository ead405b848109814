/*
 * Writing credentials; see login.h.
 */
#include "proto/login.h"

#include "proto/ask.h"
#include "proto/bytes.h"
#include "proto/line.h"
#include "proto/opcode.h"

static const char mechanism[] = "PLAIN";

static bool has_only(const unsigned char *bytes, size_t len, unsigned char least)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] < least || bytes[i] == 0x7f)
            return false;
    }
    return true;
}

bool omc_login_check(const struct omc_login *login)
{
    return login->user_len > 0 && has_only(login->user, login->user_len, ' ' + 1) &&
           has_only(login->password, login->password_len, ' ');
}

/* The expiration is over: a server that takes it for a value keeps nothing. */
unsigned char *omc_login_write_line(unsigned char *out, const struct omc_login *login)
{
    out = omc_line_put(out, "set omcache-login 0 -1");
    out = omc_line_put_flag(out, " ", login->user_len + 1 + login->password_len);
    out = omc_line_put(out, "\r\n");
    out = omc_bytes_put(out, login->user, login->user_len);
    *out++ = ' ';
    out = omc_bytes_put(out, login->password, login->password_len);
    return omc_line_put(out, "\r\n");
}

/* The data of PLAIN: for whom (nobody else), who, and the password, with a NUL in between. */
unsigned char *omc_login_write_binary(unsigned char *out, const struct omc_login *login)
{
    uint32_t key_len = sizeof(mechanism) - 1;
    uint32_t len = (uint32_t)(1 + login->user_len + 1 + login->password_len);

    out = omc_bytes_put32(out, (uint32_t)OMC_ASK_MAGIC << 24 | OMC_OP_LOGIN << 16 | key_len);
    out = omc_bytes_put32(out, 0);
    out = omc_bytes_put32(out, key_len + len);
    out = omc_bytes_put32(out, 0);
    out = omc_bytes_put64(out, 0);
    out = omc_line_put(out, mechanism);
    *out++ = '\0';
    out = omc_bytes_put(out, login->user, login->user_len);
    *out++ = '\0';
    return omc_bytes_put(out, login->password, login->password_len);
}
