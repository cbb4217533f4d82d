/* test_journal_damage.c - torn, damaged and missing pieces of a journal. */
#include "engine/base/bytes.h"
#include "engine/journal/crc32c.h"
#include "tests/unit/journal/folder.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT0 "000000.journal"
#define EVENTS 7u

/* A journal of EVENTS events in one file. */
static uint8_t *sample(const char *path, size_t *len)
{
    struct journal *j = folder_open(path, 0, 0);
    for (unsigned i = 0; i < EVENTS; i++)
        folder_event(j, i, i);
    journal_free(&j);
    return folder_get(path, SEGMENT0, len);
}

/* How many whole records the first `len` bytes hold. */
static unsigned whole_records(const uint8_t *p, size_t len)
{
    size_t off = RECORD_SEGMENT_HEAD;
    unsigned n = 0;
    while (off + RECORD_HEAD <= len && off + RECORD_HEAD + be32(p + off + 4) <= len) {
        off += RECORD_HEAD + be32(p + off + 4);
        n++;
    }
    return n;
}

static void recover_from(const char *path, const uint8_t *p, size_t len)
{
    unsigned n[EVENTS + 2];
    struct jreader_stat stat;
    const unsigned whole = whole_records(p, len);
    folder_put(path, SEGMENT0, p, len);
    struct journal *j = folder_open(path, 1000, 1000);
    folder_event(j, 2000, 77);
    journal_free(&j);

    assert_int_equal(folder_events(path, n, EVENTS + 2, &stat), whole + 1);
    for (unsigned i = 0; i < whole; i++)
        assert_int_equal(n[i], i);
    assert_int_equal(n[whole], 77);
    /* an unusable head of the file is no record: only then something is left lying there */
    assert_int_equal(stat.holes, len > 0 && len < RECORD_SEGMENT_HEAD ? 1 : 0);
    assert_int_equal(stat.torn, 0);
}

static void a_tail_torn_at_any_byte_is_cut_and_gone_on_from(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    size_t len = 0;
    folder_make(path);
    uint8_t *const p = sample(path, &len);
    for (size_t cut = 0; cut <= len; cut++) {
        recover_from(path, p, cut);
        folder_remove(path);
        folder_make(path);
    }
    free(p);
    folder_remove(path);
}

static void a_reader_takes_a_tail_torn_at_any_byte(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    unsigned n[EVENTS];
    size_t len = 0;
    folder_make(path);
    uint8_t *const p = sample(path, &len);
    for (size_t cut = RECORD_SEGMENT_HEAD; cut <= len; cut++) {
        struct jreader_stat stat;
        folder_put(path, SEGMENT0, p, cut);
        assert_int_equal(folder_events(path, n, EVENTS, &stat), whole_records(p, cut));
        assert_int_equal(stat.holes, 0);
        assert_int_equal(stat.torn > 0,
                         whole_records(p, cut) < EVENTS &&
                             (cut == RECORD_SEGMENT_HEAD
                                  ? false
                                  : whole_records(p, cut) == whole_records(p, cut - 1)));
    }
    free(p);
    folder_remove(path);
}

static void one_damaged_byte_costs_at_most_one_record(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    unsigned n[EVENTS];
    size_t len = 0;
    folder_make(path);
    uint8_t *const p = sample(path, &len);
    for (size_t i = 0; i < len; i++) {
        struct jreader_stat stat;
        p[i] ^= 0x55;
        folder_put(path, SEGMENT0, p, len);
        const size_t got = folder_events(path, n, EVENTS, &stat);
        assert_int_equal(got, i < RECORD_SEGMENT_HEAD ? EVENTS : EVENTS - 1);
        assert_int_equal(stat.holes + (stat.torn > 0), 1);
        p[i] ^= 0x55;
    }
    free(p);
    folder_remove(path);
}

static void a_writer_leaves_damage_in_the_middle_and_what_follows_it(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    unsigned n[EVENTS + 1];
    size_t len = 0;
    struct jreader_stat stat;
    folder_make(path);
    uint8_t *const p = sample(path, &len);
    p[RECORD_SEGMENT_HEAD + 4 * RECORD_HEAD] ^= 1;
    folder_put(path, SEGMENT0, p, len);
    struct journal *j = folder_open(path, 0, 0);
    assert_int_equal(journal_stat(j).cut, 0);
    folder_event(j, 100, 77);
    journal_free(&j);
    assert_int_equal(folder_events(path, n, EVENTS + 1, &stat), EVENTS);
    assert_int_equal(n[EVENTS - 1], 77);
    assert_int_equal(stat.holes, 1);
    free(p);
    folder_remove(path);
}

static void zeros_after_a_power_cut_are_cut_off(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    unsigned n[EVENTS + 1];
    size_t len = 0;
    struct jreader_stat stat;
    struct record_gap g;
    folder_make(path);
    uint8_t *const p = sample(path, &len);
    uint8_t *const longer = calloc(1, len + 5000);
    assert_non_null(longer);
    memcpy(longer, p, len);
    folder_put(path, SEGMENT0, longer, len + 5000);
    struct journal *j = folder_open(path, 0, 0);
    assert_int_equal(journal_stat(j).cut, 5000);
    journal_free(&j);
    assert_int_equal(folder_events(path, n, EVENTS + 1, &stat), EVENTS);
    assert_int_equal(stat.holes, 0);
    assert_int_equal(folder_gaps(path, RECORD_GAP_CUT, &g), 1);
    assert_int_equal(g.lost, 5000);
    free(longer);
    free(p);
    folder_remove(path);
}

static void a_missing_file_in_the_middle_is_reported(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    char name[600];
    unsigned n[64];
    struct jreader_stat stat;
    struct journal *j = NULL;
    folder_make(path);
    assert_int_equal(journal_open(&j, path, &(struct journal_conf){.segment = 60}, 0), OK);
    for (unsigned i = 0; i < 5; i++) {
        folder_event(j, i, i);
        assert_int_equal(journal_flush(j, i), OK);
    }
    journal_free(&j);
    (void)snprintf(name, sizeof name, "%s/000002.journal", path);
    assert_int_equal(remove(name), 0);
    assert_int_equal(folder_events(path, n, 64, &stat), 4);
    assert_int_equal(stat.holes, 1);
    folder_remove(path);
}

/* Bytes that look like the longest record at every step would cost the square of their number. */
static void bytes_made_to_look_like_records_do_not_stop_a_reader(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    unsigned n[1];
    const size_t len = 1u << 20;
    uint8_t *const p = malloc(len);
    assert_non_null(p);
    folder_make(path);
    for (size_t i = 0; i + 8 <= len; i += 8)
        memcpy(p + i, "LR\x04\0\0\x0f\0\0", 8);
    folder_put(path, SEGMENT0, p, len);
    assert_int_equal(folder_events(path, n, 1, NULL), 0);
    free(p);
    folder_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tail_torn_at_any_byte_is_cut_and_gone_on_from),
        cmocka_unit_test(a_reader_takes_a_tail_torn_at_any_byte),
        cmocka_unit_test(one_damaged_byte_costs_at_most_one_record),
        cmocka_unit_test(a_writer_leaves_damage_in_the_middle_and_what_follows_it),
        cmocka_unit_test(zeros_after_a_power_cut_are_cut_off),
        cmocka_unit_test(a_missing_file_in_the_middle_is_reported),
        cmocka_unit_test(bytes_made_to_look_like_records_do_not_stop_a_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
