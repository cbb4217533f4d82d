#include "engine/media/bwe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_EXTRA 28            /* IP and UDP */
#define GROUP_TIME (5 * USEC_MS) /* packets that leave so close belong together */
#define GAP_MOST (5 * USEC_SEC)  /* no way holds a packet back for longer: a clock was set */
#define SPAN_LEAST (200 * USEC_MS)
#define FULL_PACKETS 4 /* of which the way's own rate can be told */
#define SPAN_MOST (2 * USEC_SEC)
#define BASE_EVERY (15 * USEC_SEC)
#define GROW_STEP (200 * USEC_MS)
#define GROWTH 0.08      /* of itself in a second, while far from what it carried */
#define GROWTH_NEAR 0.02 /* and near it */
#define OVER_FACTOR 1.25 /* never more than so often what arrives */
#define OVER_BASE 10000  /* and this */
/* Delays that count as a queue, on top of what one packet ahead takes on a thin way. */
#define QUEUE_FULL (120 * USEC_MS) /* it is emptied */
#define QUEUE_SOME (15 * USEC_MS)  /* less is the end of a burst of ours */
#define QUEUE_EMPTY (30 * USEC_MS)
#define DRAIN_TIME (3 * USEC_SEC)   /* what does not empty by then is not ours */
#define BESIDE_TIME (30 * USEC_SEC) /* then it is seen anew whether somebody else is there */
#define BESIDE_SWING (50 * USEC_MS)
#define LOSS_WINDOW (500 * USEC_MS)
#define LOSS_PACKETS 16
#define LOSS_MUCH 0.08F
#define LOSS_LITTLE 0.02F
#define PROBE_TIME (40 * USEC_MS)
#define PROBE_PACKET 1200
#define PROBE_LOSES 3 /* more than one part in so many lost is the way's limit */
#define PROBE_SOON (200 * USEC_MS)
#define PROBE_WAIT (4 * USEC_SEC)
#define PROBE_WAIT_MOST (8 * USEC_SEC)
#define PROBE_WAIT_THIN (12 * USEC_SEC) /* where two packets are a third of a second of queue */
#define PROBE_OVERDUE (2 * USEC_SEC)
#define OUTAGE_LEAST (600 * USEC_MS)
#define RTT_FIRST (200 * USEC_MS)

static void begin(struct bwe *b, const struct bwe_conf *c, struct bwe_rec *sent, usec now)
{
    *b = (struct bwe){.conf = *c,
                      .sent = sent,
                      .bps = c->start_bps,
                      .rtt = RTT_FIRST,
                      .probe_wait = PROBE_WAIT,
                      .first_probes = 2,
                      .grow_at = now};
    trend_reset(&b->trend);
}

enum err bwe_init(struct bwe *b, const struct bwe_conf *c, usec now)
{
    begin(b, c, calloc(BWE_HISTORY, sizeof(struct bwe_rec)), now);
    return b->sent ? OK : E_NOMEM;
}

void bwe_restart(struct bwe *b, usec now)
{
    const struct bwe old = *b;
    begin(b, &old.conf, old.sent, now);
    memset(b->sent, 0, BWE_HISTORY * sizeof(struct bwe_rec));
    b->next = old.next;
    b->started = old.started;
    b->wanted = old.wanted;
    b->cluster = old.cluster;
    b->lies = old.lies;
}

void bwe_fini(struct bwe *b)
{
    free(b->sent);
    b->sent = NULL;
}

static uint64_t bounded(const struct bwe *b, uint64_t bps)
{
    const uint64_t most = bps < b->conf.max_bps ? bps : b->conf.max_bps;
    return most > b->conf.min_bps ? most : b->conf.min_bps;
}

