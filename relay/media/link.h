/* link.h - a room on several hubs of one process: the home hub has its publishers, others only
 * viewers. A link takes every packet of the room once to such a hub, by reference; there it is
 * shown by an alias (base/pkt.h), and a mirror of each track fans it out. Requests for key frames
 * go the other way, and so do the packets when the last viewer has them.
 *
 * Nothing is copied and nothing is waited for. A hub that takes messages too slowly loses whole
 * frames: pictures of the lowest layers first, then of the others, voice last; what was lost is
 * counted, and the layer goes on at its next key frame. */
#pragma once

#include "engine/base/table.h"
#include "relay/media/cmd.h"

struct hub;
struct pkt;
struct pkt_pool;
struct room;
struct stream;
struct track;

#define LINK_HUBS 32     /* hubs of one process */
#define LINK_QUEUE 2048u /* messages to one hub that its mailbox has not taken; power of two */
#define LINK_ALIASES 16384u

enum link_kind {
    LINK_JOIN,  /* to the home: this hub has viewers of the room */
    LINK_LEAVE, /* to the home: no longer */
    LINK_TRACK, /* track: there is one; layer by layer follow its streams */
    LINK_LAYER, /* track, stream, layer */
    LINK_RTP,   /* stream, pkt */
    LINK_SR,    /* stream, sr */
    LINK_LIVE,  /* stream, live: told twice a second, so that silence is known too */
    LINK_END,   /* track */
    LINK_KEY,   /* to the home: stream: somebody lacks a key frame */
    LINK_LACK,  /* to the home: stream, lack: of a voice, see track_lack */
};

/* What a hub must know of another's track. */
struct link_track {
    uint32_t id; /* as in struct track, like the rest */
    uint8_t site;
    uint8_t source; /* enum source */
    uint8_t codec;  /* enum nego_codec */
    uint8_t capture_id;
};

struct link_msg {
    uint8_t kind; /* enum link_kind */
    room_id room;
    uint32_t stream;
    union {
        struct link_track track;
        struct {
            uint32_t track;
            uint32_t ssrc;
            uint8_t layer;
        } layer;
        struct pkt *pkt;
        struct {
            uint64_t ntp;
            usec at; /* when it came */
            uint32_t ts;
        } sr;
        bool live;
        double lack;
    };
};

/* The way to one other hub, and what came from it. */
struct link {
    struct link_msg *queue; /* of LINK_QUEUE */
    size_t head, n;
    struct pkt_pool *aliases;
    struct table streams;  /* mirrors, by their number at home */
    uint64_t frames_lost;  /* whole pictures that found no place */
    uint64_t packets_lost; /* all that did not */
};

MUST_USE enum err link_init(struct link *l, uint64_t seed);
void link_fini(struct link *l);

/* The next message for hub `to`, oldest first; it is the caller's. False: none. */
MUST_USE bool link_next(struct hub *h, size_t to, struct link_msg *m);
/* A message from hub `from`. False: the packet in it is not wanted, send it home. */
MUST_USE bool link_input(struct hub *h, usec now, size_t from, const struct link_msg *m);
/* A packet of hub `to` that no viewer needs any more: it goes home by a way that never is full, and
 * there to pkt_unref. NULL: none. */
struct pkt *link_spent(struct hub *h, size_t to);

/* Adds what the way to hub `to` has lost. */
void link_lost(const struct hub *h, size_t to, uint64_t *frames, uint64_t *packets);

/* For the files of this folder. On the home's side: what happens in a room is told to all its
 * links. */
void link_offer(struct room *r, const struct stream *s);
void link_rtp(struct room *r, struct stream *s, struct pkt *p);
void link_sr(struct room *r, const struct stream *s);
void link_live(struct room *r, const struct stream *s);
void link_end(struct room *r, const struct track *t);
/* On the other side. */
void link_join(struct room *r);
void link_leave(struct room *r, usec now);
void link_want_key(struct track *t, const struct stream *s);
/* What viewers here lack of a voice; once a second at most. */
void link_lack(struct track *t, usec now);
