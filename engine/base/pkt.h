/* pkt.h - a received datagram, counted, shared by all its readers and never written once opened. */
#pragma once

#include "engine/base/addr.h"

#define PKT_CAP 1504 /* longest datagram that is taken in */

/* What the first reader found in an opened RTP packet, once for all viewers. Filled by
 * rtp_describe (wire/rtp.h) and by the track; meaningless before. Numbers are those of the
 * original stream: a packet that came as RTX carries its original sequence number here. */
struct pkt_rtp {
    uint32_t ssrc;
    uint32_t ts;      /* RTP timestamp */
    uint32_t ext_seq; /* sequence number with roll-overs counted (RFC 3550 A.1) */
    uint16_t seq;
    uint16_t
        ext_off; /* header extension block (RFC 8285) in data: 0 = none, else its 4-byte head */
    uint16_t payload_off;
    uint16_t payload_len; /* without padding */
    uint8_t pt;
    bool marker;
    bool start;      /* first packet of a frame */
    bool key;        /* part of a key frame */
    uint8_t tid;     /* temporal layer, 0 = base */
    uint8_t sid;     /* spatial layer within the stream */
    uint8_t pid_off; /* where in the payload the picture id stands; 0 = nowhere */
    uint8_t tl0_off; /* and TL0PICIDX */
    bool pid_long;   /* two bytes, the first bit is 1 */
    bool vp9;
    bool deps;         /* its dependency descriptor was read: of that are start, key, end, layers
                          and references */
    bool end;          /* last packet of a spatial layer */
    uint8_t refs;      /* pictures in `ref` */
    uint8_t ref[3];    /* see struct video_desc */
    uint8_t level_db;  /* audio level, 0 loudest … 127 silence (RFC 6464); 255 = not said */
    bool repaired;     /* arrived as RTX */
    int64_t lesson_us; /* lesson clock at arrival, set by the tap */
};

struct pkt_pool;

struct pkt {
    struct pkt_pool *pool;
    struct pkt *next;   /* of one of the pool's lists */
    struct pkt *origin; /* of an alias: whose bytes it shows; else NULL */
    uint8_t *data;      /* PKT_CAP bytes, its own or the origin's */
    uint32_t refs;
    uint16_t len;
    usec at; /* arrival */
    struct addr from;
    struct pkt_rtp rtp;
};

/* `count` packets, all memory taken here. NULL: no memory. */
struct pkt_pool *pkt_pool_new(size_t count);
/* Every packet must have come home. */
void pkt_pool_free(struct pkt_pool **pool);
size_t pkt_pool_in_use(const struct pkt_pool *pool);
size_t pkt_pool_size(const struct pkt_pool *pool);
size_t pkt_pool_left(const struct pkt_pool *pool); /* of its size */

/* A packet with one reference and len 0; NULL when the pool is empty (drop and count). Not of a
 * pool of aliases. */
struct pkt *pkt_get(struct pkt_pool *pool);

/* Counts are plain integers: one thread owns a pool. References that travel to another thread
 * through a mailbox are counted here before they leave and released here when they come home. */
static inline struct pkt *pkt_ref(struct pkt *p)
{
    p->refs++;
    return p;
}

/* Gives one reference back and clears the caller's pointer. NULL is fine. */
void pkt_unref(struct pkt **p);

/* Packets without bytes of their own: each shows a packet that another thread has lent, and is
 * counted here like any other, so that two threads share the bytes and no counter. */
struct pkt_pool *pkt_alias_pool_new(size_t count);

/* An alias with one reference, described as the origin is now; it takes over the lent reference.
 * NULL when the pool is empty: the reference is still the caller's. */
struct pkt *pkt_alias(struct pkt_pool *pool, struct pkt *origin);

/* The origin of an alias that was let go: send it home. NULL: none. */
struct pkt *pkt_pool_spent(struct pkt_pool *pool);
