#include "engine/media/fec.h"

#include "engine/base/bytes.h"
#include "engine/wire/rtp.h"

#include <string.h>

#define RTT_ON (150 * USEC_MS) /* from here on a retransmission is late */
#define RTT_OFF (120 * USEC_MS)
#define TRIES_ON (400 * USEC_MS) /* or that, with all the tries that it takes */
#define TRIES_OFF (350 * USEC_MS)
#define TRIES_MOST 8
#define LOSS_ON 0.02F
#define LOSS_OFF 0.01F
#define NEEDED_FOR (10 * USEC_SEC)
#define ROOM_FOR (500 * USEC_MS)
#define LOSS_UP 1.0F   /* seconds that the loss is smoothed over when it grows, */
#define LOSS_DOWN 4.0F /* and when it falls */
#define TORN 0.002     /* share of blocks that may stay torn: few enough for the delay to forget */
#define MARGIN 1.25    /* more is lost now and then than on average */
#define TYPICAL 6      /* packets of a picture */
#define WAITS USEC_SEC /* a repair packet, for others of its block */
#define MARK_PT 1      /* byte of the fields */
#define LENGTH 2
#define VERSION 0x80
#define LOW_BITS 0x3f /* P, X, CC */
#define UNKNOWN 64    /* lost packets that are looked for together */

/* When */

double fec_rule_loss(const struct fec_rule *r)
{
    return MARGIN * (double)r->loss;
}

uint64_t fec_rule_takes(const struct fec_rule *r, uint64_t media)
{
    return media * fec_repairs(TYPICAL, fec_rule_loss(r)) / TYPICAL;
}

static bool has_room(struct fec_rule *r, usec now, const struct fec_way *w)
{
    const uint64_t takes = fec_rule_takes(r, w->media);
    const bool room = w->spare >= (r->on ? takes : takes + takes / 4);
    if (!room)
        r->room_at = 0;
    else if (!r->room_at)
        r->room_at = now;
    return r->on ? room : room && now - r->room_at >= ROOM_FOR;
}

/* Round trips until hardly a packet is missing; a try fails if request or repair is lost. */
static unsigned tries(double loss)
{
    const double fails = 1 - (1 - loss) * (1 - loss);
    unsigned n = 1;
    for (double missing = loss * fails; missing > TORN && n < TRIES_MOST; n++)
        missing *= fails;
    return n;
}

static bool is_late(const struct fec_rule *r, usec rtt)
{
    return rtt >= (r->on ? RTT_OFF : RTT_ON) ||
           rtt * tries((double)r->loss) >= (r->on ? TRIES_OFF : TRIES_ON);
}

bool fec_rule_look(struct fec_rule *r, usec now, const struct fec_way *w)
{
    const float gone = (float)(now - r->looked_at) / (float)USEC_SEC;
    const float time = (float)w->loss > r->loss ? LOSS_UP : LOSS_DOWN;
    const float part = gone < time ? gone / time : 1;
    r->loss += ((float)w->loss - r->loss) * part;
    r->looked_at = now;
    const bool late = is_late(r, w->rtt);
    if (r->loss >= (r->on ? LOSS_OFF : LOSS_ON))
        r->needed_at = now;
    const bool needed = r->needed_at && now - r->needed_at < (r->on ? NEEDED_FOR : 1);
    r->on = has_room(r, now, w) && late && needed;
    return r->on;
}

/* The chance that more than `most` of n are lost. */
static double more_than(unsigned most, unsigned n, double loss)
{
    double keeps = 1;
    for (unsigned i = 0; i < n; i++)
        keeps *= 1 - loss;
    double sum = 0;
    for (unsigned i = 0; i <= most && i <= n; i++) {
        sum += keeps;
        keeps *= loss / (1 - loss) * (double)(n - i) / (double)(i + 1);
    }
    return 1 - sum;
}

/* Sums repair a little less than codes that take any k of n: one more where many packets share few
 * of them. */
unsigned fec_repairs(unsigned n, double loss)
{
    const double p = loss < 0.005 ? 0.005 : loss > 0.3 ? 0.3 : loss;
    unsigned m = 1;
    if (n == 0)
        return 0;
    while (m < FEC_REPAIRS && more_than(m, n + m, p) > TORN)
        m++;
    return m < FEC_REPAIRS && (n > 2 * m || n > (1u << m) - 1) ? m + 1 : m;
}

/* Making them */

static void copy_whole(uint8_t *to, const struct fec_packet *p)
{
    memcpy(to, p->head, p->head_len);
    to += p->head_len;
    if (p->rest_len)
        memcpy(to, p->rest, p->rest_len);
    to += p->rest_len;
    memset(to, 0, p->pad);
    if (p->pad)
        to[p->pad - 1] = p->pad;
}

