/* hub.h - all rooms of one worker, sans IO: bytes, addresses and the time go in; bytes and
 * addresses come out, and notes for control and packets for the recorder. */
#pragma once

#include "engine/base/heap.h"
#include "engine/base/log.h"
#include "engine/base/outq.h"
#include "engine/base/rng.h"
#include "engine/base/table.h"
#include "relay/media/cmd.h"
#include "relay/media/link.h"
#include "relay/media/tap.h"

struct dtls_cert;
struct member;
struct pkt_pool;
struct room;

#define HUB_NOTES 1024
#define HUB_TAPS 4096
#define HUB_HELLOS 512

struct hub_conf {
    const struct dtls_cert *cert; /* outlives the hub */
    uint8_t seed[32];
    size_t hubs; /* of this process, joined by links; 0 or 1: only this one */
    size_t self; /* which of them */
    size_t max_members;
    size_t max_lent;     /* packets that the recorder may hold; beyond that it misses some */
    uint64_t pace_bps;   /* what one viewer is sent at most, and at once */
    uint32_t pace_burst; /* bytes */
    uint64_t take_bps;   /* what one member may send; beyond that it loses packets */
};

struct hub_stat {
    uint64_t datagrams;   /* taken in */
    uint64_t unknown;     /* of nobody we know: dropped */
    uint64_t garbage;     /* not STUN, DTLS, RTP or RTCP */
    uint64_t hellos_lost; /* too many at once: they are sent again by who means it */
    uint64_t rtp_in, rtp_out;
    uint64_t no_stream;  /* RTP that belongs to no line */
    uint64_t duplicates; /* and unusable payloads */
    uint64_t pressed;    /* packets given up because the pool runs low */
    uint64_t pacer_full;
    uint64_t padding_out; /* packets of nothing else, that try a way */
    uint64_t repair[4];   /* packets asked for again, by enum forward_repair */
    uint64_t red_filled;  /* lost packets that came again in a later one (RFC 2198) */
    uint64_t red_bad;     /* such packets that are malformed */
    uint64_t red_out;     /* packets to viewers that carried earlier ones */
    uint64_t deps;        /* packets whose dependency descriptor tells their layers, */
    uint64_t deps_bad;    /* and those with one that could not be read */
    uint64_t fec_out;     /* repair packets to viewers (FlexFEC) */
    uint64_t fec_blocks;  /* blocks that these protect */
    uint64_t too_much;    /* bytes of members that sent more than one may */
    uint64_t pli_out;
    uint64_t taps_lost;
    uint64_t notes_lost;
    uint64_t links_full; /* messages about tracks that found no place; never seen */
};

struct hub_queue {
    struct member *first, **end;
};

struct hub {
    struct hub_conf conf;
    struct log *log;
    struct pkt_pool *pool; /* that packets come from; NULL before the first */
    struct rng rng;
    struct table rooms;   /* room_id */
    struct table members; /* member_id */
    struct table ufrags;  /* HUB_UFRAG bytes */
    struct table addrs;   /* struct addr */
    struct heap due;
    /* Members that have packets to leave. Who sits at a site comes before who only watches. */
    struct hub_queue sites, watchers;
    struct stream *first_burst, *last_burst; /* wait for the rest of a frame */
    struct stream *first_late, *last_late;   /* watchers wait for what sites have */
    struct pkt *hello[HUB_HELLOS];           /* handshakes that wait, oldest first */
    size_t hello_head, hello_n;
    uint32_t stream_ids;         /* the last that was given, to streams and tracks */
    struct link link[LINK_HUBS]; /* by their number */
    struct note notes[HUB_NOTES];
    size_t note_head, note_n;
    struct tap_msg taps[HUB_TAPS];
    size_t tap_head, tap_n;
    size_t lent;        /* packets out of the house, or queued to go */
    uint32_t taps_lost; /* since the last TAP_GAP */
    usec now;           /* of the call under way */
    struct hub_stat stat;
};

/* Our ufrags are at most so long: the first STUN finds its member by them. */
#define HUB_UFRAG 16

/* The log is the caller's thread's. */
MUST_USE enum err hub_new(struct hub **h, const struct hub_conf *c, struct log *log);
void hub_free(struct hub **h, usec now);

/* Takes over what the command owns. Impossible ones (no such room, full) are answered by a note
 * that the member is gone. */
void hub_command(struct hub *h, usec now, const struct cmd *c, struct outq *out);

/* Takes the caller's reference. True: it was for a member. */
bool hub_input(struct hub *h, usec now, struct pkt *p, struct outq *out);

/* Sends what was forwarded, does what is due, and takes one step of one handshake. Call it after a
 * batch of hub_input. When the send buffer is full it stops: empty it, look for new packets, and
 * call again (hub_next says now). A small send buffer makes small steps: what comes for those who
 * sit at a site waits for one step, not for all viewers. */
void hub_tick(struct hub *h, usec now, struct outq *out);
usec hub_next(const struct hub *h);

/* The next message, oldest first. False: none. A TAP_RTP carries a reference that must come home to
 * this thread by hub_home. */
MUST_USE bool hub_note(struct hub *h, struct note *n);
MUST_USE bool hub_tap(struct hub *h, struct tap_msg *t);
void hub_home(struct hub *h, struct pkt *p);

/* For the files of this folder. */
struct room *hub_room(struct hub *h, room_id id);    /* made if need be; NULL: no memory */
void hub_room_unused(struct hub *h, struct room *r); /* frees it unless control has it open */
void hub_dirty(struct hub *h, struct member *m);
void hub_due(struct hub *h, struct member *m, usec now); /* its deadlines changed */
void hub_say(struct hub *h, const struct note *n);
bool hub_lend(struct hub *h, const struct tap_msg *t); /* takes t->pkt's reference; false: lost */
