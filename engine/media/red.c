#include "engine/media/red.h"

#include "engine/wire/rtp.h"

#include <string.h>

#define LEAST 30      /* packets: one of fewer says nothing */
#define EVIDENCE 25.0 /* packets that count for the past; at first for a way without loss */
#define LOOK_EVERY (500 * USEC_MS)
#define NEEDED_FOR (10 * USEC_SEC)
#define PAYLOAD_MAX 1100u /* of all blocks: with its headers it fits any way */

/* Shares of loss from which one more rides along, and below which it need not. */
static const struct {
    double begin, end;
} needs[RED_RIDERS] = {{0.02, 0.01}, {0.08, 0.05}, {0.18, 0.12}};

static uint8_t needed(const struct red_rule *r)
{
    uint8_t n = 0;
    while (n < RED_RIDERS && r->loss > (n < r->riders ? needs[n].end : needs[n].begin))
        n++;
    return n;
}

void red_rule_report(struct red_rule *r, usec now, double reported, double lost)
{
    r->reported += reported;
    r->lost += lost;
    if (now - r->looked_at < LOOK_EVERY || r->reported < LEAST)
        return;
    r->loss += (r->lost - r->loss * r->reported) / (r->reported + r->known + EVIDENCE);
    r->known = r->known + r->reported < EVIDENCE ? r->known + r->reported : EVIDENCE;
    r->reported = r->lost = 0;
    r->looked_at = now;
    const uint8_t n = needed(r);
    if (n < r->riders && now - r->needed_at < NEEDED_FOR)
        return;
    r->riders = n;
    r->needed_at = now;
}

void red_rule_feedback(struct red_rule *r, usec now, const struct twcc_feedback *f)
{
    unsigned lost = 0;
    for (size_t i = 0; i < f->n; i++)
        lost += f->at[i] < 0;
    red_rule_report(r, now, (double)f->n, lost);
}

static bool may_ride(const struct pkt *q, const struct pkt *p, size_t room)
{
    const int32_t back = ts_diff(p->rtp.ts, q->rtp.ts);
    return back > 0 && back <= RED_BACK_MAX && q->rtp.payload_len > 0 &&
           q->rtp.payload_len <= size_min(room, RED_LEN_MAX);
}

void red_load(struct red *r, const struct hist *h, const struct pkt *p, uint8_t pt, uint32_t first,
              size_t riders)
{
    const struct pkt *all[RED_RIDERS + 1] = {p}; /* newest first */
    size_t n = 1;
    size_t bytes = p->rtp.payload_len;
    while (n <= riders && n <= RED_RIDERS && p->rtp.ext_seq - n >= first && bytes < PAYLOAD_MAX) {
        const struct pkt *const q = hist_get(h, p->rtp.ext_seq - (uint32_t)n);
        if (!q || !may_ride(q, p, PAYLOAD_MAX - bytes))
            break;
        bytes += q->rtp.payload_len;
        all[n++] = q;
    }
    r->n = n;
    for (size_t i = 0; i < n; i++) {
        const struct pkt *const q = all[n - 1 - i];
        r->block[i] = (struct red_block){.pt = pt,
                                         .back = (uint16_t)(p->rtp.ts - q->rtp.ts),
                                         .len = q->rtp.payload_len,
                                         .data = q->data + q->rtp.payload_off};
    }
}

bool red_undo(struct pkt *p, uint8_t pt, struct red *r)
{
    if (!red_read(r, p->data + p->rtp.payload_off, p->rtp.payload_len))
        return false;
    const struct red_block *const last = &r->block[r->n - 1];
    if (last->pt != pt)
        return false;
    p->rtp.pt = pt;
    p->rtp.payload_off = (uint16_t)(last->data - p->data);
    p->rtp.payload_len = last->len;
    return true;
}

struct pkt *red_recover(const struct pkt *p, const struct red *r, size_t i)
{
    static const struct rtp_extmap no_ids;
    static const struct rtp_ext_values no_values;
    const struct red_block *const b = &r->block[i];
    const struct rtp_head h = {
        .ssrc = p->rtp.ssrc, .ts = p->rtp.ts - b->back, .seq = red_seq(p, r, i), .pt = p->rtp.pt};
    struct pkt *q = b->pt == p->rtp.pt && b->back > 0 && b->len > 0 ? pkt_get(p->pool) : NULL;
    if (!q)
        return NULL;
    const size_t head = rtp_write(q->data, PKT_CAP, &h, &no_ids, &no_values);
    memcpy(q->data + head, b->data, b->len);
    q->len = (uint16_t)(head + b->len);
    q->at = p->at;
    q->from = p->from;
    if (!rtp_describe(q))
        pkt_unref(&q);
    else
        q->rtp.repaired = true;
    return q;
}