void bwe_sent(struct bwe *b, usec now, uint16_t number, size_t bytes, uint8_t cluster)
{
    if (!b->started)
        b->next = number;
    b->started = true;
    const uint32_t ext = b->next + (uint16_t)(number - (uint16_t)b->next);
    for (uint32_t i = 0; b->next != ext && i < BWE_HISTORY; i++) /* numbers that were not used */
        b->sent[b->next++ & (BWE_HISTORY - 1)].bytes = 0;
    b->sent[ext & (BWE_HISTORY - 1)] =
        (struct bwe_rec){.at = (uint32_t)now,
                         .bytes = (uint16_t)size_min(bytes + WIRE_EXTRA, UINT16_MAX),
                         .cluster = cluster};
    b->next = ext + 1;
    b->last_sent = now;
}

/* The record of a number, if a packet left under it and was not reported on. */
static struct bwe_rec *record(struct bwe *b, uint16_t number)
{
    const uint16_t back = (uint16_t)((uint16_t)b->next - number);
    if (!b->started || back == 0 || back > BWE_HISTORY)
        return NULL;
    struct bwe_rec *const r = &b->sent[number & (BWE_HISTORY - 1)];
    return r->bytes ? r : NULL;
}

/* The whole time of which the record has the low bits; it is not long ago. */
static usec sent_at(const struct bwe_rec *r, usec now)
{
    return now - (usec)(uint32_t)((uint32_t)now - r->at);
}

/* Delay */

static void span_add(struct bwe_span *s, usec sent, usec arrived, size_t bytes)
{
    if (s->packets++ == 0) {
        s->sent = s->last_sent = sent;
        s->arrived = s->last_arrived = arrived;
        return;
    }
    s->bytes += bytes;
    s->last_sent = usec_max(s->last_sent, sent);
    s->last_arrived = usec_max(s->last_arrived, arrived);
}

/* What arrives cannot have come faster than it was sent, whatever the receiver says. */
static uint64_t span_bps(const struct bwe_span *s)
{
    const usec took = usec_max(s->last_sent - s->sent, s->last_arrived - s->arrived);
    return took > 0 ? (uint64_t)s->bytes * 8 * (uint64_t)USEC_SEC / (uint64_t)took : 0;
}

/* What one packet ahead takes: on a thin way not a queue yet. */
static usec packet_time(const struct bwe *b)
{
    return (usec)(PROBE_PACKET * 8u * (uint64_t)USEC_SEC / b->bps);
}

static void measure_acked(struct bwe *b, usec sent, usec arrived, size_t bytes)
{
    struct bwe_span *const s = &b->span;
    if (s->packets && arrived - s->last_arrived > SPAN_MOST)
        *s = (struct bwe_span){0};
    span_add(s, sent, arrived, bytes);
    if (s->last_arrived - s->arrived < SPAN_LEAST)
        return;
    const uint64_t bps = span_bps(s);
    const bool full = b->queue > QUEUE_FULL; /* then what arrives is what the way carries */
    b->acked = b->acked && !full ? (b->acked + bps) / 2 : bps;
    *s = (struct bwe_span){.sent = s->last_sent,
                           .arrived = s->last_arrived,
                           .last_sent = s->last_sent,
                           .last_arrived = s->last_arrived,
                           .packets = 1};
}

/* While packets wait for each other all the time, what arrives is what the way carries: the longer
 * it lasts, the better that is known. */
static void measure_full(struct bwe *b, usec sent, usec arrived, size_t bytes)
{
    struct bwe_span *const s = &b->full;
    if (b->queue <= QUEUE_SOME + packet_time(b) || s->last_arrived - s->arrived > SPAN_MOST)
        *s = (struct bwe_span){0};
    span_add(s, sent, arrived, bytes);
}

static uint64_t way_bps(const struct bwe *b)
{
    const struct bwe_span *const s = &b->full;
    if (s->packets > FULL_PACKETS && s->last_arrived - s->arrived >= SPAN_LEAST)
        return span_bps(s);
    return b->acked ? b->acked : b->bps;
}

