/* recvtrack.c - a packet in, feedback and items out. */
#include "client/recvtrack.h"

#include "engine/media/red.h"
#include "engine/wire/rtp.h"

#include <stdlib.h>

#define REPORT_EVERY USEC_SEC
#define REPORT_FIRST (200 * USEC_MS)
#define KEY_EVERY (300 * USEC_MS)
#define REPAIR_DEADLINE (400 * USEC_MS)
#define PICTURE_PATIENCE (800 * USEC_MS) /* a key frame takes longer */
#define SLIDE_PATIENCE (4 * USEC_SEC)
#define PICTURE_SLACK (120 * USEC_MS) /* so much longer than its place a picture may stand */
#define NACKS 64
#define HIST 512 /* packets that a repair packet may be about */
#define HIST_TIME (2 * USEC_SEC)
#define FEC_HOLD (60 * USEC_MS) /* until the repair packets of a picture are there */
#define LEAST_SMOOTH 16         /* packets */
#define LEAST_JUMP 200000.0     /* us; another source, or its clock was set */

/* A voice goes on without what is late; a picture waits for it. A slide is shown as soon as it is
 * there, and waits longest: another one would take as long as it did. */
static void init_repairs(struct recvtrack *t)
{
    const usec patience = t->media->audio ? 0 : t->still ? SLIDE_PATIENCE : PICTURE_PATIENCE;
    jitter_init(&t->jitter, t->rate, RECVTRACK_DELAY_MIN,
                t->still ? RECVTRACK_DELAY_MIN : RECVTRACK_DELAY_MAX);
    t->jitter.patience = patience;
    t->jitter.voice = t->media->audio;
    t->jitter.slack = t->media->audio ? 0 : PICTURE_SLACK;
    nack_init(&t->nack, REPAIR_DEADLINE + patience);
}

void recvtrack_still(struct recvtrack *t)
{
    t->still = true;
    jitter_fini(&t->jitter);
    init_repairs(t);
}

enum err recvtrack_init(struct recvtrack *t, const struct nego_media *m)
{
    *t = (struct recvtrack){
        .media = m,
        .rate = m->audio ? 48000 : 90000,
        .rtt = 100 * USEC_MS,
        .report_at = USEC_NEVER,
        .key_asked = -KEY_EVERY,
    };
    init_repairs(t);
    clockmap_init(&t->clock, t->rate);
    if (m->fec_pt && hist_init(&t->hist, HIST))
        return E_NOMEM;
    if (m->audio)
        return OK;
    t->frame_buf = malloc(RECVTRACK_FRAME_MAX);
    if (!t->frame_buf)
        return E_NOMEM;
    vp8join_init(&t->join, t->frame_buf, RECVTRACK_FRAME_MAX);
    return OK;
}

void recvtrack_fini(struct recvtrack *t)
{
    pkt_unref(&t->held);
    jitter_fini(&t->jitter);
    fecdec_drop(&t->fec);
    hist_fini(&t->hist);
    free(t->frame_buf);
    t->frame_buf = NULL;
}

/* A stream begins, or another takes its place: whatever was known of the old one is void. */
static void begin(struct recvtrack *t, usec now, uint32_t ssrc)
{
    t->ssrc = ssrc;
    recvstat_init(&t->stat, ssrc, t->rate);
    jitter_fini(&t->jitter);
    fecdec_drop(&t->fec);
    hist_clear(&t->hist);
    init_repairs(t);
    nack_rtt(&t->nack, t->rtt);
    clockmap_init(&t->clock, t->rate);
    t->has_least = false;
    t->report_at = now + REPORT_FIRST;
    if (!t->media->audio) {
        vp8join_init(&t->join, t->frame_buf, RECVTRACK_FRAME_MAX);
        t->want_key = true;
    }
}

static int64_t capture_of(const struct recvtrack *t, const struct pkt *p)
{
    uint64_t ntp;
    const uint8_t id = t->media->ext.id[RTP_EXT_ABS_CAPTURE];
    if (id && rtp_abs_capture(p, id, &ntp))
        return unix_us_of_ntp(ntp);
    return clockmap_ntp(&t->clock, p->rtp.ts, &ntp) ? unix_us_of_ntp(ntp) : 0;
}

