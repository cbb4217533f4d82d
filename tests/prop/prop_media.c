/* prop_media.c - engine/media on random networks: what a viewer, a receiver, a sender may rely on.
 */
#include "engine/media/arrival.h"
#include "engine/media/hist.h"
#include "engine/media/jitter.h"
#include "engine/media/kfgate.h"
#include "engine/media/nack.h"
#include "engine/media/pacer.h"
#include "engine/media/recvstat.h"
#include "engine/media/red.h"
#include "engine/media/remap.h"
#include "tests/prop/prop.h"
#include "tests/unit/test.h"

#include <string.h>

/* ---- remap: a source of pictures over a way that loses, repairs and disorders ---- */

#define PACKETS 120

struct packet {
    uint32_t ext_seq;
    uint32_t picture; /* counted from 0 */
    uint8_t tid;
    bool dropped; /* decided for its picture */
    bool came;
    bool closed; /* left out in time: nothing is left of its number */
    bool sent;
    struct remap_out out; /* what it was sent as */
};

/* What one viewer gets of one source between two switches. */
struct segment {
    struct packet p[PACKETS];
    uint32_t first_picture;
    uint32_t out_base; /* extended number that packet 0 gets */
    uint16_t pid_base;
    size_t highest; /* of the packets that came */
};

static void make_segment(struct segment *s, struct rng *r, uint32_t first_seq)
{
    memset(s, 0, sizeof *s);
    s->first_picture = rng_u32(r);
    uint32_t picture = 0;
    bool dropped = false;
    uint8_t tid = 0;
    for (size_t i = 0; i < PACKETS; i++) {
        if (i > 0 && rng_below(r, 2)) { /* a picture has one packet or several */
            picture++;
            tid = (uint8_t)rng_below(r, 3);
            dropped = tid > 0 && rng_below(r, 2);
        }
        s->p[i] = (struct packet){
            .ext_seq = first_seq + (uint32_t)i, .picture = picture, .tid = tid, .dropped = dropped};
    }
}

static struct pkt_rtp rtp_of(const struct segment *s, size_t i)
{
    return (struct pkt_rtp){.ext_seq = s->p[i].ext_seq,
                            .seq = (uint16_t)s->p[i].ext_seq,
                            .ts = s->p[i].picture * 3600,
                            .key = s->p[i].picture == 0};
}

static struct video_desc desc_of(const struct segment *s, size_t i)
{
    const uint32_t id = s->first_picture + s->p[i].picture;
    return (struct video_desc){.has_pid = true,
                               .pid_long = true,
                               .picture_id = id & 0x7fff,
                               .gapless = s->p[i].tid > 0,
                               .tid = s->p[i].tid};
}

static uint32_t closed_before(const struct segment *s, size_t i)
{
    uint32_t n = 0;
    for (size_t k = 0; k < i; k++)
        n += s->p[k].closed;
    return n;
}

static uint32_t closed_pictures_before(const struct segment *s, size_t i)
{
    uint32_t n = 0;
    uint32_t last = UINT32_MAX;
    for (size_t k = 0; k < i && s->p[k].picture < s->p[i].picture; k++) {
        n += s->p[k].closed && s->p[k].picture != last;
        last = s->p[k].closed ? s->p[k].picture : last;
    }
    return n;
}

static void send(struct remap *m, struct segment *s, size_t i, uint16_t source)
{
    const struct pkt_rtp in = rtp_of(s, i);
    const struct video_desc d = desc_of(s, i);
    struct remap_out out;
    assert_true(remap_next(m, (usec)s->p[i].picture * 40000, &in, source, &d, &out));
    const uint32_t want = s->out_base + (uint32_t)i - closed_before(s, i);
    assert_int_equal(out.seq, (uint16_t)want);
    assert_int_equal(out.picture_id,
                     (uint16_t)(s->pid_base + s->p[i].picture - closed_pictures_before(s, i)) &
                         0x7fff);
    s->p[i].sent = true;
    s->p[i].out = out;
}