/* It is written anew where a packet passes, so it is no part of the sums. */
static void clear_twcc(uint8_t *data, size_t len, uint8_t twcc_id)
{
    struct pkt q = {.data = data, .len = (uint16_t)len};
    size_t n = 0;
    const uint8_t *const at = twcc_id && rtp_describe(&q) ? rtp_ext_find(&q, twcc_id, &n) : NULL;
    if (at && n == 2)
        put_be16(data + (at - data), 0);
}

bool fecenc_add(struct fecenc *e, const struct fec_packet *p, uint8_t twcc_id)
{
    const size_t len = p->head_len + p->rest_len + p->pad;
    if (len > PKT_CAP || p->head_len < RTP_HEADER)
        return false;
    const uint16_t seq = be16(p->head + 2);
    const bool fits = e->n == 0 || (uint16_t)(seq - e->seq[0]) < FLEXFEC_SPAN;
    if (!fits || e->n == FEC_BLOCK || e->repairs) {
        if (e->n && seq_newer(e->seq[0], seq)) /* a late one, of a block that has gone */
            return false;
        fecenc_reset(e);
    }
    copy_whole(e->data[e->n], p);
    clear_twcc(e->data[e->n], len, twcc_id);
    e->seq[e->n] = seq;
    e->len[e->n++] = (uint16_t)len;
    return e->n == FEC_BLOCK || (uint16_t)(seq + 1 - e->seq[0]) >= FLEXFEC_SPAN;
}

void fecenc_reset(struct fecenc *e)
{
    e->n = e->repairs = 0;
}

static bool has_column(const struct fecenc *e, unsigned n, unsigned column)
{
    for (unsigned i = 0; i < n; i++)
        if (e->column[i] == column)
            return true;
    return false;
}

/* All turns of one pattern of sums, but those that are taken. */
static unsigned add_turns(struct fecenc *e, unsigned n, unsigned pattern)
{
    const unsigned m = e->repairs;
    for (unsigned s = 0; s < m && n < e->n; s++) {
        const unsigned column = (pattern << s | pattern >> (m - s)) & ((1u << m) - 1);
        if (!has_column(e, n, column))
            e->column[n++] = (uint16_t)column;
    }
    return n;
}

/* Each packet is in sums of its own choice: two lost ones then never hide behind each other. Of
 * three sums first, for which two of the repair packets may be lost too. */
static unsigned add_columns(struct fecenc *e)
{
    const unsigned m = e->repairs;
    unsigned n = 0;
    for (unsigned a = 1; a < m; a++)
        for (unsigned b = a + 1; b < m; b++)
            n = add_turns(e, n, 1u | 1u << a | 1u << b);
    for (unsigned a = 1; a < m; a++)
        n = add_turns(e, n, 1u | 1u << a);
    return add_turns(e, n, 1);
}

unsigned fecenc_close(struct fecenc *e, double loss)
{
    e->repairs = fec_repairs(e->n, loss);
    const unsigned own = e->n ? add_columns(e) : 0;
    for (unsigned i = own; own && i < e->n; i++)
        e->column[i] = e->column[i % own];
    return e->repairs;
}

static void xor_into(uint8_t *to, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] ^= from[i];
}

/* What a packet adds to the fields, and takes from them. */
static void add_fields(uint8_t fields[FLEXFEC_FIELDS], const uint8_t *rtp, size_t len)
{
    uint8_t own[FLEXFEC_FIELDS];
    memcpy(own, rtp, FLEXFEC_FIELDS);
    own[0] &= LOW_BITS;
    put_be16(own + LENGTH, (uint16_t)(len - RTP_HEADER));
    xor_into(fields, own, sizeof own);
}

size_t fecenc_write(const struct fecenc *e, unsigned k, uint8_t *out, size_t cap)
{
    struct flexfec f = {.ssrc = be32(e->data[0] + 8), .base = e->seq[0]};
    for (unsigned i = 0; i < e->n; i++) {
        if (!(e->column[i] >> k & 1))
            continue;
        flexfec_protect(&f, (uint16_t)(e->seq[i] - f.base));
        add_fields(f.fields, e->data[i], e->len[i]);
        f.len = f.len > e->len[i] - (size_t)RTP_HEADER ? f.len : e->len[i] - (size_t)RTP_HEADER;
    }
    const size_t head = flexfec_write(out, cap, &f);
    if (!head || f.len > cap - head)
        return 0;
    memset(out + head, 0, f.len);
    for (unsigned i = 0; i < e->n; i++)
        if (e->column[i] >> k & 1)
            xor_into(out + head, e->data[i] + RTP_HEADER, e->len[i] - (size_t)RTP_HEADER);
    return head + f.len;
}

