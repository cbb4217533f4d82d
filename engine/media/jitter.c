#include "engine/media/jitter.h"

#include <string.h>

/* A packet this far off its time begins a new time; a slide takes long. */
#define RESET (15 * USEC_SEC)
#define ANCHOR_S 60 /* ts0 follows, lest the timestamps go half round */
/* A queue comes and goes. How often something is lost, or the way stands still, is known after a
 * while only. */
#define MEMORY (3 * USEC_SEC)
#define MEMORY_SINGLE (10 * USEC_SEC)
/* A percent of a voice that is late, and concealed, for a quarter of a second of delay; a percent
 * of pictures that stand for less. No more than so many may come unevenly. */
#define VOICE_PERCENT (500 * USEC_MS)
#define PICTURE_PERCENT (150 * USEC_MS)
#define PICTURES_UNEVEN 0.05
/* Frames of a burst that count: one in a minute is not worth a delay, one in ten seconds is. */
#define BURST_VOICE 2     /* of 500 in ten seconds */
#define BURST_PICTURES 1  /* of 250 */
#define OUTAGE USEC_SEC   /* without any packet */
#define OUTAGE_GAP 32u    /* and then so many are missing: slides may be as quiet */
#define CATCH_UP USEC_SEC /* after a start: what was kept for a late comer comes in a rush */
#define DRIFT 0.0005      /* of two clocks, at most */
#define SHRINK_EVERY (100 * USEC_MS)
#define SHRINK_STEP (4 * USEC_MS)

void jitter_init(struct jitter *j, uint32_t rate, usec min, usec max)
{
    assert(rate > 0 && min >= 0 && min <= max);
    memset(j, 0, sizeof *j);
    j->rate = rate;
    j->min = j->own = j->delay = min;
    j->max = max;
}

static void empty(struct jitter *j)
{
    for (size_t i = 0; i < JITTER_RING; i++)
        pkt_unref(&j->ring[i]);
}

void jitter_fini(struct jitter *j)
{
    empty(j);
}

static struct pkt **slot(struct jitter *j, uint32_t seq)
{
    return &j->ring[seq % JITTER_RING];
}

static usec media_time(const struct jitter *j, uint32_t ts)
{
    return (usec)(int32_t)(ts - j->ts0) * USEC_SEC / (usec)j->rate;
}

usec jitter_due(const struct jitter *j, uint32_t ts)
{
    return j->at0 + media_time(j, ts) + (usec)j->base + j->delay;
}

static usec clamp(usec v, usec low, usec high)
{
    return usec_max(low, usec_min(v, high));
}

/* What it needs itself, or what the other half of a person needs. */
static void hold(struct jitter *j)
{
    j->delay = clamp(usec_max(j->own, j->floor), j->min, j->max);
}

static void forget(struct jitter *j)
{
    j->queued = j->single = (struct quantile){0};
    j->frame_slow = 0;
    j->frame_single = false;
}

static void begin(struct jitter *j, usec now, const struct pkt *p)
{
    empty(j);
    j->started = true;
    j->next_seq = j->highest = p->rtp.ext_seq;
    j->ts0 = p->rtp.ts;
    j->last_ts = p->rtp.ts;
    j->at0 = j->put_at = now;
    j->base = 0;
    forget(j);
    j->begun_at = j->settled_at = now;
    j->own = j->min;
    hold(j);
    j->shrink_at = now + SHRINK_EVERY;
    j->out = 0;
}

/* Whole seconds, so that nothing is rounded. */
static void move_anchor(struct jitter *j, uint32_t ts)
{
    const int32_t ahead = (int32_t)(ts - j->ts0) / (int32_t)j->rate;
    if (ahead < ANCHOR_S)
        return;
    j->ts0 += (uint32_t)ahead * j->rate;
    j->at0 += ahead * USEC_SEC;
}

static usec wanted(const struct jitter *j)
{
    const struct quantile_price price = {.percent = j->voice ? VOICE_PERCENT : PICTURE_PERCENT,
                                         .slack = j->slack,
                                         .most = j->voice ? 1 : PICTURES_UNEVEN};
    return clamp(quantile_cheapest(&j->queued, &j->single, &price), j->min, j->max);
}

