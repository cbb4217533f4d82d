/* test_recorder.c - lessons opened, written, closed and resumed by the recorder's thread. */
#include "engine/io/clock.h"
#include "relay/library/recorder.h"
#include "tests/unit/journal/folder.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct recorder *start(void)
{
    struct recorder *r = NULL;
    assert_int_equal(recorder_start(&r, &(struct recorder_conf){.log_fd = -1}), OK);
    return r;
}

static void open_lesson(struct recorder *r, room_id room, const char *dir, int64_t clock)
{
    static struct recorder_lesson l;
    l = (struct recorder_lesson){.room = room, .clock = clock, .at = clock_now(), .sites = 1};
    (void)snprintf(l.dir, sizeof l.dir, "%s", dir);
    assert_true(recorder_open(r, &l));
}

static struct recorder_note wait_note(struct recorder *r)
{
    struct recorder_note n = {0};
    while (!recorder_note(r, &n)) {
        struct pollfd p = {.fd = recorder_note_fd(r), .events = POLLIN};
        assert_int_equal(poll(&p, 1, 10000), 1);
    }
    return n;
}

static void a_lesson_is_written_and_closed(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    unsigned n[8];
    folder_make(path);
    struct recorder *r = start();
    open_lesson(r, 7, path, 0);
    assert_true(recorder_event(r, 7, clock_now(), "event 1"));
    assert_true(recorder_event(r, 8, clock_now(), "event 2")); /* no such lesson */
    assert_true(recorder_event(r, 7, clock_now(), "event 3"));
    assert_true(recorder_close(r, 7, clock_now()));
    const struct recorder_note note = wait_note(r);
    assert_int_equal(note.kind, RECORDER_CLOSED);
    assert_int_equal(note.room, 7);
    assert_int_equal(folder_events(path, n, 8, NULL), 2); /* on the disk before it is told */
    assert_int_equal(n[0], 1);
    assert_int_equal(n[1], 3);
    recorder_stop(&r);
    struct journal *j = folder_open(path, 0, 0);
    assert_true(journal_stat(j).closed);
    journal_free(&j);
    folder_remove(path);
}

static void what_runs_when_the_relay_stops_goes_on_later(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    unsigned n[8];
    struct record_gap g;
    folder_make(path);
    for (unsigned i = 1; i <= 2; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "event %u", i);
        struct recorder *r = start();
        open_lesson(r, i, path, (int64_t)i * 60 * USEC_SEC);
        assert_true(recorder_event(r, i, clock_now(), text));
        recorder_stop(&r);
    }
    assert_int_equal(folder_events(path, n, 8, NULL), 2);
    assert_int_equal(folder_gaps(path, RECORD_GAP_RESTART, &g), 1);
    assert_true(g.from >= 60 * USEC_SEC);
    struct journal *j = folder_open(path, 0, 0);
    assert_false(journal_stat(j).closed);
    assert_true(journal_clock(j, 0) >= 120 * USEC_SEC);
    journal_free(&j);
    folder_remove(path);
}

static void a_journal_that_cannot_be_opened_is_told_and_tried_again(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    char dir[FOLDER_PATH + 16];
    struct record_gap g;
    folder_make(path);
    (void)snprintf(dir, sizeof dir, "%s/a/b", path);
    struct recorder *r = start();
    open_lesson(r, 1, dir, 0);
    struct recorder_note note = wait_note(r);
    assert_int_equal(note.kind, RECORDER_FAILED);
    assert_int_equal(note.error, ENOENT);
    assert_true(recorder_event(r, 1, clock_now(), "event 1")); /* missed */
    dir[strlen(dir) - 2] = 0;
    assert_int_equal(mkdir(dir, 0700), 0);
    note = wait_note(r);
    assert_int_equal(note.kind, RECORDER_WELL);
    assert_true(recorder_event(r, 1, clock_now(), "event 2"));
    recorder_stop(&r);
    (void)snprintf(dir, sizeof dir, "%s/a/b", path);
    unsigned n[4];
    assert_int_equal(folder_events(dir, n, 4, NULL), 1);
    assert_int_equal(n[0], 2);
    assert_int_equal(folder_gaps(dir, RECORD_GAP_DISK, &g), 1);
    assert_int_equal(g.lost, 1);
    folder_remove(dir);
    dir[strlen(dir) - 2] = 0;
    folder_remove(dir);
    folder_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lesson_is_written_and_closed),
        cmocka_unit_test(what_runs_when_the_relay_stops_goes_on_later),
        cmocka_unit_test(a_journal_that_cannot_be_opened_is_told_and_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