/* Taking them */

static void drop(struct fecdec *d, size_t i)
{
    pkt_unref(&d->kept[i]);
    d->n--;
    memmove(&d->kept[i], &d->kept[i + 1], (d->n - i) * sizeof d->kept[0]);
    d->kept[d->n] = NULL;
}

void fecdec_drop(struct fecdec *d)
{
    while (d->n)
        drop(d, d->n - 1);
}

void fecdec_input(struct fecdec *d, usec now, struct pkt *p, uint32_t ssrc)
{
    struct flexfec f;
    if (p->rtp.payload_len == 0) /* padding that probes the way */
        return;
    d->in++;
    if (!flexfec_read(&f, p->data + p->rtp.payload_off, p->rtp.payload_len) || f.ssrc != ssrc) {
        d->bad++;
        return;
    }
    if (d->n == FEC_KEPT) {
        d->vain++;
        drop(d, 0);
    }
    d->heard = now;
    d->kept[d->n] = pkt_ref(p);
    d->kept[d->n++]->at = now;
}

/* As it was sent: what came as RTX has another header. */
static bool is_exact(const struct pkt *p, const struct fec_stream *s)
{
    return p && p->len >= RTP_HEADER && be16(p->data + 2) == p->rtp.seq &&
           be32(p->data + 8) == s->ssrc;
}

static unsigned lowest(uint64_t bits)
{
    return (unsigned)__builtin_ctzll(bits);
}

static uint32_t extend(const struct hist *h, uint16_t seq)
{
    return (uint32_t)((int32_t)h->highest + seq_diff(seq, (uint16_t)h->highest));
}

/* Repair packets as equations: each row says of which packets that have not come it is the sum. */
struct rows {
    uint64_t of[FEC_KEPT];   /* bit u: unknown[u] is in it */
    uint64_t from[FEC_KEPT]; /* bit i: the i-th repair packet is in it */
    uint32_t unknown[UNKNOWN];
    size_t n;
};

/* Its place among the unknown ones; UNKNOWN: no room. */
static size_t place_of(struct rows *r, uint32_t ext_seq)
{
    size_t u = 0;
    while (u < r->n && r->unknown[u] != ext_seq)
        u++;
    if (u == r->n && u < UNKNOWN)
        r->unknown[r->n++] = ext_seq;
    return u;
}

/* The i-th row. False: none of its packets is missing any more. */
static bool add_row(struct rows *r, size_t i, const struct flexfec *f, const struct fec_stream *s)
{
    const uint32_t base = extend(s->hist, f->base);
    bool misses = false, fits = true;
    r->of[i] = r->from[i] = 0;
    for (unsigned k = 0; k < FLEXFEC_MASK; k++) {
        if (!flexfec_protects(f, k))
            continue;
        const struct pkt *const p = hist_get(s->hist, base + k);
        if (is_exact(p, s))
            continue;
        const size_t u = place_of(r, base + k);
        misses |= !p;
        fits &= u < UNKNOWN;
        r->of[i] |= u < UNKNOWN ? (uint64_t)1 << u : 0;
    }
    r->from[i] = fits ? (uint64_t)1 << i : 0;
    if (!fits)
        r->of[i] = 0;
    return misses;
}

/* Gauss and Jordan over GF(2): afterwards what can be known stands alone in a row. */
static void eliminate(struct rows *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint64_t lead = r->of[i] & (~r->of[i] + 1);
        for (size_t k = 0; lead && k < n; k++) {
            if (k == i || !(r->of[k] & lead))
                continue;
            r->of[k] ^= r->of[i];
            r->from[k] ^= r->from[i];
        }
    }
}

/* Takes one that came out of a sum. Its transport-wide number was not in it. */
static void take_out(uint8_t fields[FLEXFEC_FIELDS], uint8_t *sum, size_t sum_len,
                     const struct pkt *p, uint8_t twcc_id)
{
    size_t len = 0;
    add_fields(fields, p->data, p->len);
    xor_into(sum, p->data + RTP_HEADER, size_min(p->len - (size_t)RTP_HEADER, sum_len));
    const uint8_t *const twcc = twcc_id ? rtp_ext_find(p, twcc_id, &len) : NULL;
    const size_t at = twcc ? (size_t)(twcc - p->data) - RTP_HEADER : 0;
    if (twcc && len == 2 && at + 2 <= sum_len)
        xor_into(sum + at, twcc, 2);
}

