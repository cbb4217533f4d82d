/* test_keep.c - what a room sends stands in its own copy, also over a reconnection. */
#include "client/keep.h"
#include "engine/io/clock.h"
#include "engine/journal/jreader.h"
#include "engine/wire/rtcp.h"
#include "engine/wire/rtp.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PACKETS 300

static const struct log quiet = {.fd = -1};
static char dir[64], inner[96];

static int make_folder(void **unused)
{
    (void)unused;
    snprintf(dir, sizeof(dir), "/var/tmp/liangshi-keep-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(inner, sizeof(inner), "%s/deep/journal", dir);
    return 0;
}

static int remove_folder(void **unused)
{
    (void)unused;
    char command[160];
    snprintf(command, sizeof(command), "rm -r %s", dir);
    return system(command); /* NOLINT: our own folder */
}

static void put_packet(struct keep *k, struct pkt_pool *pool, uint32_t ssrc, uint32_t seq)
{
    const struct rtp_extmap ids = {.id = {[RTP_EXT_ABS_CAPTURE] = 5}};
    uint8_t ntp[8];
    put_be64(ntp, ntp_of_unix_us(INT64_C(1790000000000000) + seq * 1000));
    const struct rtp_ext_values v = {.abs_capture = ntp, .abs_capture_len = 8};
    const struct rtp_head h = {.ssrc = ssrc, .ts = seq * 90, .seq = (uint16_t)seq, .pt = 96};
    struct pkt *p = pkt_get(pool);
    p->len = (uint16_t)rtp_write(p->data, PKT_CAP, &h, &ids, &v);
    memset(p->data + p->len, (int)(seq & 0xff), 100);
    p->len = (uint16_t)(p->len + 100);
    p->at = clock_now();
    assert_true(rtp_describe(p));
    p->rtp.ext_seq = seq;
    keep_packet(k, 4, p);
    pkt_unref(&p);
    keep_wake(k);
}

static struct record_track camera(uint32_t ssrc)
{
    return (struct record_track){.codec = "VP8",
                                 .source = "camera",
                                 .rid = "m",
                                 .layer = 1,
                                 .pt = 96,
                                 .clock_rate = 90000,
                                 .ssrc = ssrc,
                                 .abs_capture_id = 5};
}

static void all_that_was_sent_is_read_back(void **unused)
{
    (void)unused;
    struct keep *k;
    struct pkt_pool *pool = pkt_pool_new(4);
    assert_int_equal(keep_new(&k, inner, &quiet), OK);
    for (uint32_t ssrc = 7; ssrc < 9; ssrc++) { /* the connection is lost and comes back */
        const struct record_track t = camera(ssrc);
        keep_track(k, 4, &t);
        for (uint32_t i = 0; i < PACKETS; i++)
            put_packet(k, pool, ssrc, 65530 + i);
    }
    assert_int_equal(keep_refused(k), 0);
    keep_free(&k);
    assert_int_equal(pkt_pool_in_use(pool), 0);
    pkt_pool_free(&pool);

    struct jreader *r;
    struct record rec;
    unsigned tracks = 0;
    unsigned ends = 0;
    unsigned maps = 0;
    uint32_t next[3] = {0, 65530, 65530};
    assert_int_equal(jreader_new(&r, inner), OK);
    while (jreader_next(r, &rec)) {
        struct record_rtp p;
        tracks += rec.type == RECORD_TRACK;
        ends += rec.type == RECORD_TRACK_END;
        maps += rec.type == RECORD_SR;
        if (rec.type != RECORD_RTP)
            continue;
        assert_true(record_get_rtp(&p, &rec));
        assert_in_range(rec.track, 1, 2);
        assert_int_equal(p.ext_seq, next[rec.track]++);
        assert_int_equal(p.body_len, 100);
        assert_int_equal(p.body[99], p.ext_seq & 0xff);
    }
    assert_int_equal(next[1], 65530 + PACKETS);
    assert_int_equal(next[2], 65530 + PACKETS);
    assert_int_equal(tracks, 2);
    assert_int_equal(ends, 1);
    assert_true(maps >= 2);
    jreader_free(&r);
}

static void a_folder_in_use_is_refused(void **unused)
{
    (void)unused;
    struct keep *a;
    struct keep *b;
    assert_int_equal(keep_new(&a, inner, &quiet), OK);
    assert_int_equal(keep_new(&b, inner, &quiet), E_STATE);
    keep_free(&a);
    assert_int_equal(keep_new(&a, "/proc/nowhere", &quiet), E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_sent_is_read_back),
        cmocka_unit_test(a_folder_in_use_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