/* A packet that is asked for again goes out as it went the first time. */
static void repair(struct remap *m, struct segment *s, struct rng *r, uint16_t source)
{
    const size_t i = rng_below(r, PACKETS);
    if (!s->p[i].sent)
        return;
    const struct pkt_rtp in = rtp_of(s, i);
    const struct video_desc d = desc_of(s, i);
    struct remap_place at;
    struct remap_out out = {0};
    assert_true(remap_find(m, s->p[i].out.seq, &at));
    assert_true(at.sent);
    assert_int_equal(at.ext_seq, in.ext_seq);
    assert_int_equal(at.source, source);
    remap_again(m, 0, &at, &in, &d, &out);
    assert_int_equal(out.seq, s->p[i].out.seq);
    assert_int_equal(out.ts, s->p[i].out.ts);
    assert_int_equal(out.picture_id, s->p[i].out.picture_id);
}

/* Any number asked for: the packet that belongs there, marked as sent if and only if it was. */
static void ask(const struct remap *m, const struct segment *s, struct rng *r, uint16_t source)
{
    const uint16_t out_seq = (uint16_t)(s->out_base + rng_below(r, PACKETS));
    const uint32_t behind = (uint16_t)(m->last.seq - out_seq);
    struct remap_place at;
    const bool found = remap_find(m, out_seq, &at);
    assert_int_equal(found, behind < PACKETS);
    if (!found || at.source != source)
        return;
    const size_t i = at.ext_seq - s->p[0].ext_seq;
    assert_true(i < PACKETS && !s->p[i].closed);
    assert_int_equal(at.sent, s->p[i].sent);
    assert_true(!at.sent || s->p[i].out.seq == out_seq);
}

static void arrive(struct remap *m, struct segment *s, size_t i, uint16_t source)
{
    struct packet *const p = &s->p[i];
    if (p->came)
        return;
    p->came = true;
    if (p->dropped) {
        const struct pkt_rtp in = rtp_of(s, i);
        const struct video_desc d = desc_of(s, i);
        struct remap_out out;
        p->closed = i > s->highest;
        remap_skip(m, &in, source, &d);
        if (p->closed)
            assert_false(remap_next(m, 0, &in, source, &d, &out)); /* final */
    } else {
        send(m, s, i, source);
    }
    s->highest = i > s->highest ? i : s->highest;
}

/* In order, but some overtake others, some come much later (repaired) and some never. */
static void run_segment(struct remap *m, struct segment *s, struct rng *r, uint16_t source)
{
    for (size_t i = 1; i < PACKETS; i++) {
        const uint32_t luck = rng_below(r, 10);
        if (luck < 7)
            arrive(m, s, i, source);
        else if (luck == 7 && i + 1 < PACKETS)
            arrive(m, s, i + 1, source);
        if (rng_below(r, 8) == 0)
            arrive(m, s, 1 + rng_below(r, (uint32_t)i), source);
        repair(m, s, r, source);
        ask(m, s, r, source);
    }
}

static void a_viewer_sees_one_unbroken_stream(struct rng *r)
{
    static struct remap m;
    static struct segment all[5];
    uint16_t first = (uint16_t)rng_u32(r);
    assert_int_equal(remap_init(&m, 1024, 90000, first, rng_u32(r)), OK);
    uint32_t start[3] = {0};
    for (size_t k = 0; k < 3; k++)
        start[k] = 70000 + rng_below(r, 1000000);

    uint32_t out_base = first;
    uint16_t source = 0;
    uint16_t last_source = 9;
    for (size_t n = 0; n < ARRAY_LEN(all); n++) {
        do
            source = (uint16_t)rng_below(r, 3);
        while (source == last_source);
        struct segment *const s = &all[n];
        make_segment(s, r, start[source]);
        start[source] += PACKETS + rng_below(r, 3000);
        s->out_base = out_base;
        s->pid_base = (uint16_t)(n ? m.last.picture_id + 1u : s->first_picture);
        s->p[0].came = true;
        send(&m, s, 0, source);
        if (n) { /* what is left of the former source does not come through any more */
            const struct pkt_rtp in = rtp_of(&all[n - 1], all[n - 1].highest);
            const struct video_desc d = desc_of(&all[n - 1], all[n - 1].highest);
            struct remap_out out;
            assert_false(remap_next(&m, 0, &in, last_source, &d, &out));
        }
        run_segment(&m, s, r, source);
        for (int k = 0; n && k < 20; k++)
            repair(&m, &all[n - 1], r, last_source);
        /* the newest that went out, extended */
        out_base += (uint16_t)(m.last.seq - (uint16_t)out_base) + 1u;
        last_source = source;
    }
    remap_fini(&m);
}