/* What the trend says when a group has ended; otherwise as before. */
static void group_packet(struct bwe *b, usec sent, usec arrived, enum trend_state *state)
{
    struct bwe_group *const g = &b->group;
    if (g->any && sent - g->first_sent <= GROUP_TIME) {
        g->sent = usec_max(g->sent, sent);
        g->arrived = usec_max(g->arrived, arrived);
        return;
    }
    if (g->any && b->former.any)
        *state = trend_add(&b->trend, g->sent - b->former.sent, g->arrived - b->former.arrived);
    b->former = *g;
    *g = (struct bwe_group){.first_sent = sent, .sent = sent, .arrived = arrived, .any = true};
}

static void forget_delay(struct bwe *b)
{
    trend_reset(&b->trend);
    b->group.any = b->former.any = false;
    b->span = b->full = (struct bwe_span){0};
    b->has_base = false;
    b->queue = 0;
}

/* The clocks differ by an unknown constant, which the quickest packets of the last half minute have
 * with next to no queue on top. */
static void measure_queue(struct bwe *b, usec now, usec quickest)
{
    if (b->beside) /* the base is that of before */
        b->base_at = now;
    if (!b->has_base) {
        b->base[0] = b->base[1] = quickest;
        b->base_at = now;
        b->has_base = true;
    }
    if (now - b->base_at >= BASE_EVERY) {
        b->base[1] = b->base[0];
        b->base[0] = quickest;
        b->base_at = now;
    }
    b->base[0] = usec_min(b->base[0], quickest);
    b->queue = quickest - usec_min(b->base[0], b->base[1]);
}

/* Loss */

/* What is lost while nothing waits on the way is not lost for want of room: the way loses it
 * whatever is sent. It is followed; what comes on top at once is too much. */
static void close_loss_window(struct bwe *b, usec now)
{
    const float share = (float)b->lost / (float)b->seen;
    const bool first = b->loss_at == 0;
    b->loss = first ? share : b->loss + 0.5F * (share - b->loss);
    b->loss_at = now;
    const bool empty = b->queue < QUEUE_SOME + packet_time(b);
    if (empty && first)
        b->own_loss = share;
    else if (empty || b->loss < b->own_loss)
        b->own_loss += 0.25F * (b->loss - b->own_loss);
    /* Of few packets more or fewer are lost by chance; two windows and a half count. */
    b->luck = sqrtf(b->own_loss * (1 - b->own_loss) / (2.5F * (float)b->seen));
    b->seen = b->lost = 0;
}

/* What is lost beyond what the way loses whatever is sent. */
static float loss_more(const struct bwe *b)
{
    return b->loss - 1.25F * b->own_loss;
}

static void cut_for_loss(struct bwe *b, usec now)
{
    const float more = loss_more(b) - 2 * b->luck;
    if (more < LOSS_MUCH || now - b->cut_at < b->rtt + LOSS_WINDOW)
        return;
    b->bps = bounded(b, (uint64_t)((float)b->bps * (1 - 0.5F * more)));
    b->cut_at = now;
}

/* Rate */

