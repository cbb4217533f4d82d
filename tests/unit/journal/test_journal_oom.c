/* test_journal_oom.c - a journal written, resumed and read with the n-th allocation failing. */
#include "tests/unit/journal/folder.h"
#include "tests/unit/oom.h"
#include "tests/unit/test.h"

struct scene {
    char path[FOLDER_PATH];
    usec now;
    uint64_t appended; /* events, over all runs */
};

static enum err append(struct scene *s)
{
    struct journal *j = NULL;
    const struct journal_conf conf = {.wall_us = 1, .clock = s->now, .segment = 4096};
    enum err e = journal_open(&j, s->path, &conf, s->now);
    for (unsigned i = 0; e == OK && i < 8; i++) {
        s->now += 1000;
        e = journal_event(j, s->now, "an event", 8);
        s->appended += e == OK;
    }
    journal_free(&j);
    return e;
}

static enum err read_again(const struct scene *s)
{
    struct jreader *r = NULL;
    struct record rec;
    uint64_t events = 0;
    const enum err e = jreader_new(&r, s->path);
    while (e == OK && jreader_next(r, &rec))
        events += rec.type == RECORD_EVENT;
    if (e == OK) {
        assert_int_equal(events, s->appended);
        assert_int_equal(jreader_stat(r).skipped + jreader_stat(r).torn, 0);
    }
    jreader_free(&r);
    return e;
}

static enum err write_and_read(void *arg)
{
    struct scene *const s = arg;
    const enum err e = append(s);
    return e == OK ? read_again(s) : e;
}

static void without_memory_a_journal_says_so_and_keeps_what_it_has(void **unused)
{
    (void)unused;
    struct scene s = {0};
    folder_make(s.path);
    assert_true(oom_walk(write_and_read, &s) >= 5);
    assert_true(s.appended > 8);
    folder_remove(s.path);
}

static void appending_and_reading_on_allocate_nothing(void **unused)
{
    (void)unused;
    struct scene s = {0};
    struct record rec;
    struct jreader *r = NULL;
    folder_make(s.path);
    struct journal *j = folder_open(s.path, 0, 0);
    size_t before = oom_allocations();
    for (unsigned i = 0; i < 1000; i++) {
        folder_event(j, (usec)i * 1000, i);
        assert_int_equal(journal_tick(j, (usec)i * 1000), OK);
    }
    assert_int_equal(oom_allocations(), before);
    journal_free(&j);

    assert_int_equal(jreader_new(&r, s.path), OK);
    before = oom_allocations();
    size_t n = 0;
    while (jreader_next(r, &rec))
        n++;
    assert_int_equal(n, 1000);
    assert_int_equal(oom_allocations(), before);
    jreader_free(&r);
    folder_remove(s.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_a_journal_says_so_and_keeps_what_it_has),
        cmocka_unit_test(appending_and_reading_on_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