static bool make(struct pkt *q, const struct flexfec *f, const struct fec_stream *s,
                 uint32_t ext_seq)
{
    const size_t len = be16(f->fields + LENGTH);
    const uint8_t pt = f->fields[MARK_PT] & 0x7f;
    if (len > f->len || (pt != s->pt && (!s->vp9_pt || pt != s->vp9_pt)))
        return false;
    q->data[0] = (uint8_t)(VERSION | (f->fields[0] & LOW_BITS));
    q->data[1] = f->fields[MARK_PT];
    put_be16(q->data + 2, (uint16_t)ext_seq);
    memcpy(q->data + 4, f->fields + 4, 4);
    put_be32(q->data + 8, s->ssrc);
    q->len = (uint16_t)(RTP_HEADER + len);
    if (!rtp_describe(q))
        return false;
    q->rtp.ext_seq = ext_seq;
    q->rtp.repaired = true;
    return true;
}

/* Adds the i-th repair packet without those of its packets that have come. */
static void add_sum(const struct fecdec *d, size_t i, const struct fec_stream *s,
                    struct flexfec *sum, uint8_t *out)
{
    const struct pkt *const p = d->kept[i];
    struct flexfec f;
    (void)!flexfec_read(&f, p->data + p->rtp.payload_off, p->rtp.payload_len);
    const uint32_t base = extend(s->hist, f.base);
    f.len = size_min(f.len, PKT_CAP - RTP_HEADER);
    xor_into(sum->fields, f.fields, FLEXFEC_FIELDS);
    xor_into(out, f.data, f.len);
    sum->len = f.len > sum->len ? f.len : sum->len;
    for (unsigned k = 0; k < FLEXFEC_MASK; k++) {
        const struct pkt *const q = flexfec_protects(&f, k) ? hist_get(s->hist, base + k) : NULL;
        if (is_exact(q, s))
            take_out(sum->fields, out, f.len, q, s->twcc_id);
    }
}

/* The one that stands alone in the sum of these repair packets. NULL: it cannot be made. */
static struct pkt *recover(struct fecdec *d, usec now, uint64_t from, const struct fec_stream *s,
                           uint32_t ext_seq)
{
    struct flexfec sum = {0};
    const struct pkt *const first = d->kept[lowest(from)];
    struct pkt *q = pkt_get(first->pool);
    if (!q)
        return NULL;
    memset(q->data, 0, PKT_CAP);
    for (size_t i = 0; i < d->n; i++)
        if (from >> i & 1)
            add_sum(d, i, s, &sum, q->data + RTP_HEADER);
    q->at = now;
    q->from = first->from;
    if (make(q, &sum, s, ext_seq)) {
        d->recovered++;
        return q;
    }
    d->bad++;
    pkt_unref(&q);
    return NULL;
}

/* The history would not keep what it repairs; or it speaks of what is not sent yet. */
static bool is_old(const struct pkt *p, usec now, const struct fec_stream *s, uint32_t oldest)
{
    const int32_t back = (int32_t)(s->hist->highest - oldest);
    const int32_t most = (int32_t)s->hist->size;
    return now - p->at > WAITS || back >= most || back <= -most;
}

/* Keeps those that may still be of use. */
static void read_rows(struct fecdec *d, usec now, const struct fec_stream *s, struct rows *r)
{
    r->n = 0;
    for (size_t i = 0; i < d->n;) {
        struct flexfec f;
        const struct pkt *const p = d->kept[i];
        (void)!flexfec_read(&f, p->data + p->rtp.payload_off, p->rtp.payload_len);
        const bool misses = add_row(r, i, &f, s);
        const bool old = is_old(p, now, s, extend(s->hist, f.base));
        if (misses && !old) {
            i++;
            continue;
        }
        d->vain += misses;
        drop(d, i);
    }
}

struct pkt *fecdec_next(struct fecdec *d, usec now, const struct fec_stream *s)
{
    struct rows r;
    if (!d->n || !s->hist->started)
        return NULL;
    read_rows(d, now, s, &r);
    eliminate(&r, d->n);
    for (size_t i = d->n; i-- > 0;) {
        const uint64_t of = r.of[i];
        if (!of || of & (of - 1) || hist_get(s->hist, r.unknown[lowest(of)]))
            continue;
        struct pkt *const q = recover(d, now, r.from[i], s, r.unknown[lowest(of)]);
        /* One of them has no more to say than this; or they lie, or there is no room. */
        drop(d, lowest(r.from[i]));
        return q;
    }
    return NULL;
}