static void grow(struct bwe *b, usec now)
{
    const usec step = usec_min(now - b->grow_at, USEC_SEC);
    if (step < GROW_STEP)
        return;
    b->grow_at = now;
    const double arrives = (double)b->acked / (1.0 - fmin((double)b->own_loss, 0.5));
    const uint64_t most = (uint64_t)(arrives * OVER_FACTOR) + OVER_BASE;
    if (b->bps >= most || (b->wanted && b->bps >= b->wanted))
        return;
    const bool near = b->carried && b->bps > b->carried * 9 / 10 && b->bps < b->carried * 11 / 10;
    const double factor = 1 + (near ? GROWTH_NEAR : GROWTH) * (double)step / (double)USEC_SEC;
    const uint64_t next = (uint64_t)((double)b->bps * factor) + 1000;
    b->bps = bounded(b, next < most ? next : most);
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* What stands in the queue must get out: the more there is, the further below what the way carries.
 */
static uint64_t below(const struct bwe *b)
{
    const usec one = packet_time(b);
    const uint64_t way = way_bps(b);
    if (b->queue < QUEUE_FULL) /* what arrives may be all that was sent, not the way's limit */
        return max_u64(way, b->bps) * 85 / 100;
    if (b->queue < QUEUE_FULL + one) /* and a large packet or two are not yet it */
        return max_u64(way * 80 / 100, b->bps * 75 / 100);
    if (b->queue < 2 * QUEUE_FULL + one)
        return way * 80 / 100;
    return way * (b->queue < 4 * QUEUE_FULL + one ? 65 : 40) / 100;
}

static void cut(struct bwe *b, usec now)
{
    if (now - b->cut_at < b->rtt && b->cut_at)
        return;
    const uint64_t to = below(b);
    if (!b->full_bps) {
        b->full_bps = b->bps;
        b->full_at = now;
    }
    b->carried = b->acked ? way_bps(b) : b->carried;
    if (to < b->bps)
        b->bps = bounded(b, to);
    if (!b->drains)
        b->drain_at = now;
    b->drains = b->queue >= QUEUE_FULL + packet_time(b);
    b->cut_at = now;
    b->grow_at = now + b->rtt;
    b->probe_at = usec_max(b->probe_at, now + b->probe_wait);
}

/* The queue is empty, or it is not ours to empty: another fills it, or the way became longer. */
static void end_drain(struct bwe *b, usec now)
{
    if (!b->drains)
        return;
    if (b->queue <= QUEUE_EMPTY + packet_time(b) / 2) {
        b->drains = false;
        b->bps = bounded(b, b->carried * 19 / 20);
    } else if (now - b->drain_at > DRAIN_TIME) {
        b->drains = false;
        forget_delay(b);
        b->bps = bounded(b, b->carried * 9 / 10);
    }
}

/* Half of what was sent is given up, what is sent gets through, and the queue stays: it is not
 * ours. To give way further would leave nothing for us beside one who fills any queue there is. */
static bool somebody_else(const struct bwe *b, usec now)
{
    return b->full_bps && b->bps <= b->full_bps / 2 && now - b->full_at >= DRAIN_TIME &&
           b->acked >= b->bps * 4 / 5;
}

static void begin_beside(struct bwe *b, usec now)
{
    b->beside = true;
    b->drains = false;
    b->beside_at = now;
    b->least = b->most = b->queue;
}

static void end_beside(struct bwe *b)
{
    b->beside = false;
    b->full_bps = 0;
}

/* Downloads let the queue rise and fall; what stays as it is, is a way that became longer. */
static void look_again(struct bwe *b, usec now)
{
    b->least = usec_min(b->least, b->queue);
    b->most = usec_max(b->most, b->queue);
    if (now - b->beside_at < BESIDE_TIME)
        return;
    if (b->most - b->least >= BESIDE_SWING) {
        begin_beside(b, now);
        return;
    }
    end_beside(b);
    forget_delay(b);
}

static void look_beside(struct bwe *b, usec now)
{
    if (b->queue <= QUEUE_EMPTY + packet_time(b) / 2)
        end_beside(b);
    else if (b->beside)
        look_again(b, now);
    else if (somebody_else(b, now))
        begin_beside(b, now);
}

/* The way is open again for what was sent from `sent` on. What was sent before is lost, and says
 * nothing of how much it carries. */
static void end_outage(struct bwe *b, usec now, usec sent)
{
    if (!b->before)
        return;
    b->open_since = sent;
    b->seen = b->lost = 0;
    b->bps = bounded(b, b->before / 2 > b->bps ? b->before / 2 : b->bps);
    b->before = 0;
    b->probe_at = now;
    forget_delay(b);
}

/* Probes */

static void next_probe(struct bwe *b, usec now, bool found)
{
    b->probe_bps = 0;
    if (found) {
        b->probe_wait = PROBE_WAIT;
        b->probe_at = now + PROBE_SOON;
        return;
    }
    b->probe_at = now + b->probe_wait;
    b->probe_wait =
        usec_min(b->probe_wait * 2, b->bps < BWE_THIN ? PROBE_WAIT_THIN : PROBE_WAIT_MOST);
}

/* A packet that the way loses whatever is sent leaves its place in time: between those around it
 * the way carried it too. Where much is lost it did not. */
static void probe_packet(struct bwe *b, usec sent, usec arrived, size_t bytes)
{
    if (b->probe.packets) {
        bytes += b->probe_gap;
        b->probe_lost += b->probe_gap;
    }
    span_add(&b->probe, sent, arrived, bytes);
    b->probe_gap = 0;
}

static void end_probe(struct bwe *b, usec now)
{
    if (b->probe_lost > b->probe.bytes / PROBE_LOSES)
        b->probe.bytes -= b->probe_lost;
    const uint64_t bps = span_bps(&b->probe);
    const uint64_t most = bps * 95 / 100 < b->probe_bps ? bps * 95 / 100 : b->probe_bps;
    const bool found = bps * 10 >= b->probe_bps * 9;
    if (most > b->bps && b->queue < QUEUE_FULL + packet_time(b))
        b->bps = bounded(b, most);
    next_probe(b, now, found);
}

bool bwe_probe(struct bwe *b, usec now, struct bwe_probe *p)
{
    if (b->probe_bps && now - b->probe_began > PROBE_OVERDUE) /* next to all of it was lost */
        next_probe(b, now, false);
    if (b->probe_bps || !b->acked || now < b->probe_at || b->drains ||
        b->queue > QUEUE_EMPTY + packet_time(b) / 2 || b->before ||
        (b->wanted && b->bps >= b->wanted) || b->bps >= b->conf.max_bps)
        return false;
    const uint64_t times = b->first_probes ? 3 : 2;
    if (b->first_probes)
        b->first_probes--;
    uint64_t bps = b->bps * times;
    bps = b->wanted && bps > b->wanted + b->wanted / 4 ? b->wanted + b->wanted / 4 : bps;
    bps = bounded(b, bps);
    const size_t bytes = (size_t)(bps / 8 * (uint64_t)PROBE_TIME / (uint64_t)USEC_SEC);
    const size_t least = (size_t)(b->bps < BWE_THIN ? 2 : 4) * PROBE_PACKET;
    b->probe_bps = bps;
    b->probe_began = now;
    b->probe = (struct bwe_span){0};
    b->probe_gap = b->probe_lost = 0;
    b->probe_left = bytes > least ? bytes : least;
    b->cluster = (uint8_t)(b->cluster == UINT8_MAX ? 1 : b->cluster + 1);
    *p = (struct bwe_probe){.bps = bps, .bytes = b->probe_left, .cluster = b->cluster};
    return true;
}

/* Feedback */

/* What one report adds up to. */
struct report {
    usec now;
    usec quickest; /* way of its packets, with the clocks' difference */
    bool any;
    usec oldest_sent, newest_sent; /* of those that came */
    enum trend_state state;
    bool probed;
};

static bool is_of_probe(const struct bwe *b, const struct bwe_rec *rec)
{
    return rec->cluster && rec->cluster == b->cluster && b->probe_bps;
}

/* The last packet of a probe, or one that left after it: not before that is known what the way made
 * of it. */
static bool ends_probe(struct bwe *b, const struct bwe_rec *rec)
{
    if (!is_of_probe(b, rec))
        return b->probe_bps && b->probe.packets > 0;
    b->probe_left -= size_min(b->probe_left, rec->bytes);
    return b->probe_left == 0;
}

static void take_arrival(struct bwe *b, struct report *r, const struct bwe_rec *rec, usec arrived)
{
    const usec sent = sent_at(rec, r->now);
    const usec way = arrived - sent;
    const bool leaps = b->group.any && (arrived - b->group.arrived > GAP_MOST ||
                                        b->group.arrived - arrived > GAP_MOST);
    if (leaps) {
        b->lies++;
        forget_delay(b);
    }
    r->quickest = r->any ? usec_min(r->quickest, way) : way;
    r->oldest_sent = r->any ? usec_min(r->oldest_sent, sent) : sent;
    r->newest_sent = r->any ? usec_max(r->newest_sent, sent) : sent;
    r->any = true;
    measure_acked(b, sent, arrived, rec->bytes);
    measure_full(b, sent, arrived, rec->bytes);
    group_packet(b, sent, arrived, &r->state);
    if (is_of_probe(b, rec))
        probe_packet(b, sent, arrived, rec->bytes);
}

static void take_report(struct bwe *b, struct report *r, const struct twcc_feedback *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct bwe_rec *const rec = record(b, (uint16_t)(f->base + i));
        if (!rec) {
            b->lies += f->at[i] >= 0;
            continue;
        }
        const bool lost = f->at[i] < 0;
        const bool counts = !lost || sent_at(rec, r->now) >= b->open_since;
        b->seen += counts;
        b->lost += lost && counts;
        if (!lost)
            take_arrival(b, r, rec, f->at[i]);
        else if (is_of_probe(b, rec))
            b->probe_gap += rec->bytes;
        r->probed |= ends_probe(b, rec);
        rec->bytes = 0;
    }
}

