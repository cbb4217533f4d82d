/* bwe.h - how much a way carries, as its sender learns it from transport-wide feedback: Google
 * Congestion Control (draft-ietf-rmcat-gcc-02) with four changes for village links. A standing
 * queue is emptied, not only kept from growing; loss while nothing waits is not taken for
 * congestion; after an outage the way is tried at once at the rate that it had. And a queue that
 * stays although less and less is sent is somebody else's: beside a download loss alone counts, or
 * it would take all. */
#pragma once

#include "engine/media/trend.h"
#include "engine/wire/twcc.h"

#define BWE_THIN 150000 /* bits per second, under which two packets are a long queue */
#define BWE_HISTORY 512 /* packets on their way that are remembered */

struct bwe_conf {
    uint64_t min_bps, start_bps, max_bps;
};

/* Packets to be sent now, at this rate, to see whether the way carries it. */
struct bwe_probe {
    uint64_t bps;
    size_t bytes;
    uint8_t cluster; /* for bwe_sent */
};

struct bwe_rec {
    uint32_t at;    /* µs, its low bits */
    uint16_t bytes; /* on the wire; 0: no packet, or one that was reported on */
    uint8_t cluster;
};

/* A group of packets that left together, for the trend. */
struct bwe_group {
    usec first_sent;
    usec sent, arrived; /* of its last packet */
    bool any;
};

/* Bytes that arrived in a span of time. */
struct bwe_span {
    usec sent, arrived;           /* of the first packet, which does not count */
    usec last_sent, last_arrived; /* of the newest */
    size_t bytes;
    unsigned packets;
};

struct bwe {
    struct bwe_conf conf;
    struct bwe_rec *sent; /* by number & (BWE_HISTORY - 1) */
    uint32_t next;        /* extended number after the newest */
    bool started;
    uint64_t bps;    /* the estimate */
    uint64_t wanted; /* more is of no use; 0 = not said */
    struct trend trend;
    struct bwe_group group, former; /* the one that is under way, and the one before it */
    usec heard;                     /* the last feedback; 0 = none yet */
    usec last_sent;                 /* the last packet */
    usec rtt;                       /* smoothed, with what the receiver held the report back */

    struct bwe_span span;
    struct bwe_span full; /* since a queue stands */
    uint64_t acked;       /* bits per second that arrived lately; 0 = not known */

    usec base[2]; /* quickest way of this and of the last quarter minute */
    usec base_at;
    usec queue; /* how much longer the quickest of the last report took */
    bool has_base;
    bool drains;       /* a queue is being emptied */
    usec drain_at;     /* since then */
    uint64_t full_bps; /* the estimate when a queue began that was not empty since; 0 = none */
    usec full_at;      /* and when that was */
    bool beside;       /* somebody else keeps it filled */
    usec beside_at;    /* since then, or since it was last looked at whether he still is */
    usec least, most;  /* queue since then */
    uint64_t carried;  /* what arrived when the way was full; 0 = not known */

    usec grow_at;        /* the estimate was last raised, or must not be before */
    usec cut_at;         /* it was last lowered */
    unsigned seen, lost; /* packets of the loss window */
    usec loss_at;
    float loss;     /* smoothed share that is lost */
    float own_loss; /* of it, what the way loses whatever we send */
    float luck;     /* by how much it may be off by chance, one deviation */

    uint8_t cluster;       /* the last that was given out */
    struct bwe_span probe; /* with those of its packets that were lost in between, */
    size_t probe_gap;      /* bytes of which since the last that came, */
    size_t probe_lost;     /* and in all */
    size_t probe_left;     /* bytes of it that were not reported on yet */
    uint64_t probe_bps;    /* of the cluster under way; 0 = none */
    usec probe_began;
    usec probe_at;   /* the next may begin */
    usec probe_wait; /* between probes that found nothing */
    uint8_t first_probes;

    uint64_t before; /* an outage: the estimate then; 0 = none */
    usec open_since; /* the last outage's end: what was sent before is lost for that */
    uint64_t remb;   /* what the receiver says is most; 0 = nothing */
    uint64_t lies;   /* reports on packets that were never sent, and impossible times */
};

/* Takes its history's memory. */
MUST_USE enum err bwe_init(struct bwe *b, const struct bwe_conf *c, usec now);
void bwe_fini(struct bwe *b);

/* Packets take another way from now on, of which nothing is known. What the other side still says
 * of those before counts as a lie and changes nothing. */
void bwe_restart(struct bwe *b, usec now);

/* A packet left under this transport-wide number, so many bytes of UDP payload; of a probe's
 * cluster, or 0. */
void bwe_sent(struct bwe *b, usec now, uint16_t number, size_t bytes, uint8_t cluster);
/* What the other side says. What it says of packets that were not sent is counted and ignored. */
void bwe_feedback(struct bwe *b, usec now, const struct twcc_feedback *f);

/* Of a peer without transport-wide feedback: loss in thousandths from its receiver reports, and the
 * rate that it thinks its way carries. With feedback the first is ignored, the second still bounds.
 */
void bwe_report(struct bwe *b, usec now, unsigned loss_ppt);
void bwe_remb(struct bwe *b, usec now, uint64_t bps);

/* All that could be sent at most: it bounds growth and probes. */
void bwe_wanted(struct bwe *b, uint64_t bps);

/* Bits per second on the wire, with IP and UDP. */
static inline uint64_t bwe_bps(const struct bwe *b)
{
    return b->remb && b->remb < b->bps ? b->remb : b->bps;
}
static inline unsigned bwe_loss_ppt(const struct bwe *b)
{
    return (unsigned)(b->loss * 1000);
}
/* Nothing is known yet but what it was started with. */
static inline bool bwe_begins(const struct bwe *b)
{
    return b->first_probes > 0;
}
/* How long a packet waits on the way, beyond the least. */
static inline usec bwe_queue(const struct bwe *b)
{
    return b->queue;
}

/* True: send this now. Asked for again only when it was answered, or is overdue. */
MUST_USE bool bwe_probe(struct bwe *b, usec now, struct bwe_probe *p);

/* Feedback that stays away. */
void bwe_tick(struct bwe *b, usec now);
usec bwe_next(const struct bwe *b);
