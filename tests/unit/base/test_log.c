/* test_log.c - an event is one line, whatever is in it. */
#include "engine/base/log.h"
#include "tests/unit/test.h"

#include <string.h>
#include <unistd.h>

struct capture {
    int fd[2];
    char text[4096];
};

static void capture_open(struct capture *c)
{
    assert_int_equal(pipe(c->fd), 0);
}

/* Everything that was written since capture_open. */
static const char *capture_close(struct capture *c)
{
    close(c->fd[1]);
    size_t n = 0;
    for (;;) {
        const ssize_t got = read(c->fd[0], c->text + n, sizeof c->text - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    c->text[n] = 0;
    close(c->fd[0]);
    return c->text;
}

static void a_line_says_when_who_and_what(void **unused)
{
    (void)unused;
    struct capture c;
    capture_open(&c);
    const struct log l = {
        .fd = c.fd[1], .level = LOG_INFO, .wall_us = 1700000000123456, .part = "hub"};
    log_info(&l, "member joined", "room=%u member=%u", 3u, 17u);
    assert_string_equal(capture_close(&c),
                        "2023-11-14T22:13:20.123Z info  hub: member joined room=3 member=17\n");
}

static void without_time_and_part_only_the_event_is_left(void **unused)
{
    (void)unused;
    struct capture c;
    capture_open(&c);
    const struct log l = {.fd = c.fd[1], .level = LOG_DEBUG};
    log_error(&l, "disk full", "free=%d", 0);
    log_warn(&l, "slow", "ms=%d", 1);
    log_debug(&l, "tick", "n=%d", 2);
    assert_string_equal(capture_close(&c),
                        "error disk full free=0\nwarn  slow ms=1\ndebug tick n=2\n");
}

static void what_is_above_the_level_is_not_written(void **unused)
{
    (void)unused;
    struct capture c;
    capture_open(&c);
    const struct log l = {.fd = c.fd[1], .level = LOG_WARN};
    log_info(&l, "member joined", "n=%d", 1);
    log_debug(&l, "tick", "n=%d", 1);
    assert_string_equal(capture_close(&c), "");
}

static void a_peer_cannot_write_lines_of_its_own(void **unused)
{
    (void)unused;
    struct capture c;
    capture_open(&c);
    const struct log l = {.fd = c.fd[1], .level = LOG_INFO};
    log_info(&l, "name given", "name=%s", "a\nerror fire\r\t\x1b[31m\x7f");
    assert_string_equal(capture_close(&c), "info  name given name=a?error fire???[31m?\n");
}

static void chinese_names_stay_readable(void **unused)
{
    (void)unused;
    struct capture c;
    capture_open(&c);
    const struct log l = {.fd = c.fd[1], .level = LOG_INFO};
    log_info(&l, "member joined", "name=%s", "王老师");
    assert_string_equal(capture_close(&c), "info  member joined name=王老师\n");
}

static void a_line_that_is_too_long_is_cut_and_ends(void **unused)
{
    (void)unused;
    struct capture c;
    capture_open(&c);
    const struct log l = {.fd = c.fd[1], .level = LOG_INFO, .part = "http"};
    char big[3000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    log_info(&l, "asked", "path=%s", big);
    log_info(&l, big, "a=%d", 1);
    const char *const text = capture_close(&c);
    const char *const first = strchr(text, '\n');
    assert_non_null(first);
    assert_in_range(first - text, 900, 1024);
    assert_int_equal(text[strlen(text) - 1], '\n');
    assert_ptr_equal(strchr(first + 1, '\n'), text + strlen(text) - 1); /* two lines, no more */
}

static void a_log_to_nowhere_is_quiet(void **unused)
{
    (void)unused;
    const struct log l = {.fd = -1, .level = LOG_DEBUG};
    log_error(&l, "unheard", "n=%d", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_says_when_who_and_what),
        cmocka_unit_test(without_time_and_part_only_the_event_is_left),
        cmocka_unit_test(what_is_above_the_level_is_not_written),
        cmocka_unit_test(a_peer_cannot_write_lines_of_its_own),
        cmocka_unit_test(chinese_names_stay_readable),
        cmocka_unit_test(a_line_that_is_too_long_is_cut_and_ends),
        cmocka_unit_test(a_log_to_nowhere_is_quiet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
