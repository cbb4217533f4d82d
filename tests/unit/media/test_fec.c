/* test_fec.c - repair packets: their head as browsers write it, what they bring back, to the bit,
 * and when they are worth their bytes. */
#include "engine/base/bytes.h"
#include "engine/base/rng.h"
#include "engine/media/fec.h"
#include "engine/wire/rtp.h"
#include "tests/unit/test.h"

#include <string.h>

#define SSRC 0x11223344u
#define PT 96
#define TWCC 3
#define FIRST 70000u
#define MOST 30
#define LOSS 0.06

static struct pkt_pool *pool;
static struct fecenc enc;
static struct rng rng;
static uint8_t sent[MOST][PKT_CAP];
static size_t sent_len[MOST];

static int setup(void **unused)
{
    (void)unused;
    uint8_t seed[32] = {7};
    pool = rng_init(&rng, seed) == OK ? pkt_pool_new(256) : NULL;
    return pool ? 0 : -1;
}

static int teardown(void **unused)
{
    (void)unused;
    if (pkt_pool_in_use(pool) != 0)
        return -1;
    pkt_pool_free(&pool);
    rng_fini(&rng);
    return 0;
}

/* With CSRCs, an extension of another's, padding, marker: all at random. */
static size_t make(uint8_t *p, uint32_t i)
{
    const unsigned csrcs = rng_below(&rng, 3);
    const unsigned pad = rng_below(&rng, 2) * 4;
    const size_t body = 1 + rng_below(&rng, 1100);
    p[0] = (uint8_t)(0x90 | (pad ? 0x20 : 0) | csrcs);
    p[1] = (uint8_t)(rng_below(&rng, 2) << 7 | PT);
    put_be16(p + 2, (uint16_t)(FIRST + i));
    put_be32(p + 4, rng_u32(&rng));
    put_be32(p + 8, SSRC);
    size_t n = 12 + 4 * (size_t)csrcs;
    rng_bytes(&rng, p + 12, n - 12);
    const uint8_t ext[12] = {0xbe,
                             0xde,
                             0,
                             2,
                             TWCC << 4 | 1,
                             (uint8_t)rng_u32(&rng),
                             (uint8_t)(i + 1),
                             5 << 4 | 2,
                             1,
                             2,
                             (uint8_t)i,
                             0};
    memcpy(p + n, ext, sizeof ext);
    n += sizeof ext;
    rng_bytes(&rng, p + n, body);
    n += body;
    memset(p + n, 0, pad);
    if (pad)
        p[n + pad - 1] = (uint8_t)pad;
    return n + pad;
}

static struct pkt *packet(const uint8_t *data, size_t len, uint32_t ext_seq)
{
    struct pkt *const p = pkt_get(pool);
    assert_non_null(p);
    memcpy(p->data, data, len);
    p->len = (uint16_t)len;
    assert_true(rtp_describe(p));
    p->rtp.ext_seq = ext_seq;
    return p;
}

static size_t twcc_at(const uint8_t *p)
{
    return 12u + 4u * (p[0] & 15u) + 5u;
}

/* n packets, protected; returns by how many. */
static unsigned send(unsigned n)
{
    fecenc_reset(&enc);
    for (unsigned i = 0; i < n; i++) {
        sent_len[i] = make(sent[i], i);
        const size_t head = rng_below(&rng, 2) ? sent_len[i] : 24;
        const size_t cut = size_min(head, sent_len[i]);
        const uint8_t pad = cut == sent_len[i] || !(sent[i][0] & 0x20) ? 0 : 4;
        const struct fec_packet p = {sent[i], cut, sent[i] + cut, sent_len[i] - cut - pad, pad};
        assert_int_equal(fecenc_add(&enc, &p, TWCC), i + 1 == FEC_BLOCK);
    }
    return fecenc_close(&enc, LOSS);
}