/* The timestamps' clock against the capture's. */
static void note_least(struct recvtrack *t, const struct pkt *p)
{
    const struct jitter *const j = &t->jitter;
    const int64_t capture = capture_of(t, p);
    if (!capture)
        return;
    const double least = (double)(jitter_due(j, p->rtp.ts) - j->delay - capture) - j->base;
    const double moved = least - t->least;
    const bool anew =
        !t->has_least || t->least_of != j->begun_at || moved > LEAST_JUMP || moved < -LEAST_JUMP;
    t->least = anew ? least : t->least + moved / LEAST_SMOOTH;
    t->least_of = j->begun_at;
    t->has_least = true;
}

bool recvtrack_least(const struct recvtrack *t, usec *least)
{
    *least = (usec)(t->least + t->jitter.base);
    return t->has_least;
}

static void take(struct recvtrack *t, usec now, struct pkt *p)
{
    t->nack.hold = fecdec_helps(&t->fec, now) ? FEC_HOLD : 0;
    if (t->hist.ring)
        hist_put(&t->hist, p);
    if (t->media->nack)
        nack_input(&t->nack, now, p->rtp.ext_seq, p->rtp.repaired);
    jitter_put(&t->jitter, now, pkt_ref(p));
    note_least(t, p);
}

/* What was lost and comes again in this packet goes before it. False: malformed. */
static bool undo_red(struct recvtrack *t, usec now, struct pkt *p)
{
    struct red r;
    uint32_t seq = 0;
    if (!red_undo(p, t->media->pt, &r))
        return false;
    for (size_t i = 0; i + 1 < r.n; i++) {
        struct pkt *q =
            recvstat_misses(&t->stat, red_seq(p, &r, i), &seq) ? red_recover(p, &r, i) : NULL;
        if (q && recvstat_input(&t->stat, now, &q->rtp, 0, &q->rtp.ext_seq)) {
            t->ridden++;
            take(t, now, q);
        }
        pkt_unref(&q);
    }
    return true;
}

/* What the repair packets give together with all that has come. */
static void recover(struct recvtrack *t, usec now)
{
    const struct nego_media *const m = t->media;
    const struct fec_stream s = {.hist = &t->hist,
                                 .ssrc = t->ssrc,
                                 .pt = m->pt,
                                 .vp9_pt = m->vp9_pt,
                                 .twcc_id = m->ext.id[RTP_EXT_TWCC]};
    for (struct pkt *q; (q = fecdec_next(&t->fec, now, &s)) != NULL; pkt_unref(&q)) {
        q->rtp.vp9 = m->codec == NEGO_VP9 || (m->vp9_pt && q->rtp.pt == m->vp9_pt);
        if (recvstat_input(&t->stat, now, &q->rtp, 0, &q->rtp.ext_seq))
            take(t, now, q);
        else
            hist_put(&t->hist, q);
    }
}

void recvtrack_fec(struct recvtrack *t, usec now, struct pkt *p)
{
    t->bytes += p->len;
    if (!t->stat.started || !t->hist.ring)
        return;
    fecdec_input(&t->fec, now, p, t->ssrc);
    recover(t, now);
}

static void take_repair(struct recvtrack *t, usec now, struct pkt *p)
{
    if (!t->stat.started || !rtp_undo_rtx(p, t->ssrc, t->media->pt))
        return;
    p->rtp.repaired = true;
    if (recvstat_input(&t->stat, now, &p->rtp, 0, &p->rtp.ext_seq)) /* else it probes the way */
        take(t, now, p);
}

void recvtrack_input(struct recvtrack *t, usec now, struct pkt *p, bool rtx)
{
    t->bytes += p->len;
    if (rtx) {
        take_repair(t, now, p);
        return;
    }
    if (p->rtp.ssrc != t->ssrc || !t->stat.started)
        begin(t, now, p->rtp.ssrc);
    if (t->media->red_pt && p->rtp.pt == t->media->red_pt && !undo_red(t, now, p))
        return;
    if (recvstat_input(&t->stat, now, &p->rtp, p->len, &p->rtp.ext_seq) && p->rtp.payload_len)
        take(t, now, p);
    if (t->fec.n)
        recover(t, now);
}

void recvtrack_sr(struct recvtrack *t, usec now, uint64_t ntp, uint32_t ts)
{
    recvstat_sr(&t->stat, now, ntp);
    clockmap_sr(&t->clock, ntp, ts);
}