/* ---- the others ---- */

static void a_history_returns_what_was_put_or_nothing(struct rng *r)
{
    struct pkt_pool *pool = pkt_pool_new(64);
    struct hist h;
    assert_int_equal(hist_init(&h, 32), OK);
    uint32_t newest = 70000;
    for (int step = 0; step < 300; step++) {
        struct pkt *p = pkt_get(pool);
        assert_non_null(p);
        newest += rng_below(r, 3);
        const uint32_t seq = newest - rng_below(r, 50);
        p->rtp.ext_seq = seq;
        p->at = (usec)step;
        hist_put(&h, p);
        assert_true(hist_get(&h, seq) == p || h.highest - seq >= 32);
        pkt_unref(&p);
        const uint32_t ask = newest - rng_below(r, 100);
        const struct pkt *const got = hist_get(&h, ask);
        assert_true(!got || got->rtp.ext_seq == ask);
        if (rng_below(r, 50) == 0)
            hist_expire(&h, step - 10, 0);
    }
    hist_fini(&h);
    assert_int_equal(pkt_pool_in_use(pool), 0);
    pkt_pool_free(&pool);
}

static void extended_numbers_are_right_and_given_once(struct rng *r)
{
    struct recvstat s;
    recvstat_init(&s, 1, 90000);
    uint32_t sent = rng_u32(r) & 0xffff; /* what the sender counts, never wrapping here */
    uint32_t off = 0;
    uint32_t came[4096];
    size_t n = 0;
    for (int i = 0; i < 1500; i++) {
        sent += rng_below(r, 20) ? 1 : rng_below(r, 500);
        const uint32_t late = rng_below(r, 5) ? 0 : rng_below(r, 300);
        if (late > sent)
            continue;
        const struct pkt_rtp p = {.seq = (uint16_t)(sent - late), .ts = sent * 3000};
        uint32_t ext;
        if (!recvstat_input(&s, (usec)i * 1000, &p, 10, &ext))
            continue;
        off = n ? off : 65536 + p.seq - (sent - late);
        assert_int_equal(ext, sent - late + off);
        came[n++] = ext;
        assert_true(s.highest - s.base + 1 >= s.received);
    }
    assert_int_equal(s.received, n);
    for (size_t i = 0; i < n; i++) /* a few pairs are enough in each of many cases */
        for (size_t k = i + 1; k < n && k < i + 40; k++)
            assert_int_not_equal(came[i], came[k]);
}

static void nobody_asks_for_what_came_or_too_often(struct rng *r)
{
    enum { N = 2000 };
    static bool came[N];
    static usec asked_at[N];
    static usec before[N];
    struct nack n;
    memset(came, 0, sizeof came);
    memset(asked_at, 0, sizeof asked_at);
    memset(before, 0, sizeof before);
    nack_init(&n, 500 * USEC_MS);
    const usec rtt = (usec)rng_below(r, 200) * USEC_MS;
    nack_rtt(&n, rtt);
    usec now = USEC_SEC;
    for (uint32_t i = 0; i < N; i++, now += 2 * USEC_MS) {
        const bool lost = rng_below(r, 10) == 0;
        if (!lost || i == 0) {
            nack_input(&n, now, 100000 + i, false);
            came[i] = true;
        }
        const uint32_t old = i > 40 ? i - rng_below(r, 40) : i;
        if (rng_below(r, 6) == 0 && i > 40) {
            nack_input(&n, now, 100000 + old, false);
            came[old] = true;
        }
        uint16_t out[16];
        const usec next = nack_next(&n);
        const size_t got = nack_poll(&n, now, out, ARRAY_LEN(out));
        assert_true(got == 0 || next <= now);
        for (size_t k = 0; k < got; k++) {
            const uint32_t which = (uint16_t)(out[k] - (uint16_t)100000);
            assert_true(which < N && which <= i);
            assert_false(came[which]);
            assert_true(asked_at[which] == 0 || now - asked_at[which] >= 20 * USEC_MS);
            assert_true(before[which] == 0 || now - before[which] >= rtt / 2);
            before[which] = asked_at[which];
            asked_at[which] = now;
            assert_true(k == 0 || (uint16_t)(out[k] - out[k - 1]) < 1000);
        }
    }
}

