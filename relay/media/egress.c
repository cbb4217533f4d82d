#include "relay/media/egress.h"

#include "relay/media/budget.h"
#include "relay/media/forward.h"
#include "relay/media/hub.h"

#define EGRESS_MAX 1500 /* bytes of one sealed datagram */
#define PAD_MOST 24     /* bytes of padding, where that makes one message of two */
#define PAD_LOOK 8      /* packets */
#define RTP_PADDING 0x20

/* abs-capture-time goes from the sender to every viewer as it is: the delay from lens to screen can
 * be measured at the far end. */
static void copy_capture(const struct pkt *p, const struct sub *s, struct rtp_ext_values *v)
{
    const uint8_t id = s->track ? s->track->capture_id : 0;
    size_t len = 0;
    const uint8_t *const bytes = id && p ? rtp_ext_find(p, id, &len) : NULL;
    if (bytes && (len == 8 || len == 16)) {
        v->abs_capture = bytes;
        v->abs_capture_len = (uint8_t)len;
    }
}

static uint8_t type_of(const struct line *l, const struct send_rec *r)
{
    if (r->fec)
        return l->fec_pt;
    if (r->pkt->rtp.vp9 && l->vp9_pt)
        return r->rtx ? l->vp9_rtx_pt : l->vp9_pt;
    return r->rtx ? l->rtx_pt : l->pt;
}

static size_t write_head(struct member *m, const struct send_rec *r, uint8_t *out)
{
    const struct sub *const s = m->sub[r->sub];
    const struct line *const line = &m->line[r->sub];
    const struct rtp_head head = {
        .ssrc = r->fec   ? line->fec_ssrc
                : r->rtx ? line->rtx_ssrc[0]
                         : line->ssrc[0],
        .ts = r->map.ts,
        .seq = r->rtx ? r->rtx_seq : r->map.seq,
        .pt = type_of(line, r),
        .marker = r->marker,
    };
    struct rtp_ext_values v = {0};
    copy_capture(r->joined ? bundle_first(s, r->pkt, r->joined + 1u) : r->pkt, s, &v);
    if (line->ext.id[RTP_EXT_TWCC]) {
        v.has_twcc = true;
        v.twcc = m->twcc_seq++;
    }
    if (r->audio && r->pkt->rtp.level_db <= 127) {
        v.has_level = true;
        v.level = r->pkt->rtp.level_db;
    }
    return rtp_write(out, EGRESS_MAX, &head, &line->ext, &v);
}

static bool is_padding(const struct send_rec *r)
{
    return r->rtx && r->pkt->rtp.payload_len == 0;
}

/* What differs in the payload for this viewer: the number of a repaired packet, and the
 * descriptor of a picture. Returns its length; *skip = bytes of the shared payload that it stands
 * for. */
static size_t write_patch(const struct send_rec *r, uint8_t *out, size_t *skip)
{
    const uint8_t *const payload = r->pkt->data + r->pkt->rtp.payload_off;
    size_t n = 0;
    *skip = 0;
    if (is_padding(r) || r->fec)
        return 0;
    if (r->rtx) { /* RFC 4588 4: original sequence number */
        put_be16(out, r->map.seq);
        n = 2;
    }
    if (!r->audio)
        *skip = video_patch(&r->pkt->rtp, payload, r->map.picture_id, r->map.tl0picidx, out + n);
    return n + *skip;
}

/* Packets of a voice that leave as one: all but the last is copied, it is small. */
static size_t write_joined(const struct member *m, const struct send_rec *r, uint8_t *out,
                           size_t cap, size_t *skip)
{
    *skip = 1;
    return bundle_write(m->sub[r->sub], r->pkt, r->joined + 1u, out, cap);
}

/* Is the record that leaves next of the same picture? */
static const struct send_rec *same_frame(const struct member *m, const struct send_rec *r,
                                         uint32_t i)
{
    const struct send_rec *const next =
        r->audio || r->rtx || r->marker ? NULL : pacer_peek(&m->pacer, r->cls, i);
    return next && next->sub == r->sub && next->map.ts == r->map.ts ? next : NULL;
}

/* A sender that cuts a frame into parts which differ by a few bytes: the message is as wide as the
 * widest of the next few, if that is not much more than this one. */
static uint8_t pad_for_next(const struct member *m, const struct send_rec *r)
{
    size_t most = r->pkt->rtp.payload_len;
    const struct send_rec *next = NULL;
    for (uint32_t i = 0; i < PAD_LOOK && (next = same_frame(m, r, i)) != NULL; i++) {
        const size_t len = next->pkt->rtp.payload_len;
        if (len > most && len <= r->pkt->rtp.payload_len + (size_t)PAD_MOST)
            most = len;
        if (next->marker)
            break;
    }
    return (uint8_t)(most - r->pkt->rtp.payload_len);
}

/* In a message that is `seg` wide a shorter packet must be the last, unless it is filled up. */
static uint8_t pad_to(const struct member *m, const struct send_rec *r, size_t len, size_t seg)
{
    return len < seg && seg - len <= PAD_MOST && same_frame(m, r, 0) ? (uint8_t)(seg - len) : 0;
}

