/* sendtrack.h - one source on its way out: payloads to RTP packets, sealed; repairs, reports. */
#pragma once

#include "engine/base/outq.h"
#include "engine/media/bwe.h"
#include "engine/media/pacer.h"
#include "engine/media/red.h"
#include "engine/peer/nego.h"
#include "engine/peer/seal.h"
#include "engine/wire/rtcp.h"
#include "engine/wire/vp8.h"
#include "engine/wire/vp9.h"

#define SENDTRACK_PACKET 1200 /* longest RTP packet before sealing */
#define SENDTRACK_HIST 1024   /* packets kept for repairs, of each layer */

#define SENDTRACK_KEPT 512 /* packets of one frame, in all layers, that are kept for who asks */

/* What all tracks of a connection share when they send. */
struct sendlink {
    struct seal *seal; /* NULL: not open yet, nothing leaves */
    struct outq *out;
    struct pkt_pool *pool;
    struct pacer pacer; /* what waits to leave: voice at once, pictures as the way takes them */
    struct bwe bwe;
    size_t probe; /* bytes that the probe under way still wants */
    uint8_t cluster;
    struct red_rule red; /* how much of the voices rides along again */
    uint8_t red_most;    /* and how much the way has room for */
    uint16_t twcc;       /* next transport-wide number */
    uint64_t bytes;
    uint64_t dropped; /* packets for which the pool or the queue had no room */
    bool keep;        /* put a reference to each packet into kept[], which the owner empties */
    size_t n_kept;
    struct pkt *kept[SENDTRACK_KEPT];
};

/* When something was taken by camera or microphone. */
struct capture_time {
    usec at;         /* monotonic */
    int64_t wall_us; /* since 1970 */
};

struct sendlayer {
    uint32_t ssrc, rtx_ssrc;
    const char *rid;   /* NULL: one stream without */
    uint32_t next_seq; /* extended */
    uint16_t rtx_seq;
    struct hist hist;
    bool any;
    uint32_t last_ts;
    struct capture_time last;
    uint32_t packets, octets;
    double lack;       /* share that the other side and its viewers lack, by the last report */
    uint32_t lost;     /* in all, as last reported */
    uint32_t reported; /* highest number of the last report */
    uint64_t repaired;
};

struct sendtrack {
    const struct nego_media *media; /* the connection's, outlives the track */
    uint32_t rate;                  /* RTP clock */
    uint32_t ts_base;
    uint8_t line; /* its index */
    bool still;   /* slides and the like: they go before faces */
    size_t layers;
    struct sendlayer layer[NEGO_LAYERS];
    bool want_key; /* the receiver asked; the reader clears it */
    usec report_at;
};

MUST_USE enum err sendtrack_init(struct sendtrack *t, const struct nego_media *m, uint8_t line,
                                 struct rng *rng);
void sendtrack_fini(struct sendtrack *t);

/* One layer of one picture. */
struct sendtrack_frame {
    const uint8_t *data;
    size_t len;
    struct vp8_desc desc;
    const struct vp9_desc *vp9; /* NULL: it is VP8 */
    bool last;                  /* VP9: the highest layer of its picture */
    struct capture_time when;
};

/* One frame of a layer (index as in media->rid; of VP9 all go into 0, lowest first), cut into equal
 * packets. */
void sendtrack_picture(struct sendtrack *t, struct sendlink *l, usec now, size_t layer,
                       const struct sendtrack_frame *f);

/* One Opus packet; `ts` counts samples since the source began, `level` as in RFC 6464. */
struct sendtrack_sound {
    const uint8_t *data;
    size_t len;
    uint32_t ts;
    uint8_t level;
    bool marker; /* first after a pause */
    struct capture_time when;
};
void sendtrack_voice(struct sendtrack *t, struct sendlink *l, usec now,
                     const struct sendtrack_sound *s);

/* The layer that an SSRC of ours belongs to, or NULL. */
struct sendlayer *sendtrack_layer(struct sendtrack *t, uint32_t ssrc);

/* A packet that has its turn leaves. */
void sendtrack_transmit(struct sendtrack *t, struct sendlink *l, usec now,
                        const struct send_rec *r);
/* Sends again, as a probe, about so many bytes of what was sent last; returns how many. */
size_t sendtrack_probe(struct sendtrack *t, struct sendlink *l, size_t bytes);

/* Sends again what is still there of the named packets, as RTX if agreed, else as it was. Not what
 * was sent less than half of `rtt` ago, and not more than the way carries. */
void sendtrack_repair(struct sendtrack *t, struct sendlink *l, struct sendlayer *y, usec now,
                      usec rtt, const uint16_t *seqs, size_t n);

/* The other side's report on a layer: how many packets since its last one, and how many of them
 * were lost on the way; what hearers lack is noted in y->lack. */
uint32_t sendtrack_report(const struct sendtrack *t, struct sendlayer *y,
                          const struct rtcp_report *r, uint32_t *lost);

/* Appends sender reports of all layers that have sent; with the first packet at once, then every
 * 500 ms. */
void sendtrack_reports(struct sendtrack *t, usec now, int64_t wall_us, struct writer *w);
usec sendtrack_next(const struct sendtrack *t);