static void every_arrival_is_reported(struct rng *r)
{
    enum { N = 600 };
    static usec came[N];
    static usec told[N];
    static struct arrival a;
    static struct twcc_feedback f;
    const uint16_t first = (uint16_t)rng_u32(r);
    for (size_t i = 0; i < N; i++)
        came[i] = told[i] = -1;
    arrival_init(&a);
    usec now = 0;
    for (uint32_t i = 0; i < N + 100; i++, now += rng_below(r, 3000)) {
        const uint32_t which = i - (i && rng_below(r, 4) == 0 ? rng_below(r, 60) : 0);
        if (which < N && came[which] < 0 && (i == 0 || rng_below(r, 8))) {
            came[which] = now;
            arrival_input(&a, now, (uint16_t)(first + which));
        }
        uint8_t buf[200];
        struct writer w = writer_of(buf, sizeof buf);
        if (i == N + 99)
            now += USEC_SEC;
        while (arrival_next(&a) <= now) {
            w.len = 0;
            assert_true(arrival_poll(&a, now, &w, 1, 2));
            struct reader rd = reader_of(buf, w.len);
            struct rtcp_item it;
            assert_true(rtcp_next(&rd, &it));
            assert_true(twcc_read(&f, &it));
            for (size_t k = 0; k < f.n; k++)
                if (f.at[k] >= 0)
                    told[(uint16_t)(f.base + k - first)] = f.at[k];
        }
    }
    for (size_t i = 0; i < N; i++) {
        if (came[i] < 0)
            assert_int_equal(told[i], -1);
        else
            assert_in_range(told[i] - came[i] + 125, 0, 250);
    }
}

static void a_playout_is_in_order_and_once(struct rng *r)
{
    static struct jitter j;
    struct pkt_pool *pool = pkt_pool_new(256);
    const bool early = rng_below(r, 2); /* who plays takes what is there */
    jitter_init(&j, 48000, 10 * USEC_MS, 200 * USEC_MS);
    j.voice = rng_below(r, 2);
    uint32_t last = 0;
    uint32_t sent = 70000;
    uint64_t put = 0;
    for (usec now = 0; now < 4 * USEC_SEC; now += 5 * USEC_MS) {
        sent += rng_below(r, 4) == 0;
        if (rng_below(r, 3) == 0) {
            struct pkt *const p = pkt_get(pool);
            assert_non_null(p);
            p->rtp.ext_seq = sent - rng_below(r, 6);
            p->rtp.ts = p->rtp.ext_seq * 960;
            jitter_put(&j, now, p);
            put++;
        }
        if (rng_below(r, 20) == 0)
            jitter_floor(&j, rng_below(r, 300) * USEC_MS);
        struct pkt *p = NULL;
        const usec due = jitter_next(&j);
        enum jitter_out what;
        while ((what = (early ? jitter_take : jitter_get)(&j, now, &p)) != JITTER_WAIT) {
            assert_true(early || due <= now);
            assert_int_equal(what == JITTER_PACKET, p != NULL);
            if (!p)
                continue;
            assert_true(p->rtp.ext_seq > last);
            last = p->rtp.ext_seq;
            pkt_unref(&p);
        }
        assert_true(jitter_next(&j) > now);
        assert_in_range(j.delay, j.min, j.max);
    }
    assert_int_equal(put, j.out + j.late + j.duplicates + pkt_pool_in_use(pool));
    jitter_fini(&j);
    assert_int_equal(pkt_pool_in_use(pool), 0);
    pkt_pool_free(&pool);
}