static void decide(struct bwe *b, const struct report *r)
{
    if (b->seen >= LOSS_PACKETS && r->now - b->loss_at >= LOSS_WINDOW) {
        close_loss_window(b, r->now);
        cut_for_loss(b, r->now);
    }
    if (!r->any)
        return;
    measure_queue(b, r->now, r->quickest);
    b->rtt += (r->now - r->newest_sent - b->rtt) / 8;
    end_drain(b, r->now);
    look_beside(b, r->now);
    const usec one = packet_time(b);
    const bool over =
        (r->state == TREND_OVER && b->queue >= QUEUE_SOME + one) || b->queue >= QUEUE_FULL + one;
    if (over && !b->beside)
        cut(b, r->now);
    else if (r->state == TREND_NORMAL && !b->drains && !b->beside &&
             loss_more(b) - b->luck < LOSS_LITTLE)
        grow(b, r->now);
    if (r->probed && b->probe.packets > 1)
        end_probe(b, r->now);
}

void bwe_feedback(struct bwe *b, usec now, const struct twcc_feedback *f)
{
    struct report r = {.now = now, .state = (enum trend_state)b->trend.state};
    take_report(b, &r, f);
    if (r.any) {
        end_outage(b, now, r.oldest_sent);
        b->heard = now;
    }
    decide(b, &r);
}

