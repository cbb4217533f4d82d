/* fuzz_fec.c - any bytes as repair packets of a stream: heads are read in bounds and written again
 * as they were; what comes out is a packet of the stream that had not come, or nothing. */
#include "engine/base/bytes.h"
#include "engine/media/fec.h"
#include "engine/wire/rtp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SSRC 0x01020304u
#define PT 96
#define FIRST 65520u /* numbers roll over */
#define SENT 40u

static void head(const uint8_t *data, size_t size)
{
    struct flexfec f, g;
    uint8_t again[64];
    uint8_t *const p = malloc(size ? size : 1); /* exact */
    if (!p)
        return;
    if (size)
        memcpy(p, data, size);
    if (flexfec_read(&f, p, size)) {
        assert(f.data >= p && f.data + f.len == p + size);
        const size_t n = flexfec_write(again, sizeof again, &f);
        assert(n >= FLEXFEC_HEAD && n <= size - f.len && flexfec_read(&g, again, n));
        assert(g.ssrc == f.ssrc && g.base == f.base && g.mask[0] == f.mask[0] &&
               g.mask[1] == f.mask[1] && memcmp(g.fields, f.fields, FLEXFEC_FIELDS) == 0);
    }
    free(p);
}

static struct pkt *packet(struct pkt_pool *pool, uint8_t pt, uint32_t ssrc, uint32_t ext_seq,
                          const uint8_t *body, size_t len)
{
    struct pkt *p = pkt_get(pool);
    if (!p)
        return NULL;
    const struct rtp_head h = {.ssrc = ssrc, .seq = (uint16_t)ext_seq, .pt = pt};
    const size_t n =
        rtp_write(p->data, PKT_CAP, &h, &(struct rtp_extmap){{0}}, &(struct rtp_ext_values){0});
    len = size_min(len, PKT_CAP - n);
    if (len)
        memcpy(p->data + n, body, len);
    p->len = (uint16_t)(n + len);
    if (!rtp_describe(p))
        pkt_unref(&p);
    else
        p->rtp.ext_seq = ext_seq;
    return p;
}

static void drain(struct fecdec *d, usec now, const struct fec_stream *s, struct hist *h)
{
    unsigned n = 0;
    for (struct pkt *q; (q = fecdec_next(d, now, s)) != NULL; pkt_unref(&q)) {
        assert(!hist_get(h, q->rtp.ext_seq) && q->rtp.pt == PT && q->rtp.ssrc == SSRC);
        assert(q->rtp.payload_off + q->rtp.payload_len <= q->len && q->len <= PKT_CAP);
        hist_put(h, q);
        assert(++n <= FEC_KEPT);
    }
}

/* Each input: a byte of what is done, a byte of length, so many bytes of a repair packet, whose
 * SSRC and base are made to fit by a bit of the first. */
static void play(struct pkt_pool *pool, const uint8_t *data, size_t size)
{
    struct hist h;
    struct fecdec d = {0};
    if (hist_init(&h, 128))
        return;
    const struct fec_stream s = {.hist = &h, .ssrc = SSRC, .pt = PT, .twcc_id = 3};
    uint32_t next = FIRST;
    usec now = 1;
    while (size >= 2) {
        const uint8_t what = data[0];
        const size_t len = size_min(data[1], size - 2);
        uint8_t raw[256];
        memcpy(raw, data + 2, len);
        if (what & 4 && len >= FLEXFEC_HEAD) {
            raw[0] &= 0x3f;
            raw[8] = 1;
            put_be32(raw + 12, SSRC);
            put_be16(raw + 16, (uint16_t)(FIRST + (what >> 3)));
        }
        struct pkt *p =
            what & 1 ? packet(pool, 118, 9, 0, raw, len) : packet(pool, PT, SSRC, next, raw, len);
        if (p && what & 1)
            fecdec_input(&d, now, p, SSRC);
        else if (p)
            hist_put(&h, p);
        next += what & 1 ? 0 : 1 + (what >> 1 & 1);
        now += what & 2 ? USEC_MS : 0;
        pkt_unref(&p);
        drain(&d, now, &s, &h);
        data += 2 + len;
        size -= 2 + len;
    }
    assert(d.recovered <= d.in && d.n <= FEC_KEPT);
    fecdec_drop(&d);
    hist_fini(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pkt_pool *pool = pkt_pool_new(256);
    if (!pool)
        return 0;
    head(data, size);
    play(pool, data, size);
    assert(pkt_pool_in_use(pool) == 0);
    pkt_pool_free(&pool);
    return 0;
}