/* ---- red: a voice with pauses over a way that loses ---- */

#define SAID 60

static struct pkt *say(struct pkt_pool *pool, struct rng *r, uint32_t i, uint32_t ts)
{
    struct pkt *const p = pkt_get(pool);
    assert_non_null(p);
    const struct rtp_head h = {.ssrc = 9, .ts = ts, .seq = (uint16_t)(65500 + i), .pt = 111};
    const struct rtp_extmap ids = {{0}};
    const struct rtp_ext_values none = {0};
    const size_t head = rtp_write(p->data, PKT_CAP, &h, &ids, &none);
    p->len = (uint16_t)(head + 1 + rng_below(r, 300));
    rng_bytes(r, p->data + head, p->len - head);
    assert_true(rtp_describe(p));
    p->rtp.ext_seq = 65500 + i;
    return p;
}

/* What arrives of it: its header, blocks' headers, blocks. */
static struct pkt *pack(struct pkt_pool *pool, const struct red *red, const struct pkt *from)
{
    struct pkt *const p = pkt_get(pool);
    assert_non_null(p);
    memcpy(p->data, from->data, RTP_HEADER);
    size_t len = RTP_HEADER + red_write(p->data + RTP_HEADER, PKT_CAP - RTP_HEADER, red);
    for (size_t k = 0; k < red->n; k++) {
        memcpy(p->data + len, red->block[k].data, red->block[k].len);
        len += red->block[k].len;
    }
    p->len = (uint16_t)len;
    assert_true(rtp_describe(p));
    return p;
}

/* Takes what was missing out of a packet that arrived; it must be what was said. */
static void heal(struct pkt *p, struct recvstat *stat, const struct hist *said, bool has[SAID])
{
    struct red red;
    uint32_t seq = 0;
    assert_true(red_undo(p, 111, &red));
    for (size_t k = 0; k + 1 < red.n; k++) {
        struct pkt *q =
            recvstat_misses(stat, red_seq(p, &red, k), &seq) ? red_recover(p, &red, k) : NULL;
        if (!q)
            continue;
        assert_true(recvstat_input(stat, 0, &q->rtp, q->len, &seq));
        const struct pkt *const was = hist_get(said, seq - 65536);
        assert_true(was && was->len == q->len && memcmp(was->data, q->data, q->len) == 0);
        has[seq - 65536 - 65500] = true;
        pkt_unref(&q);
    }
    assert_true(recvstat_input(stat, 0, &p->rtp, p->len, &seq));
    has[seq - 65536 - 65500] = true;
}

/* A packet is there if it came, or if one that it still may ride with came. */
static void what_rides_along_heals_all_that_it_can(struct rng *r)
{
    struct pkt_pool *pool = pkt_pool_new(SAID + 8);
    struct hist said;
    struct recvstat stat;
    bool came[SAID], has[SAID] = {false};
    uint32_t ts[SAID];
    const uint32_t riders = rng_below(r, RED_RIDERS + 1);
    const uint32_t loss = rng_below(r, 60);
    assert_int_equal(hist_init(&said, 64), OK);
    recvstat_init(&stat, 9, 48000);
    ts[0] = rng_u32(r);
    for (uint32_t i = 0; i < SAID; i++) {
        if (i > 0)
            ts[i] = ts[i - 1] + (rng_below(r, 8) ? 960 : 960 * (1 + rng_below(r, 20)));
        struct pkt *p = say(pool, r, i, ts[i]);
        struct red red;
        hist_put(&said, p);
        red_load(&red, &said, p, 111, 65500, riders);
        came[i] = i == 0 || rng_below(r, 100) >= loss;
        struct pkt *got = came[i] ? pack(pool, &red, p) : NULL;
        if (got)
            heal(got, &stat, &said, has);
        pkt_unref(&got);
        pkt_unref(&p);
    }
    for (uint32_t i = 0; i < SAID; i++) {
        bool can = came[i];
        for (uint32_t k = i + 1; k <= i + riders && k < SAID; k++)
            can |= came[k] && ts[k] - ts[i] <= RED_BACK_MAX;
        assert_int_equal(has[i], can);
    }
    hist_fini(&said);
    assert_int_equal(pkt_pool_in_use(pool), 0);
    pkt_pool_free(&pool);
}