/* What went out directly before rides along, read where it lies (RFC 2198). Not what went out under
 * other offsets: its numbers would be wrong. */
static void load_riders(const struct member *m, const struct send_rec *r, struct red *red)
{
    const struct sub *const s = m->sub[r->sub];
    const struct hist *const h = s->current ? &s->current->hist : NULL;
    if (h && hist_get(h, r->pkt->rtp.ext_seq) == r->pkt)
        red_load(red, h, r->pkt, m->line[r->sub].pt, s->map.cut.from,
                 size_min(m->red.riders, m->red_most));
}

static size_t seal_rec(struct member *m, struct seal *seal, usec now, const struct send_rec *r,
                       uint8_t *out, size_t seg)
{
    size_t skip = 0;
    struct red red;
    struct seal_parts p = {.head = write_head(m, r, out)};
    p.patched = r->joined ? write_joined(m, r, out + p.head, EGRESS_MAX - p.head, &skip)
                          : write_patch(r, out + p.head, &skip);
    if (r->joined && !p.patched)
        return 0;
    if (r->joined)
        pacer_spend(&m->pacer, p.patched);
    p.rest = r->pkt->data + r->pkt->rtp.payload_off + skip;
    p.rest_len = r->pkt->rtp.payload_len - skip;
    red.n = 1;
    if (m->red.riders && r->audio && !r->rtx && !r->joined && m->line[r->sub].red_pt)
        load_riders(m, r, &red);
    if (red.n > 1) {
        const size_t alone = seal_rtp_len(seal, &p);
        seal_red(&p, out, EGRESS_MAX, m->line[r->sub].red_pt, &red);
        pacer_spend(&m->pacer, seal_rtp_len(seal, &p) - alone);
        m->hub->stat.red_out++;
    }
    const size_t len = seal_rtp_len(seal, &p);
    if (is_padding(r))
        p.pad = FORWARD_PAD;
    else
        p.pad = len <= seg ? pad_to(m, r, len, seg) : pad_for_next(m, r);
    if (p.pad)
        out[0] |= RTP_PADDING;
    if (m->sub[r->sub]->protect && !r->rtx)
        protect_sent(m->sub[r->sub], now, r,
                     &(struct fec_packet){out, p.head + p.patched, p.rest, p.rest_len, p.pad});
    return seal_rtp(seal, out, EGRESS_MAX, &p);
}

/* Joins the message before if it goes to the same viewer and is not shorter; else a new one. */
static size_t put(struct member *m, struct seal *seal, usec now, const struct send_rec *r,
                  struct outq *out)
{
    const struct addr *const to = peer_addr(m->peer);
    uint8_t *const more = outq_reserve_more(out, to, EGRESS_MAX);
    uint8_t *const p = more ? more : outq_reserve(out, to, EGRESS_MAX);
    if (!p)
        return 0;
    const size_t seg = more ? out->msgs[out->n - 1].seg : 0;
    const size_t len = seal_rec(m, seal, now, r, p, seg);
    if (!len)
        return 0;
    if (more && len <= seg) {
        outq_commit_more(out, len);
        return len;
    }
    if (more && !outq_reserve(out, to, EGRESS_MAX)) /* the same bytes, as a message of their own */
        return 0;
    outq_commit(out, len);
    return len;
}

static void count(struct member *m, const struct send_rec *r, usec now, size_t len)
{
    struct sub *const s = m->sub[r->sub];
    m->hub->stat.rtp_out++;
    m->sent_bytes += len;
    if (m->budget && m->line[r->sub].ext.id[RTP_EXT_TWCC])
        budget_sent(m, now, (uint16_t)(m->twcc_seq - 1), len);
    if (r->rtx) {
        m->stats.rtx_out += !r->fec;
        m->hub->stat.fec_out += r->fec;
        return;
    }
    if (m->repairs < MEMBER_REPAIRS)
        m->repairs++;
    if (s->packets++ == 0 || seq_newer(r->map.seq, s->left.seq)) /* not one that came late */
        s->left = r->map;
    s->sent_at = now;
    if (s->key_on_way && r->map.seq == s->key_seq)
        s->key_at = now;
    s->octets += (uint32_t)len;
    m->sr_due |= s->sr_due;
}

bool egress_flush(struct member *m, usec now, struct outq *out)
{
    struct seal *const seal = peer_seal(m->peer);
    if (!seal)
        return true; /* not yet open: what is queued waits, or is dropped by the pacer */
    struct send_rec r;
    while (outq_has_room(out, EGRESS_MAX)) {
        if (!pacer_pop(&m->pacer, now, &r))
            return true;
        const size_t len = m->sub[r.sub] ? put(m, seal, now, &r, out) : 0;
        if (len)
            count(m, &r, now, len);
        pkt_unref(&r.pkt);
    }
    return pacer_next(&m->pacer, now) == USEC_NEVER;
}