void bwe_report(struct bwe *b, usec now, unsigned loss_ppt)
{
    if (b->heard)
        return;
    if (loss_ppt > 100 && now - b->cut_at > USEC_SEC) {
        b->bps = bounded(b, b->bps * (2000 - loss_ppt) / 2000);
        b->cut_at = now;
    } else if (loss_ppt < 20 && now - b->grow_at > USEC_SEC / 2 &&
               !(b->wanted && b->bps >= b->wanted)) {
        b->bps = bounded(b, b->bps * 3 / 2);
        b->grow_at = now;
    }
}

void bwe_remb(struct bwe *b, usec now, uint64_t bps)
{
    (void)now;
    b->remb = bounded(b, bps);
}

void bwe_wanted(struct bwe *b, uint64_t bps)
{
    b->wanted = bps;
}

static usec outage_at(const struct bwe *b)
{
    if (!b->heard || b->last_sent <= b->heard)
        return USEC_NEVER; /* nothing is on its way that could be answered */
    return usec_max(b->heard, b->cut_at) + usec_max(3 * b->rtt, OUTAGE_LEAST);
}

void bwe_tick(struct bwe *b, usec now)
{
    if (now < outage_at(b))
        return;
    if (!b->before)
        b->before = b->bps;
    b->bps = bounded(b, b->bps / 2);
    b->cut_at = now;
}

usec bwe_next(const struct bwe *b)
{
    return b->bps > b->conf.min_bps ? outage_at(b) : USEC_NEVER;
}
