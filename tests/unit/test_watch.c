/*
 * The table of descriptors: finding, changing, closing and telling, against a model.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "link/watch.h"
#include "support/fixture.h"

enum {
    SLOTS = 300,
    FDS_MAX = 4096,
};

static struct omc_watches watches;
static struct omc_watch slots[SLOTS];
static short known[FDS_MAX]; /* what the application was told of each descriptor */
static size_t calls;

static void remember(omcache_t *mc, int fd, short events, void *context)
{
    (void)mc;
    ck_assert_ptr_eq(context, known);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_lt(fd, FDS_MAX);
    ck_assert_msg(fcntl(fd, F_GETFD) >= 0, "%d is closed", fd);
    ck_assert_int_ne(known[fd], events);
    known[fd] = events;
    calls++;
}

static void begin(void)
{
    memset(&watches, 0, sizeof(watches));
    memset(known, 0, sizeof(known));
    calls = 0;
    for (size_t i = 0; i < SLOTS; i++)
        omc_watch_init(&slots[i], NULL);
}

/* As the client does. */
static void tell(void)
{
    struct omc_watch_news news;

    while (omc_watch_take_news(&watches, &news)) {
        watches.func(NULL, news.fd, news.events, watches.context);
        if (news.closing)
            close(news.fd);
    }
}

static int new_fd(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    return fd;
}

static void close_all(void)
{
    for (size_t i = 0; i < SLOTS; i++)
        omc_watch_close(&watches, &slots[i]);
    tell();
    omc_watch_fini(&watches);
}

static void assert_model(void)
{
    size_t open = 0;

    for (size_t i = 0; i < SLOTS; i++) {
        if (slots[i].fd < 0)
            continue;
        open++;
        ck_assert_ptr_eq(omc_watch_find(&watches, slots[i].fd), &slots[i]);
    }
    ck_assert_uint_eq(watches.open, open);
}

START_TEST(descriptors_are_found)
{
    ck_assert_ptr_null(omc_watch_find(&watches, 3));
    ck_assert_ptr_null(omc_watch_find(&watches, -1));
    for (size_t i = 0; i < SLOTS; i++) {
        ck_assert(omc_watch_open(&watches, &slots[i], new_fd()));
        assert_model();
    }
    ck_assert_ptr_null(omc_watch_find(&watches, -1));
    ck_assert_ptr_null(omc_watch_find(&watches, FDS_MAX));
    for (size_t i = 0; i < SLOTS; i += 2)
        omc_watch_close(&watches, &slots[i]);
    assert_model();
    close_all();
}
END_TEST

/* One that has a place among so many in common with others. */
static int new_fd_like_others(int places)
{
    int fd = new_fd(), like = fcntl(fd, F_DUPFD_CLOEXEC, places * (1 + rand() % 8) + rand() % 3);

    ck_assert_int_ge(like, 0);
    close(fd);
    return like;
}

/* Who is put into a neighbour's place is found there, also when the neighbour goes. */
START_TEST(descriptors_with_the_same_place_are_found)
{
    enum {
        FEW = 4,     /* as many as the table is made for at first, */
        PLACES = 16, /* which has so many places then */
    };

    srand(18);
    for (int step = 0; step < 2000; step++) {
        struct omc_watch *watch = &slots[rand() % FEW];

        if (watch->fd >= 0)
            omc_watch_close(&watches, watch);
        else
            ck_assert(omc_watch_open(&watches, watch, new_fd_like_others(PLACES)));
        assert_model();
    }
    ck_assert_uint_eq(watches.table_size, PLACES);
    close_all();
}
END_TEST

static void check_told(void)
{
    size_t before;

    tell();
    for (size_t i = 0; i < SLOTS; i++) {
        if (slots[i].fd >= 0)
            ck_assert_int_eq(known[slots[i].fd], slots[i].events);
    }
    before = calls;
    tell();
    ck_assert_uint_eq(calls, before);
}

START_TEST(any_sequence_of_changes_is_told_right)
{
    omc_watch_set_callback(&watches, remember, known);
    srand(17);
    for (int step = 0; step < 20000; step++) {
        struct omc_watch *watch = &slots[rand() % SLOTS];
        struct omc_watch *other = &slots[rand() % SLOTS];

        switch (rand() % 6) {
        case 0:
            if (watch->fd < 0)
                ck_assert(omc_watch_open(&watches, watch, new_fd()));
            break;
        case 1:
            omc_watch_close(&watches, watch);
            break;
        case 2:
            if (watch->fd >= 0 && other->fd < 0)
                omc_watch_move(&watches, other, watch);
            break;
        case 3:
            if (rand() % 10 == 0)
                check_told();
            break;
        default:
            if (watch->fd >= 0)
                omc_watch_want(&watches, watch, (short)(rand() % 2 ? POLLIN : POLLIN | POLLOUT));
        }
        if (step % 100 == 0)
            assert_model();
    }
    check_told();
    close_all();
    for (size_t fd = 0; fd < FDS_MAX; fd++)
        ck_assert_int_eq(known[fd], 0);
}
END_TEST