/* Up at once, because packets are late already; down in steps too small to be seen. A voice is
 * played a little faster until it is there. */
static void set_delay(struct jitter *j, usec now)
{
    const usec want = wanted(j);
    if (want >= j->own || j->voice) {
        j->own = want;
        j->shrink_at = now + SHRINK_EVERY;
    } else if (now >= j->shrink_at) {
        j->own = usec_max(want, j->own - SHRINK_STEP);
        j->shrink_at = now + SHRINK_EVERY;
    }
    hold(j);
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* Quicker than all before: the others were that much slower than was thought, and what is due
 * already does not become due earlier. At the start the others had waited for us, which says
 * nothing of the way. */
static void lower_base(struct jitter *j, usec now, double off)
{
    const usec by = (usec)(j->base - off);
    j->base = off;
    if (now - j->begun_at < CATCH_UP) {
        forget(j);
        j->settled_at = now;
        j->own = wanted(j);
        hold(j);
        return;
    }
    quantile_shift(&j->queued, by);
    quantile_shift(&j->single, by);
    j->own = usec_min(j->own + by, j->max);
    j->floor += j->floor ? by : 0;
    hold(j);
}

/* Learns from one arrival. `off`: how long it took, on top of at0. */
static void learn(struct jitter *j, usec now, double off)
{
    const double gone = (double)clamp(now - j->put_at, 0, USEC_SEC);
    j->put_at = usec_max(j->put_at, now);
    if (off < j->base)
        lower_base(j, now, off);
    else
        j->base += smaller(off - j->base, gone * DRIFT);
    set_delay(j, now);
}

static usec slow_of(const struct jitter *j, uint32_t ts, usec came)
{
    return came - j->at0 - media_time(j, ts) - (usec)j->base;
}

/* What comes together after a gap tells of one burst, not of many late frames: the first count.
 * Repairs come together too, and each was lost by itself. */
static bool counts(const struct jitter *j)
{
    return j->burst < (j->voice ? BURST_VOICE : BURST_PICTURES);
}

static void note_burst(struct jitter *j, uint32_t ts, usec came)
{
    const usec apart = media_time(j, ts) - media_time(j, j->last_ts);
    const usec after = came - j->frame_came;
    j->burst = after >= 0 && after < apart / 4 ? j->burst + 1 : 0;
    j->frame_single = j->burst > 0 || after - apart > slow_of(j, ts, came) / 2;
    j->frame_came = came;
}

static void note_slow(struct jitter *j, usec now, usec by, bool single)
{
    quantile_add(&j->queued, now, single ? 0 : by, MEMORY);
    quantile_add(&j->single, now, single ? by : 0, MEMORY_SINGLE);
}

/* A frame is as slow as its last packet, and a repaired one is slow. */
static void learn_frame(struct jitter *j, usec now, uint32_t ts, const struct pkt *p, usec came)
{
    if (j->out && ts != j->last_ts) {
        if (counts(j))
            note_slow(j, now, j->frame_slow, j->frame_single);
        j->frame_slow = 0;
        note_burst(j, ts, came);
    }
    if (p->rtp.repaired)
        j->burst = 0;
    if (came < j->settled_at)
        return;
    j->frame_slow = usec_max(j->frame_slow, slow_of(j, ts, came));
    j->frame_single |= p->rtp.repaired;
}

/* False: it has its own idea of time, or of numbers; nothing that is held fits it. */
static bool fits(const struct jitter *j, usec now, const struct pkt *p)
{
    const double off = (double)(now - j->at0 - media_time(j, p->rtp.ts)) - j->base;
    const int64_t ahead = (int64_t)p->rtp.ext_seq - j->next_seq;
    return off < RESET && off > -RESET && ahead < JITTER_RING && ahead > -JITTER_RING;
}

static void keep(struct jitter *j, usec now, struct pkt *p)
{
    const uint32_t seq = p->rtp.ext_seq;
    struct pkt **const s = slot(j, seq);
    if (*s) {
        j->duplicates++; /* fits() has seen to it that it is the same number */
        pkt_unref(&p);
        return;
    }
    *s = p;
    j->came[seq % JITTER_RING] = now;
    if (seq > j->highest)
        j->highest = seq;
}

/* Nothing came for so long that nobody waits for what it was: it goes on with what comes now. */
static void pass_over(struct jitter *j, usec now, uint32_t seq)
{
    if (now - j->put_at < OUTAGE || j->next_seq <= j->highest || seq < j->next_seq + OUTAGE_GAP)
        return;
    j->missing += seq - j->next_seq;
    j->next_seq = seq;
}

void jitter_put(struct jitter *j, usec now, struct pkt *p)
{
    const uint32_t seq = p->rtp.ext_seq;
    if (!j->started || !fits(j, now, p))
        begin(j, now, p);
    pass_over(j, now, seq);
    learn(j, now, (double)(now - j->at0 - media_time(j, p->rtp.ts)));
    move_anchor(j, p->rtp.ts);

    /* Before the first has come out an earlier one may still be it. */
    if (seq < j->next_seq && j->out == 0 && j->highest - seq < JITTER_RING) {
        j->next_seq = seq;
        j->last_ts = p->rtp.ts;
    }
    if (seq < j->next_seq) {
        j->late++;
        const bool single = p->rtp.repaired || seq != j->late_seq + 1;
        note_slow(j, now, slow_of(j, p->rtp.ts, now), single);
        j->late_seq = seq;
        pkt_unref(&p);
        return;
    }
    keep(j, now, p);
}

/* The first packet that is there, from next_seq on; NULL: none. */
static const struct pkt *first_held(const struct jitter *j)
{
    for (uint32_t seq = j->next_seq; j->started && seq <= j->highest; seq++)
        if (j->ring[seq % JITTER_RING])
            return j->ring[seq % JITTER_RING];
    return NULL;
}

/* The timestamp of packet next_seq: its own, or evenly between its neighbours. */
static uint32_t next_ts(const struct jitter *j, const struct pkt *held)
{
    const uint32_t ahead = held->rtp.ext_seq - j->next_seq;
    if (ahead == 0 || j->out == 0)
        return held->rtp.ts;
    const int32_t ticks = (int32_t)(held->rtp.ts - j->last_ts);
    return j->last_ts + (uint32_t)(ticks / (int32_t)(ahead + 1));
}

/* When packet next_seq comes out, or is given up. */
static usec turn_of(const struct jitter *j, const struct pkt *held)
{
    const usec due = jitter_due(j, next_ts(j, held));
    return held->rtp.ext_seq == j->next_seq ? due : due + j->patience;
}

/* Packet next_seq comes out, or is given up. */
static enum jitter_out leave(struct jitter *j, usec now, uint32_t ts, struct pkt **p)
{
    struct pkt **const s = slot(j, j->next_seq);
    if (*s)
        learn_frame(j, now, ts, *s, j->came[j->next_seq % JITTER_RING]);
    j->next_seq++;
    j->last_ts = ts;
    if (!*s) {
        j->missing++;
        return JITTER_LOST;
    }
    *p = *s;
    *s = NULL;
    j->out++;
    return JITTER_PACKET;
}

enum jitter_out jitter_get(struct jitter *j, usec now, struct pkt **p)
{
    const struct pkt *const held = first_held(j);
    *p = NULL;
    if (!held || now < turn_of(j, held))
        return JITTER_WAIT;
    return leave(j, now, next_ts(j, held), p);
}

enum jitter_out jitter_take(struct jitter *j, usec now, struct pkt **p)
{
    const struct pkt *const held = first_held(j);
    *p = NULL;
    if (!held || (held->rtp.ext_seq != j->next_seq && now < turn_of(j, held)))
        return JITTER_WAIT;
    return leave(j, now, next_ts(j, held), p);
}

const struct pkt *jitter_peek(const struct jitter *j)
{
    const struct pkt *const p = j->ring[j->next_seq % JITTER_RING];
    return j->started && p && p->rtp.ext_seq == j->next_seq ? p : NULL;
}

usec jitter_next(const struct jitter *j)
{
    const struct pkt *const held = first_held(j);
    return held ? turn_of(j, held) : USEC_NEVER;
}

void jitter_floor(struct jitter *j, usec at_least)
{
    j->floor = usec_max(at_least, 0);
    hold(j);
}
