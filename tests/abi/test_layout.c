/*
 * The classic ABI as programs compiled against OMcache 0.3 know it, on 64-bit
 * systems: sizes, offsets, types, values and prototypes.  Most of this file is
 * tested by being compiled; none of it may ever change.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"

#include <check.h>
#include <omcache.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* --- Structs: each member's offset and type --- */

/* NOLINTBEGIN(bugprone-macro-parentheses): a type in parentheses is no type */
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), "size of " #type)
#define MEMBER(struct_type, offset, type, name)                                                   \
    _Static_assert(offsetof(struct_type, name) == (offset), "offset of " #struct_type "." #name); \
    _Static_assert(_Generic(&((struct_type *)0)->name, type * : 1, default : 0),                  \
                   "type of " #struct_type "." #name)
/* NOLINTEND(bugprone-macro-parentheses) */

typedef const unsigned char *bytes;

SIZE(struct omcache_req_header_s, 24);
MEMBER(struct omcache_req_header_s, 0, uint8_t, magic);
MEMBER(struct omcache_req_header_s, 1, uint8_t, opcode);
MEMBER(struct omcache_req_header_s, 2, uint16_t, keylen);
MEMBER(struct omcache_req_header_s, 4, uint8_t, extlen);
MEMBER(struct omcache_req_header_s, 5, uint8_t, datatype);
MEMBER(struct omcache_req_header_s, 6, uint16_t, reserved);
MEMBER(struct omcache_req_header_s, 8, uint32_t, bodylen);
MEMBER(struct omcache_req_header_s, 12, uint32_t, opaque);
MEMBER(struct omcache_req_header_s, 16, uint64_t, cas);

SIZE(struct omcache_req_s, 56);
MEMBER(omcache_req_t, 0, int, server_index);
MEMBER(omcache_req_t, 8, struct omcache_req_header_s, header);
MEMBER(omcache_req_t, 32, const void *, extra);
MEMBER(omcache_req_t, 40, bytes, key);
MEMBER(omcache_req_t, 48, bytes, data);

SIZE(struct omcache_value_s, 64);
MEMBER(omcache_value_t, 0, int, status);
MEMBER(omcache_value_t, 8, bytes, key);
MEMBER(omcache_value_t, 16, size_t, key_len);
MEMBER(omcache_value_t, 24, bytes, data);
MEMBER(omcache_value_t, 32, size_t, data_len);
MEMBER(omcache_value_t, 40, uint32_t, flags);
MEMBER(omcache_value_t, 48, uint64_t, cas);
MEMBER(omcache_value_t, 56, uint64_t, delta_value);

SIZE(struct omcache_dist_s, 32);
MEMBER(omcache_dist_t, 0, int, omcache_version);
MEMBER(omcache_dist_t, 4, uint32_t, points_per_server);
MEMBER(omcache_dist_t, 8, uint32_t, entries_per_point);
MEMBER(omcache_dist_t, 16, omc_ketama_point_hash_func *, point_hash_func);
MEMBER(omcache_dist_t, 24, omc_ketama_key_hash_func *, key_hash_func);

SIZE(struct omcache_server_info_s, 24);
MEMBER(omcache_server_info_t, 0, int, omcache_version);
MEMBER(omcache_server_info_t, 4, int, server_index);
MEMBER(omcache_server_info_t, 8, char *, hostname);
MEMBER(omcache_server_info_t, 16, int, port);

/* --- Numbers --- */

#define VALUE(name, value) _Static_assert((name) == (value), "value of " #name)

SIZE(enum omcache_ret_e, 4);
SIZE(omcache_ret_t, 4);
VALUE(OMCACHE_OK, 0);
VALUE(OMCACHE_NOT_FOUND, 1);
VALUE(OMCACHE_KEY_EXISTS, 2);
VALUE(OMCACHE_TOO_LARGE_VALUE, 3);
VALUE(OMCACHE_NOT_STORED, 5);
VALUE(OMCACHE_DELTA_BAD_VALUE, 6);
VALUE(OMCACHE_FAIL, 4095);
VALUE(OMCACHE_AGAIN, 4097);
VALUE(OMCACHE_INVALID, 4098);
VALUE(OMCACHE_BUFFERED, 4099);
VALUE(OMCACHE_BUFFER_FULL, 4100);
VALUE(OMCACHE_NO_SERVERS, 4101);
VALUE(OMCACHE_SERVER_FAILURE, 4102);
VALUE(OMCACHE_DELTA_NO_ADD, UINT32_MAX);

/* --- Prototypes: said once more, which compiles only if it is the same --- */

/* NOLINTBEGIN(readability-redundant-declaration) */
struct pollfd;
typedef struct omcache_s omcache_t;

typedef uint32_t omc_ketama_point_hash_func(const char *, const char *, uint32_t, uint32_t *);
typedef uint32_t omc_ketama_key_hash_func(bytes, size_t);
typedef void omcache_log_callback_func(void *, int, const char *);
typedef void omcache_response_callback_func(omcache_t *, omcache_value_t *, void *);

extern omcache_dist_t omcache_dist_libmemcached_ketama;
extern omcache_dist_t omcache_dist_libmemcached_ketama_weighted;
extern omcache_dist_t omcache_dist_libmemcached_ketama_pre1010;

omcache_t *omcache_init(void);
int omcache_free(omcache_t *);
const char *omcache_strerror(int);
void omcache_log_stderr(void *, int, const char *);

int omcache_set_connect_timeout(omcache_t *, uint32_t);
int omcache_set_reconnect_timeout(omcache_t *, uint32_t);
int omcache_set_dead_timeout(omcache_t *, uint32_t);
int omcache_set_send_buffer_max_size(omcache_t *, size_t);
int omcache_set_recv_buffer_max_size(omcache_t *, size_t);
int omcache_set_buffering(omcache_t *, uint32_t);
int omcache_set_servers(omcache_t *, const char *);
int omcache_set_distribution_method(omcache_t *, omcache_dist_t *);
int omcache_set_log_callback(omcache_t *, int, omcache_log_callback_func *, void *);
int omcache_set_response_callback(omcache_t *, omcache_response_callback_func *, void *);

struct pollfd *omcache_poll_fds(omcache_t *, int *, int *);
int omcache_reset_buffers(omcache_t *);
int omcache_io(omcache_t *, omcache_req_t *, size_t *, omcache_value_t *, size_t *, int32_t);
int omcache_command(omcache_t *, omcache_req_t *, size_t *, omcache_value_t *, size_t *, int32_t);
int omcache_command_status(omcache_t *, omcache_req_t *, int32_t);
int omcache_server_index_for_key(omcache_t *, bytes, size_t);
omcache_server_info_t *omcache_server_info(omcache_t *, int);
int omcache_server_info_free(omcache_t *, omcache_server_info_t *);

int omcache_noop(omcache_t *, int, int32_t);
int omcache_stat(omcache_t *, const char *, omcache_value_t *, size_t *, int, int32_t);
int omcache_flush_all(omcache_t *, time_t, int, int32_t);

int omcache_set(omcache_t *, bytes, size_t, bytes, size_t, time_t, uint32_t, uint64_t, int32_t);
int omcache_add(omcache_t *, bytes, size_t, bytes, size_t, time_t, uint32_t, int32_t);
int omcache_replace(omcache_t *, bytes, size_t, bytes, size_t, time_t, uint32_t, int32_t);
int omcache_append(omcache_t *, bytes, size_t, bytes, size_t, uint64_t, int32_t);
int omcache_prepend(omcache_t *, bytes, size_t, bytes, size_t, uint64_t, int32_t);
int omcache_increment(omcache_t *, bytes, size_t, uint64_t, uint64_t, time_t, uint64_t *, int32_t);
int omcache_decrement(omcache_t *, bytes, size_t, uint64_t, uint64_t, time_t, uint64_t *, int32_t);
int omcache_delete(omcache_t *, bytes, size_t, int32_t);
int omcache_touch(omcache_t *, bytes, size_t, time_t, int32_t);
int omcache_get(omcache_t *, bytes, size_t, bytes *, size_t *, uint32_t *, uint64_t *, int32_t);
int omcache_gat(omcache_t *, bytes, size_t, bytes *, size_t *, time_t, uint32_t *, uint64_t *,
                int32_t);
int omcache_get_multi(omcache_t *, bytes *, size_t *, size_t, omcache_req_t *, size_t *,
                      omcache_value_t *, size_t *, int32_t);
int omcache_gat_multi(omcache_t *, bytes *, size_t *, time_t *, size_t, omcache_req_t *, size_t *,
                      omcache_value_t *, size_t *, int32_t);
/* NOLINTEND(readability-redundant-declaration) */

/* --- What only shows at run time --- */

static void check_dist(const omcache_dist_t *dist, uint32_t points, uint32_t entries)
{
    ck_assert_int_eq(dist->omcache_version, OMCACHE_VERSION);
    ck_assert_uint_eq(dist->points_per_server, points);
    ck_assert_uint_eq(dist->entries_per_point, entries);
    ck_assert(dist->point_hash_func != NULL);
    ck_assert(dist->key_hash_func != NULL);
}

START_TEST(distributions_are_initialised_data)
{
    check_dist(&omcache_dist_libmemcached_ketama, 100, 1);
    check_dist(&omcache_dist_libmemcached_ketama_weighted, 40, 4);
    check_dist(&omcache_dist_libmemcached_ketama_pre1010, 40, 4);
}
END_TEST

START_TEST(library_tells_its_version)
{
    omcache_t *mc = omcache_init();
    ck_assert_ptr_nonnull(mc);
    ck_assert_int_eq(omcache_set_servers(mc, "127.0.0.1:11211"), OMCACHE_OK);
    omcache_server_info_t *info = omcache_server_info(mc, 0);
    ck_assert_ptr_nonnull(info);
    ck_assert_int_eq(info->omcache_version, OMCACHE_VERSION);
    ck_assert_int_eq(omcache_server_info_free(mc, info), OMCACHE_OK);
    ck_assert_int_eq(omcache_free(mc), OMCACHE_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layout");
    TCase *tcase = fixture_case(suite, "classic");
    tcase_add_test(tcase, distributions_are_initialised_data);
    tcase_add_test(tcase, library_tells_its_version);
    return fixture_run(suite);
}