START_TEST(what_was_never_told_is_closed_at_once)
{
    int fd = new_fd();

    omc_watch_set_callback(&watches, remember, known);
    ck_assert(omc_watch_open(&watches, &slots[0], fd));
    omc_watch_want(&watches, &slots[0], POLLIN);
    omc_watch_close(&watches, &slots[0]);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ck_assert(!omc_watch_has_news(&watches));
    omc_watch_fini(&watches);
}
END_TEST

START_TEST(what_was_told_is_closed_when_that_is_taken_back)
{
    int fd = new_fd();

    omc_watch_set_callback(&watches, remember, known);
    ck_assert(omc_watch_open(&watches, &slots[0], fd));
    omc_watch_want(&watches, &slots[0], POLLIN);
    tell();
    omc_watch_close(&watches, &slots[0]);
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
    ck_assert_ptr_null(omc_watch_find(&watches, fd));
    /* Its number cannot be another's before. */
    ck_assert(omc_watch_open(&watches, &slots[1], new_fd()));
    ck_assert_int_ne(slots[1].fd, fd);
    tell();
    ck_assert_int_eq(known[fd], 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    close_all();
}
END_TEST

START_TEST(a_change_that_is_undone_is_not_told)
{
    omc_watch_set_callback(&watches, remember, known);
    ck_assert(omc_watch_open(&watches, &slots[0], new_fd()));
    omc_watch_want(&watches, &slots[0], POLLIN);
    tell();
    ck_assert_uint_eq(calls, 1);
    omc_watch_want(&watches, &slots[0], POLLIN | POLLOUT);
    omc_watch_want(&watches, &slots[0], POLLIN);
    tell();
    ck_assert_uint_eq(calls, 1);
    close_all();
}
END_TEST

static void swap_callback(omcache_t *mc, int fd, short events, void *context)
{
    (void)mc;
    (void)fd;
    (void)events;
    (void)context;
    calls += 1000;
    omc_watch_set_callback(&watches, remember, known);
}

START_TEST(a_callback_may_be_exchanged_from_within)
{
    omc_watch_set_callback(&watches, swap_callback, NULL);
    for (size_t i = 0; i < 10; i++) {
        ck_assert(omc_watch_open(&watches, &slots[i], new_fd()));
        omc_watch_want(&watches, &slots[i], POLLIN);
    }
    tell();
    ck_assert_uint_eq(calls, 1010);
    omc_watch_set_callback(&watches, NULL, NULL);
    omc_watch_want(&watches, &slots[0], POLLOUT);
    ck_assert(!omc_watch_has_news(&watches));
    for (size_t i = 0; i < 10; i++)
        omc_watch_close(&watches, &slots[i]);
    ck_assert(!omc_watch_has_news(&watches));
    omc_watch_fini(&watches);
}
END_TEST

START_TEST(waiting_sets_what_is_ready)
{
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    ck_assert(omc_watch_open(&watches, &slots[0], fds[0]));
    ck_assert(omc_watch_open(&watches, &slots[1], fds[1]));
    omc_watch_want(&watches, &slots[0], POLLIN);
    omc_watch_want(&watches, &slots[1], POLLOUT);
    omc_watch_choose_none(&watches);
    omc_watch_choose(&watches, &slots[0]);
    omc_watch_choose(&watches, &slots[1]);
    omc_watch_wait(&watches, 0);
    ck_assert_int_eq(slots[0].ready, 0);
    ck_assert_int_eq(slots[1].ready, POLLOUT);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    omc_watch_wait(&watches, -1);
    ck_assert_int_eq(slots[0].ready, POLLIN);
    omc_watch_close(&watches, &slots[0]);
    omc_watch_close(&watches, &slots[1]);
    omc_watch_fini(&watches);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch");
    TCase *tcase = tcase_create("watch");

    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, begin, NULL);
    tcase_add_test(tcase, descriptors_are_found);
    tcase_add_test(tcase, descriptors_with_the_same_place_are_found);
    tcase_add_test(tcase, any_sequence_of_changes_is_told_right);
    tcase_add_test(tcase, what_was_never_told_is_closed_at_once);
    tcase_add_test(tcase, what_was_told_is_closed_when_that_is_taken_back);
    tcase_add_test(tcase, a_change_that_is_undone_is_not_told);
    tcase_add_test(tcase, a_callback_may_be_exchanged_from_within);
    tcase_add_test(tcase, waiting_sets_what_is_ready);
    return fixture_run(suite);
}