static const uint8_t *payload_of(const struct pkt *p)
{
    return p->data + p->rtp.payload_off;
}

static void item_lost(const struct recvtrack *t, struct recvtrack_item *it)
{
    const struct pkt *const p = t->jitter.ring[t->jitter.next_seq % JITTER_RING];
    if (!p || p->rtp.ext_seq != t->jitter.next_seq)
        return;
    it->next = payload_of(p);
    it->next_len = p->rtp.payload_len;
}

static bool join_frame(struct recvtrack *t, const struct pkt *p, struct recvtrack_item *it)
{
    const struct vp8part part = {
        .payload = payload_of(p),
        .len = p->rtp.payload_len,
        .ext_seq = p->rtp.ext_seq,
        .ts = p->rtp.ts,
        .marker = p->rtp.marker,
        .vp9 = p->rtp.vp9,
    };
    return vp8join_put(&t->join, &part, &it->frame);
}

static void name_item(const struct recvtrack *t, const struct pkt *p, struct recvtrack_item *it)
{
    it->seq = p->rtp.ext_seq;
    it->ts = p->rtp.ts;
    it->wall_us = capture_of(t, p);
}

bool recvtrack_pull(struct recvtrack *t, usec now, struct recvtrack_item *it)
{
    for (;;) {
        struct pkt *p = NULL;
        *it = (struct recvtrack_item){0};
        const enum jitter_out what = jitter_get(&t->jitter, now, &p);
        if (what == JITTER_WAIT)
            return false;
        if (what == JITTER_LOST)
            continue;
        name_item(t, p, it);
        const bool whole = join_frame(t, p, it);
        pkt_unref(&p);
        if (whole)
            return true;
    }
}

bool recvtrack_take(struct recvtrack *t, usec now, struct recvtrack_item *it)
{
    pkt_unref(&t->held);
    *it = (struct recvtrack_item){0};
    const enum jitter_out what = jitter_take(&t->jitter, now, &t->held);
    if (what == JITTER_LOST)
        item_lost(t, it);
    if (what == JITTER_PACKET) {
        name_item(t, t->held, it);
        it->packet = payload_of(t->held);
        it->len = t->held->rtp.payload_len;
    }
    return what != JITTER_WAIT;
}

bool recvtrack_peek(const struct recvtrack *t, uint32_t *ts)
{
    const struct pkt *const p = jitter_peek(&t->jitter);
    if (p)
        *ts = p->rtp.ts;
    return p != NULL;
}

static void report(struct recvtrack *t, usec now, uint32_t self, struct writer *w)
{
    struct rtcp_report r;
    if (now < t->report_at)
        return;
    t->report_at = now + REPORT_EVERY;
    recvstat_report(&t->stat, now, &r);
    if (t->hist.ring)
        hist_expire(&t->hist, now - HIST_TIME, 0);
    rtcp_write_rr(w, self, &r, 1);
}

void recvtrack_feedback(struct recvtrack *t, usec now, uint32_t self, struct writer *w)
{
    if (!t->stat.started)
        return;
    report(t, now, self, w);
    uint16_t seqs[NACKS];
    const size_t n = t->media->nack ? nack_poll(&t->nack, now, seqs, NACKS) : 0;
    if (n)
        rtcp_write_nack(w, self, t->ssrc, seqs, n);
    if (t->nack.overflow && !t->media->audio)
        t->want_key = true;
    t->nack.overflow = false;
    if (t->want_key && now - t->key_asked >= KEY_EVERY) {
        rtcp_write_pli(w, self, t->ssrc);
        t->key_asked = now;
        t->keys_asked++;
    }
}

usec recvtrack_next(const struct recvtrack *t)
{
    if (!t->stat.started)
        return USEC_NEVER;
    usec next = t->report_at; /* a voice is taken, at the loudspeaker's pace */
    if (!t->media->audio)
        next = usec_min(next, jitter_next(&t->jitter));
    if (t->media->nack)
        next = usec_min(next, nack_next(&t->nack));
    return t->want_key ? usec_min(next, t->key_asked + KEY_EVERY) : next;
}

double recvtrack_loss(const struct recvtrack *t)
{
    if (!t->stat.started)
        return 0;
    const double expected = (double)(t->stat.highest - t->stat.base) + 1;
    return (double)t->stat.received >= expected ? 0 : 1 - (double)t->stat.received / expected;
}
