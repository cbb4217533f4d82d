/* prop_fec.c - repair packets with any masks, in any order: exactly what can be known comes back.
 */
#include "engine/base/bytes.h"
#include "engine/media/fec.h"
#include "engine/wire/rtp.h"
#include "tests/prop/prop.h"
#include "tests/unit/test.h"

#include <string.h>

#define SSRC 5
#define PT 96
#define FIRST 65510u /* numbers roll over */
#define MOST 40
#define REPAIRS 9

struct block {
    struct pkt *sent[MOST];
    unsigned n;
    uint64_t lost;
    uint64_t mask[REPAIRS];
    struct pkt *repair[REPAIRS];
    unsigned repairs;
};

static struct pkt *make(struct pkt_pool *pool, struct rng *r, uint32_t i)
{
    struct pkt *const p = pkt_get(pool);
    assert_non_null(p);
    const struct rtp_head h = {.ssrc = SSRC,
                               .ts = rng_u32(r),
                               .seq = (uint16_t)(FIRST + i),
                               .pt = PT,
                               .marker = rng_below(r, 2)};
    const size_t head =
        rtp_write(p->data, PKT_CAP, &h, &(struct rtp_extmap){{0}}, &(struct rtp_ext_values){0});
    p->len = (uint16_t)(head + 1 + rng_below(r, 200));
    rng_bytes(r, p->data + head, p->len - head);
    assert_true(rtp_describe(p));
    p->rtp.ext_seq = FIRST + i;
    return p;
}

static void add(struct flexfec *f, uint8_t *sum, const struct pkt *p)
{
    uint8_t own[FLEXFEC_FIELDS];
    memcpy(own, p->data, sizeof own);
    own[0] &= 0x3f;
    put_be16(own + 2, (uint16_t)(p->len - RTP_HEADER));
    for (size_t k = 0; k < sizeof own; k++)
        f->fields[k] ^= own[k];
    for (size_t k = RTP_HEADER; k < p->len; k++)
        sum[k - RTP_HEADER] ^= p->data[k];
    f->len = f->len > p->len - (size_t)RTP_HEADER ? f->len : p->len - (size_t)RTP_HEADER;
}

static struct pkt *protect(struct pkt_pool *pool, const struct block *b, uint64_t mask)
{
    struct pkt *const p = pkt_get(pool);
    struct flexfec f = {.ssrc = SSRC, .base = (uint16_t)FIRST, .mask = {mask}};
    uint8_t sum[PKT_CAP] = {0};
    assert_non_null(p);
    for (unsigned i = 0; i < b->n; i++)
        if (mask >> i & 1)
            add(&f, sum, b->sent[i]);
    const struct rtp_head h = {.ssrc = 6, .pt = 118};
    size_t len =
        rtp_write(p->data, PKT_CAP, &h, &(struct rtp_extmap){{0}}, &(struct rtp_ext_values){0});
    len += flexfec_write(p->data + len, PKT_CAP - len, &f);
    memcpy(p->data + len, sum, f.len);
    p->len = (uint16_t)(len + f.len);
    assert_true(rtp_describe(p));
    return p;
}

static void fill(struct block *b, struct pkt_pool *pool, struct rng *r)
{
    *b = (struct block){.n = 2 + rng_below(r, MOST - 1), .repairs = 1 + rng_below(r, REPAIRS)};
    const uint32_t loss = rng_below(r, 40), dense = 1 + rng_below(r, 60);
    for (unsigned i = 0; i < b->n; i++) {
        b->sent[i] = make(pool, r, i);
        b->lost |= (uint64_t)(i > 0 && rng_below(r, 100) < loss) << i;
    }
    for (unsigned k = 0; k < b->repairs; k++) {
        for (unsigned i = 0; i < b->n; i++)
            b->mask[k] |= (uint64_t)(rng_below(r, 100) < dense) << i;
        b->mask[k] |= (uint64_t)1 << rng_below(r, b->n);
        b->repair[k] = protect(pool, b, b->mask[k]);
    }
}

/* By trying all sums of repair packets. */
static uint64_t known(const struct block *b)
{
    uint64_t all = 0;
    for (unsigned set = 1; set < 1u << b->repairs; set++) {
        uint64_t of = 0;
        for (unsigned k = 0; k < b->repairs; k++)
            of ^= set >> k & 1 ? b->mask[k] & b->lost : 0;
        all |= of & (of - 1) ? 0 : of;
    }
    return all;
}

static uint64_t drain(const struct block *b, struct fecdec *d, struct hist *h)
{
    const struct fec_stream s = {.hist = h, .ssrc = SSRC, .pt = PT};
    uint64_t back = 0;
    for (struct pkt *q; (q = fecdec_next(d, 1, &s)) != NULL; pkt_unref(&q)) {
        const uint32_t i = q->rtp.ext_seq - FIRST;
        assert_true(i < b->n && !hist_get(h, q->rtp.ext_seq));
        assert_int_equal(q->len, b->sent[i]->len);
        assert_memory_equal(q->data, b->sent[i]->data, q->len);
        hist_put(h, q);
        back |= (uint64_t)1 << i;
    }
    return back;
}

/* The first packet, then all that came, and repair packets among them. */
static uint64_t play(const struct block *b, struct rng *r)
{
    struct hist h;
    struct fecdec d = {0};
    unsigned order[MOST + REPAIRS];
    const unsigned n = b->n + b->repairs;
    uint64_t back = 0;
    assert_int_equal(hist_init(&h, 64), OK);
    for (unsigned i = 0; i < n; i++)
        order[i] = i;
    for (unsigned i = 1; i < n; i++) {
        const unsigned k = 1 + rng_below(r, i);
        const unsigned other = order[i];
        order[i] = order[k];
        order[k] = other;
    }
    for (unsigned i = 0; i < n; i++) {
        const unsigned k = order[i];
        if (k >= b->n)
            fecdec_input(&d, 1, b->repair[k - b->n], SSRC);
        else if (!(b->lost >> k & 1))
            hist_put(&h, b->sent[k]);
        back |= drain(b, &d, &h);
    }
    assert_int_equal(d.bad, 0);
    fecdec_drop(&d);
    hist_fini(&h);
    return back;
}

static void what_can_be_known_comes_back_and_nothing_else(struct rng *r)
{
    struct pkt_pool *pool = pkt_pool_new(256);
    struct block b;
    fill(&b, pool, r);
    assert_int_equal(play(&b, r) & b.lost, known(&b));
    for (unsigned i = 0; i < b.n; i++)
        pkt_unref(&b.sent[i]);
    for (unsigned k = 0; k < b.repairs; k++)
        pkt_unref(&b.repair[k]);
    assert_int_equal(pkt_pool_in_use(pool), 0);
    pkt_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROP_TEST(what_can_be_known_comes_back_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
