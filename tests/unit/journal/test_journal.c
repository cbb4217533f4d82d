/* test_journal.c - what is appended, when it is safe, and what a second writer finds. */
#include "engine/base/bytes.h"
#include "tests/unit/journal/folder.h"
#include "tests/unit/test.h"

#include <string.h>

static const struct record_track camera = {
    .codec = "VP8",
    .source = "camera",
    .site = "zhongxin-xiaoxue",
    .rid = "h",
    .site_no = 0,
    .layer = 2,
    .pt = 96,
    .clock_rate = 90000,
    .ssrc = 0x11223344,
    .width = 1280,
    .height = 720,
    .abs_capture_id = 4,
};

static void check_track(const struct record_track *t)
{
    uint8_t is[RECORD_TRACK_MAX];
    uint8_t expected[RECORD_TRACK_MAX];
    const size_t len = record_put_track(expected, &camera);
    assert_int_equal(record_put_track(is, t), len);
    assert_memory_equal(is, expected, len);
    assert_string_equal(t->site, "zhongxin-xiaoxue");
    assert_int_equal(t->width, 1280);
    assert_int_equal(t->abs_capture_id, 4);
}

static struct pkt *a_packet(struct pkt_pool *pool)
{
    static const uint8_t bytes[] = {0xb0, 0xe0, 0x12, 0x34, 0, 0, 1, 0, 9, 9, 9, 9,
                                    /* extension of one word */
                                    0xbe, 0xde, 0, 1, 0x51, 0x7f, 0x01, 0,
                                    /* original sequence number, payload, padding */
                                    0x07, 0xd0, 'a', 'b', 'c', 0, 0, 3};
    struct pkt *const p = pkt_get(pool);
    assert_non_null(p);
    memcpy(p->data, bytes, sizeof bytes);
    p->len = sizeof bytes;
    p->rtp = (struct pkt_rtp){.ssrc = 0x11223344,
                              .ts = 256,
                              .ext_seq = 0x107d0,
                              .seq = 0x07d0,
                              .ext_off = 12,
                              .payload_off = 22,
                              .payload_len = 3,
                              .pt = 96,
                              .marker = true,
                              .level_db = 255,
                              .repaired = true};
    return p;
}

static void check_packet(const struct record *rec)
{
    struct record_rtp p;
    assert_true(record_get_rtp(&p, rec));
    assert_int_equal(p.ext_seq, 0x107d0);
    assert_int_equal(p.flags, RECORD_RTP_REPAIRED);
    assert_int_equal(p.level_db, 255);
    assert_int_equal(p.head_len, 20);
    assert_int_equal(p.head[0], 0x90); /* padding is gone, the extension is not */
    assert_int_equal(p.head[1], 0x80 | 96);
    assert_int_equal(be16(p.head + 2), 0x07d0);
    assert_int_equal(be32(p.head + 8), 0x11223344);
    assert_int_equal(p.body_len, 3);
    assert_memory_equal(p.body, "abc", 3);
}

static void write_one_of_each(const char *path)
{
    struct journal *j = folder_open(path, 0, 5000000);
    struct pkt_pool *pool = pkt_pool_new(1);
    struct pkt *p = a_packet(pool);
    uint32_t track = 0;
    assert_int_equal(journal_track(j, 5000100, &camera, &track), OK);
    assert_int_equal(track, 1);
    assert_int_equal(journal_pkt(j, 5000200, track, p), OK);
    assert_int_equal(
        journal_sr(j, 5000300, track, &(struct record_sr){.ntp = 0x0102030405060708, .ts = 77}),
        OK);
    assert_int_equal(journal_event(j, 5000400, "{\"kind\":\"mark\"}", 15), OK);
    assert_int_equal(journal_track_end(j, 5000500, track), OK);
    assert_int_equal(journal_end(j, 5000600), OK);
    journal_free(&j);
    pkt_unref(&p);
    pkt_pool_free(&pool);
}

static void what_is_appended_is_read_back(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    folder_make(path);
    write_one_of_each(path);

    struct jreader *r = NULL;
    struct record rec;
    struct record_track t;
    struct record_sr s;
    assert_int_equal(jreader_new(&r, path), OK);
    assert_int_equal(jreader_wall_zero(r), 1700000000000000);
    assert_true(jreader_next(r, &rec) && rec.at == 100 && rec.track == 1);
    assert_true(record_get_track(&t, &rec));
    check_track(&t);
    assert_true(jreader_next(r, &rec) && rec.at == 200 && rec.track == 1);
    check_packet(&rec);
    assert_true(jreader_next(r, &rec) && record_get_sr(&s, &rec));
    assert_true(s.ntp == 0x0102030405060708 && s.ts == 77);
    assert_true(jreader_next(r, &rec) && rec.type == RECORD_EVENT && rec.len == 15);
    assert_true(jreader_next(r, &rec) && rec.type == RECORD_TRACK_END && rec.track == 1);
    assert_true(jreader_next(r, &rec) && rec.type == RECORD_CLOSE && rec.at == 600);
    assert_false(jreader_next(r, &rec));
    assert_int_equal(jreader_stat(r).holes, 0);
    assert_int_equal(jreader_stat(r).torn, 0);
    jreader_free(&r);
    folder_remove(path);
}