/* Those whose bit is set are lost, repair packets behind the others; returns how many stay lost. */
static unsigned lose(unsigned n, unsigned repairs, uint64_t lost)
{
    const struct fec_stream s = {.ssrc = SSRC, .pt = PT, .twcc_id = TWCC};
    struct fec_stream own = s;
    struct hist h;
    struct fecdec d = {0};
    unsigned gone = 0;
    assert_int_equal(hist_init(&h, 128), OK);
    own.hist = &h;
    struct pkt *before = packet(sent[0], sent_len[0], FIRST - 1); /* the stream has begun */
    hist_put(&h, before);
    pkt_unref(&before);
    for (unsigned i = 0; i < n; i++) {
        gone += lost >> i & 1;
        struct pkt *p = lost >> i & 1 ? NULL : packet(sent[i], sent_len[i], FIRST + i);
        if (p)
            hist_put(&h, p);
        pkt_unref(&p);
    }
    for (unsigned k = 0; k < repairs; k++) {
        struct pkt *p = pkt_get(pool);
        const struct rtp_head head = {.ssrc = 9, .seq = (uint16_t)k, .pt = 118};
        p->len = (uint16_t)rtp_write(p->data, PKT_CAP, &head, &(struct rtp_extmap){{0}},
                                     &(struct rtp_ext_values){0});
        const size_t len = fecenc_write(&enc, k, p->data + p->len, PKT_CAP - (size_t)p->len);
        assert_true(len > FLEXFEC_HEAD);
        p->len = (uint16_t)(p->len + len);
        assert_true(rtp_describe(p));
        if (!(lost >> (n + k) & 1))
            fecdec_input(&d, 1, p, SSRC);
        pkt_unref(&p);
    }
    for (struct pkt *q; (q = fecdec_next(&d, 1, &own)) != NULL; pkt_unref(&q)) {
        const uint32_t i = q->rtp.ext_seq - FIRST;
        assert_true(i < n && lost >> i & 1 && q->rtp.repaired);
        put_be16(q->data + twcc_at(q->data), be16(sent[i] + twcc_at(sent[i])));
        assert_int_equal(q->len, sent_len[i]);
        assert_memory_equal(q->data, sent[i], q->len);
        hist_put(&h, q);
        gone--;
    }
    assert_int_equal(d.bad, 0);
    fecdec_drop(&d);
    hist_fini(&h);
    return gone;
}

static void one_lost_packet_always_comes_back_to_the_bit(void **unused)
{
    (void)unused;
    for (unsigned n = 1; n <= MOST; n++) {
        const unsigned m = send(n);
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(lose(n, m, (uint64_t)1 << i), 0);
    }
}

/* Also when one or both of the two are repair packets. */
static void with_three_or_more_repair_packets_any_two_losses_are_healed(void **unused)
{
    (void)unused;
    for (unsigned n = 1; n <= MOST; n++) {
        const unsigned m = send(n);
        if (m < 4 || n > m * (m - 1) / 2)
            continue;
        for (unsigned a = 0; a < n + m; a++)
            for (unsigned b = 0; b < a; b++)
                assert_int_equal(lose(n, m, (uint64_t)1 << a | (uint64_t)1 << b), 0);
    }
}

/* Of blocks that a way of 6 % loss tears. */
static void few_blocks_stay_torn(void **unused)
{
    (void)unused;
    static const unsigned sizes[] = {1, 2, 4, 6, 8, 12, 20, 30};
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        const unsigned n = sizes[k], m = send(n);
        unsigned torn = 0;
        for (unsigned round = 0; round < 4000; round++) {
            uint64_t lost = 0;
            for (unsigned i = 0; i < n + m; i++)
                lost |= (uint64_t)(rng_below(&rng, 1000) < 1000 * LOSS) << i;
            torn += lost && lose(n, m, lost) > 0;
        }
        print_message("# %2u packets, %2u repairs: %.2f %% torn\n", n, m, torn / 40.0);
        assert_true(torn <= 80);
    }
}

static void a_head_is_read_and_written_as_browsers_write_it(void **unused)
{
    (void)unused;
    /* masks of 15, 46 and 109 packets, each with a last one */
    static const uint8_t masks[3][14] = {
        {0x88, 0x81},
        {0x48, 0x81, 0x82, 0x11, 0x00, 0x21},
        {0x48, 0x81, 0x02, 0x11, 0x00, 0x21, 0x81, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11}};
    static const size_t lens[] = {2, 6, 14};
    static const unsigned last[] = {14, 45, 108};
    for (size_t k = 0; k < 3; k++) {
        uint8_t p[40] = {0x3f, 123, 0xab, 0xcd, 1,    0x23, 0x45, 0x67, 1,
                         0,    0,   0,    0x11, 0x22, 0x33, 0x44, 0xaa, 0xbb};
        struct flexfec f;
        uint8_t again[40];
        memcpy(p + 18, masks[k], lens[k]);
        assert_true(flexfec_read(&f, p, 18 + lens[k] + 4));
        assert_int_equal(f.ssrc, SSRC);
        assert_int_equal(f.base, 0xaabb);
        assert_int_equal(f.len, 4);
        assert_true(flexfec_protects(&f, last[k]) && !flexfec_protects(&f, last[k] + 1));
        assert_int_equal(flexfec_write(again, sizeof again, &f), 18 + lens[k]);
        assert_memory_equal(again, p, 18 + lens[k]);
        assert_false(flexfec_read(&f, p, 18 + lens[k] - 1));
        p[0] |= 0x40;
        assert_false(flexfec_read(&f, p, sizeof p));
    }
}