static void a_pacer_keeps_its_rate_over_any_window(struct rng *r)
{
    enum { N = 400 };
    static usec left_at[N];
    static int64_t bytes[N];
    size_t n = 0;
    struct pkt_pool *pool = pkt_pool_new(512);
    struct pacer p;
    const uint64_t bps = 50000 + rng_below(r, 5000000);
    const uint32_t burst = 500 + rng_below(r, 8000);
    assert_int_equal(pacer_init(&p, 256, bps, burst), OK);
    usec now = (usec)rng_below(r, 1000000);
    while (n < N) {
        for (uint32_t k = rng_below(r, 5); k > 0; k--) {
            struct send_rec rec = {.pkt = pkt_get(pool)};
            assert_non_null(rec.pkt);
            rec.pkt->len = (uint16_t)(50 + rng_below(r, 1150));
            rec.audio = rng_below(r, 4) == 0;
            rec.cls = rec.audio ? PACER_VOICE : PACER_VIDEO;
            (void)pacer_push(&p, &rec);
        }
        struct send_rec rec;
        while (n < N && pacer_pop(&p, now, &rec)) {
            left_at[n] = now;
            bytes[n] = rec.audio ? 0 : rec.pkt->len + PACER_EXTRA; /* voice is above the law */
            n++;
            pkt_unref(&rec.pkt);
        }
        const usec next = pacer_next(&p, now);
        assert_true(next > now || n == N);
        now = rng_below(r, 2) && next != USEC_NEVER ? next : now + rng_below(r, 20000);
    }
    for (size_t from = 0; from < N; from++) {
        int64_t sum = 0;
        for (size_t to = from; to < N; to++) {
            sum += bytes[to];
            const int64_t allowed =
                (int64_t)((uint64_t)(left_at[to] - left_at[from]) * bps / 8000000);
            assert_true(sum <= allowed + burst + PKT_CAP);
        }
    }
    pacer_fini(&p);
    assert_int_equal(pkt_pool_in_use(pool), 0);
    pkt_pool_free(&pool);
}

static void never_two_requests_within_the_gap(struct rng *r)
{
    struct kfgate g;
    const usec gap = 1 + rng_below(r, 1000);
    kfgate_init(&g, gap);
    usec last = -gap;
    usec now = 0;
    for (int i = 0; i < 300; i++, now += rng_below(r, 300)) {
        if (rng_below(r, 3) == 0)
            kfgate_want(&g);
        if (rng_below(r, 5) == 0)
            kfgate_served(&g);
        const usec next = kfgate_next(&g);
        const bool asks = kfgate_poll(&g, now);
        assert_int_equal(asks, next <= now);
        if (!asks)
            continue;
        assert_true(g.wanted);
        assert_true(now - last >= gap);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROP_TEST(a_viewer_sees_one_unbroken_stream),
        PROP_TEST(a_history_returns_what_was_put_or_nothing),
        PROP_TEST(extended_numbers_are_right_and_given_once),
        PROP_TEST(nobody_asks_for_what_came_or_too_often),
        PROP_TEST(every_arrival_is_reported),
        PROP_TEST(a_playout_is_in_order_and_once),
        PROP_TEST(what_rides_along_heals_all_that_it_can),
        PROP_TEST(a_pacer_keeps_its_rate_over_any_window),
        PROP_TEST(never_two_requests_within_the_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