static void records_wait_a_quarter_second_and_are_safe_within_one(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    unsigned n[4];
    folder_make(path);
    struct journal *j = folder_open(path, 0, 0);
    assert_int_equal(journal_next(j), USEC_NEVER);
    folder_event(j, 1000, 1);
    folder_event(j, 2000, 2);
    assert_int_equal(journal_next(j), 1000 + JOURNAL_GROUP);
    assert_int_equal(journal_tick(j, 1000), OK);
    assert_int_equal(journal_stat(j).bytes, 0);
    assert_int_equal(journal_tick(j, 1000 + JOURNAL_GROUP), OK);
    assert_int_equal(folder_events(path, n, 4, NULL), 2); /* seen while the writer is at work */
    assert_true(journal_next(j) <= 1000 + USEC_SEC);
    assert_int_equal(journal_tick(j, 1000 + USEC_SEC), OK);
    assert_int_equal(journal_next(j), USEC_NEVER);
    journal_free(&j);
    folder_remove(path);
}

static void a_long_lesson_fills_several_files(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    static unsigned n[1000];
    struct jreader_stat stat;
    struct journal *j = NULL;
    folder_make(path);
    assert_int_equal(journal_open(&j, path, &(struct journal_conf){.segment = 2000}, 0), OK);
    for (unsigned i = 0; i < 500; i++) {
        folder_event(j, (usec)i * 100000, i);
        assert_int_equal(journal_tick(j, (usec)i * 100000), OK);
    }
    journal_free(&j);
    assert_int_equal(folder_events(path, n, 1000, &stat), 500);
    assert_int_equal(stat.holes, 0);
    for (unsigned i = 0; i < 500; i++)
        assert_int_equal(n[i], i);

    /* goes on in the last file, with track numbers never used before */
    j = folder_open(path, 0, 0);
    uint32_t track = 0;
    assert_int_equal(journal_track(j, 0, &camera, &track), OK);
    assert_int_equal(track, 1);
    journal_free(&j);
    folder_remove(path);
}

static void track_numbers_go_on_after_a_restart_into_a_new_file(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    struct journal *j = NULL;
    uint32_t track = 0;
    folder_make(path);
    const struct journal_conf small = {.segment = 100};
    for (uint32_t i = 1; i < 6; i++) {
        assert_int_equal(journal_open(&j, path, &small, 0), OK);
        assert_int_equal(journal_track(j, 0, &camera, &track), OK);
        assert_int_equal(track, i);
        assert_int_equal(journal_flush(j, 0), OK);
        folder_event(j, 1, i);
        journal_free(&j);
    }
    folder_remove(path);
}

static void only_one_writer_has_a_folder(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    folder_make(path);
    struct journal *first = folder_open(path, 0, 0);
    struct journal *second = NULL;
    assert_int_equal(journal_open(&second, path, &(struct journal_conf){0}, 0), E_STATE);
    assert_null(second);
    journal_free(&first);
    assert_int_equal(journal_open(&second, path, &(struct journal_conf){0}, 0), OK);
    journal_free(&second);
    folder_remove(path);
}

/* Opens, writes one event at once and closes; returns its lesson clock. */
static int64_t visit(const char *path, int64_t clock, usec now, unsigned n)
{
    struct journal *j = folder_open(path, clock, now);
    const int64_t at = journal_clock(j, now);
    folder_event(j, now, n);
    journal_free(&j);
    return at;
}

static void the_lesson_clock_never_runs_backwards(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    unsigned n[8];
    struct record_gap g;
    folder_make(path);
    assert_int_equal(visit(path, 0, 900 * USEC_SEC, 1), 0);
    /* the relay was away for 10 s; the machine was booted: its monotonic clock began anew */
    assert_int_equal(visit(path, 10 * USEC_SEC, 5 * USEC_SEC, 2), 10 * USEC_SEC);
    /* the time of day was set back by an hour */
    assert_int_equal(visit(path, -3600 * USEC_SEC, 7 * USEC_SEC, 3), 10 * USEC_SEC);
    /* and forward by a year */
    assert_int_equal(visit(path, 365 * 86400 * USEC_SEC, 9 * USEC_SEC, 4), 10 * USEC_SEC);
    assert_int_equal(folder_events(path, n, 8, NULL), 4);
    assert_int_equal(folder_gaps(path, RECORD_GAP_RESTART, &g), 3);

    /* within one writer an old arrival does not go behind the opening */
    struct journal *j = folder_open(path, 11 * USEC_SEC, 20 * USEC_SEC);
    assert_int_equal(journal_clock(j, 0), 11 * USEC_SEC);
    assert_int_equal(journal_clock(j, 21 * USEC_SEC), 12 * USEC_SEC);
    assert_int_equal(journal_wall_zero(j), 1700000000000000);
    assert_true(journal_stat(j).resumed);
    assert_false(journal_stat(j).closed);
    journal_free(&j);
    folder_remove(path);
}

static void a_missing_folder_is_an_error_for_a_reader(void **unused)
{
    (void)unused;
    struct jreader *r = NULL;
    char path[FOLDER_PATH];
    assert_int_equal(jreader_new(&r, "/nowhere/at/all"), E_IO);
    assert_null(r);
    folder_make(path);
    assert_int_equal(jreader_new(&r, path), E_IO); /* empty */
    folder_remove(path);
    struct journal *j = NULL;
    assert_int_equal(journal_open(&j, "/nowhere/at/all", &(struct journal_conf){0}, 0), E_IO);
    assert_null(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_is_read_back),
        cmocka_unit_test(records_wait_a_quarter_second_and_are_safe_within_one),
        cmocka_unit_test(a_long_lesson_fills_several_files),
        cmocka_unit_test(track_numbers_go_on_after_a_restart_into_a_new_file),
        cmocka_unit_test(only_one_writer_has_a_folder),
        cmocka_unit_test(the_lesson_clock_never_runs_backwards),
        cmocka_unit_test(a_missing_folder_is_an_error_for_a_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