static void what_protects_nothing_or_lies_is_counted(void **unused)
{
    (void)unused;
    struct hist h;
    struct fecdec d = {0};
    assert_int_equal(hist_init(&h, 128), OK);
    const struct fec_stream s = {.hist = &h, .ssrc = SSRC, .pt = PT};
    send(1);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t raw[200] = {0x80, 118};
        struct flexfec f = {.ssrc = i == 1 ? 5 : SSRC, .base = (uint16_t)FIRST, .mask = {3}};
        f.fields[1] = PT;
        put_be16(f.fields + 2, 5000); /* of a packet longer than itself */
        const size_t n = flexfec_write(raw + 12, 100, &f);
        if (i == 0)
            memset(raw + 12 + 18, 0, 2);
        struct pkt *p = packet(raw, 12 + n + 20, 1);
        fecdec_input(&d, 1, p, SSRC);
        pkt_unref(&p);
    }
    assert_int_equal(d.bad, 2);
    struct pkt *m = packet(sent[0], sent_len[0], FIRST);
    hist_put(&h, m);
    pkt_unref(&m);
    assert_null(fecdec_next(&d, 2, &s));
    assert_int_equal(d.bad, 3);
    fecdec_drop(&d);
    hist_fini(&h);
}

static void it_is_off_where_a_repair_comes_in_time_or_room_is_short(void **unused)
{
    (void)unused;
    const struct fec_way far = {LOSS, 300 * USEC_MS, 1500000, 1500000};
    struct fec_way w = far;
    struct fec_rule r = {0};
    usec now = USEC_SEC;
    for (; now < 10 * USEC_SEC; now += USEC_SEC / 2)
        (void)fec_rule_look(&r, now, &w);
    assert_true(r.on);
    w.spare = 100000;
    assert_false(fec_rule_look(&r, now += USEC_SEC / 2, &w));
    w.spare = far.spare;
    assert_false(fec_rule_look(&r, now += USEC_SEC / 2, &w)); /* not at once again */
    for (unsigned i = 0; i < 8; i++)
        (void)fec_rule_look(&r, now += USEC_SEC / 2, &w);
    assert_true(r.on);
    w.rtt = 100 * USEC_MS;
    assert_false(fec_rule_look(&r, now += USEC_SEC / 2, &w));
    w = far;
    w.loss = 0;
    for (unsigned i = 0; i < 60; i++)
        (void)fec_rule_look(&r, now += USEC_SEC / 2, &w);
    assert_false(r.on);
}

/* loss-20 and loss-10 of links.conf: four or five tries of 100 ms are too long, three are not. */
static void it_is_on_where_a_repair_takes_several_tries(void **unused)
{
    (void)unused;
    struct fec_way w = {0.2, 100 * USEC_MS, 2000000, 1000000};
    struct fec_rule r = {0};
    usec now = USEC_SEC;
    for (; now < 10 * USEC_SEC; now += USEC_SEC / 2)
        (void)fec_rule_look(&r, now, &w);
    assert_true(r.on);
    w.rtt = 50 * USEC_MS;
    assert_false(fec_rule_look(&r, now += USEC_SEC / 2, &w));
    w.rtt = 100 * USEC_MS;
    for (unsigned i = 0; i < 8; i++)
        (void)fec_rule_look(&r, now += USEC_SEC / 2, &w);
    assert_true(r.on);
    w.loss = 0.1;
    for (unsigned i = 0; i < 60; i++)
        (void)fec_rule_look(&r, now += USEC_SEC / 2, &w);
    assert_false(r.on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_lost_packet_always_comes_back_to_the_bit),
        cmocka_unit_test(with_three_or_more_repair_packets_any_two_losses_are_healed),
        cmocka_unit_test(few_blocks_stay_torn),
        cmocka_unit_test(a_head_is_read_and_written_as_browsers_write_it),
        cmocka_unit_test(what_protects_nothing_or_lies_is_counted),
        cmocka_unit_test(it_is_off_where_a_repair_comes_in_time_or_room_is_short),
        cmocka_unit_test(it_is_on_where_a_repair_takes_several_tries),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
