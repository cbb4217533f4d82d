/* member.h - one connection in a room: a publisher, a viewer, or both. */
#pragma once

#include "engine/base/heap.h"
#include "engine/media/arrival.h"
#include "engine/media/fec.h"
#include "engine/media/pacer.h"
#include "engine/media/red.h"
#include "engine/peer/peer.h"
#include "relay/media/hub.h"

struct budget;
struct room;
struct stream;
struct sub;
struct track;

/* How the other side names what it sends us. */
struct line_names {
    char mid[SDP_ID];
    char rid[NEGO_LAYERS][SDP_ID];
};

/* What packets need of a line as negotiated; the rest is control's. */
struct line {
    bool audio;
    bool nack;
    uint8_t pt;
    uint8_t rtx_pt; /* 0 = none */
    uint8_t red_pt; /* 0 = none */
    uint8_t vp9_pt; /* as in nego_media */
    uint8_t vp9_rtx_pt;
    uint8_t fec_pt;
    uint8_t layers;
    struct rtp_extmap ext;
    enum nego_codec codec;
    uint32_t ssrc[NEGO_LAYERS]; /* of either side's, as in nego_media */
    uint32_t rtx_ssrc[NEGO_LAYERS];
    uint32_t fec_ssrc;
    struct line_names *names; /* NULL: we do not receive it */
};

struct member {
    member_id id;
    struct hub *hub;
    struct room *room;
    struct member *next, *prev; /* of the room */
    uint8_t site;
    struct line *line; /* as negotiated; those that were refused are empty */
    size_t lines;
    char ufrag[HUB_UFRAG + 1]; /* ours; "" = longer than one may be */
    char cname[SDP_ID];        /* ours */
    struct peer *peer;
    struct addr addr;                /* under which the hub knows it; port 0 = none */
    uint8_t told;                    /* enum member_state that control knows */
    bool publishes;                  /* has at least one line that we receive */
    bool saw_key;                    /* NOTE_FIRST was said */
    usec since;                      /* when it was added */
    struct track *track[NEGO_MEDIA]; /* by line: what it publishes */
    struct sub *sub[NEGO_MEDIA];     /* by line: what it is shown */
    struct arrival *arrival;         /* NULL: no transport-wide numbers agreed */
    uint8_t twcc_id;                 /* their header extension */
    struct pacer pacer;
    struct budget *budget; /* NULL: it says nothing of its way, and gets everything */
    uint16_t twcc_seq;
    uint32_t ssrc;       /* ours, in reports */
    uint32_t media_ssrc; /* the last that was heard, for feedback about the whole */
    usec report_at;
    usec expire_at;
    struct heap_node due;
    struct member *next_dirty;
    bool dirty;
    bool gone;                 /* on its way out: nothing is sent any more */
    struct member_stats stats; /* of the second under way */
    struct peer_stat before;   /* at the beginning of this second */
    uint64_t sent_bytes;       /* media, this second */
    bool sr_due;               /* a line shows a new source */
    usec rtt;
    uint16_t repairs;    /* it may have so many before it gets more packets */
    usec key_asks_at;    /* since then it earns key frames that its losses may cost */
    uint64_t taken;      /* bytes of media from it, this second */
    struct red_rule red; /* how much of the voices rides along again */
    struct fec_rule fec; /* whether its pictures are repaired before it asks, */
    uint64_t fec_bps;    /* and what that takes */
    uint8_t red_most;    /* and how much its way has room for; RED_RIDERS at first */
};

#define MEMBER_REPAIRS 512 /* saved up at most; each packet sent earns one */

/* Takes over `join` and frees it, also when it fails. */
MUST_USE enum err member_new(struct member **m, struct room *room, member_id id,
                             struct cmd_join *join, usec now);
void member_free(struct member **m, usec now);

/* A packet from its peer; RTP is taken apart, counted, kept, recorded and forwarded. Borrowed. */
void member_input(struct member *m, usec now, struct pkt *p, struct outq *out);

/* Everything that is due: handshake, reports, repairs, key frames, presence. False: it is gone. */
bool member_tick(struct member *m, usec now, struct outq *out);
usec member_next(const struct member *m, usec now);

/* Our name in checks, anew after a restart. */
void member_ufrag(struct member *m, const struct ice_conf *ice);

void member_slots(struct member *m, const struct slot slots[NEGO_MEDIA], usec now);
void member_saw_key(struct member *m, usec now);

/* Tells the recorder what a stream of this member's is. */
void member_tap_open(struct member *m, struct stream *s, usec now);
