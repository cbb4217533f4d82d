/* world.h - a whole lesson in one process on a virtual clock: a real hub, real peers, simulated
 * links. Everything that happens follows from the seed. */
#pragma once

#include "relay/media/hub.h"
#include "tests/link/path.h"
#include "tests/sim/bot.h"

#define WORLD_BOTS 400
#define WORLD_ROOM 7
#define WORLD_SLIDE 12

struct world_bot {
    struct bot *bot;
    struct path up, down;
    member_id id;
    bool away;     /* a member of the other hub */
    bool deaf;     /* takes handshakes and checks only; media for it is thrown away */
    uint8_t state; /* last enum member_state that the hub told */
    usec state_at;
    uint32_t first_us; /* NOTE_FIRST; 0 = not yet */
    uint64_t stats;    /* NOTE_STATS seen */
    struct member_stats last;
    usec next; /* bot_next after its last turn */
};

struct world {
    usec now;
    struct rng rng;
    struct dtls_cert *cert;
    struct hub *hub;  /* the home of the room */
    struct hub *away; /* another of the same process, joined by a link */
    bool elsewhere;   /* who joins next is a member there */
    bool away_hangs;  /* it takes no messages, and is not asked for any */
    uint64_t lent;    /* packets that crossed and have not come home */
    struct log log;
    struct pkt_pool *pool;
    uint64_t starved; /* datagrams for which the pool was empty */
    struct addr addr; /* of the hub */
    struct addr away_addr;
    struct nego_self self;
    struct wire *up, *down;
    struct outq out;
    struct world_bot bots[WORLD_BOTS];
    size_t n;                     /* places that are or were taken */
    member_id last_id;            /* that was given */
    uint8_t speaking;             /* last NOTE_SPEAK */
    uint64_t messages, datagrams; /* from the hubs; of more than 500 bytes */
    uint64_t taps;                /* TAP_RTP seen, all sent home at once */
    uint64_t tap_tracks;
    uint64_t tap_gaps;
    bool recorder_hangs; /* what it was lent does not come home, and it takes nothing more */
    uint64_t tracks_up;
};

void world_init(struct world *w, uint8_t seed);
/* With so many packets in the hubs' pool; of 20000 otherwise. */
void world_init_small(struct world *w, uint8_t seed, size_t packets);
void world_fini(struct world *w);

/* Adds a connection. site, lead: as in cmd_join; `want` as for nego_offer; `source` and `slot` by
 * line. Both directions use `link`. */
struct world_bot *world_join(struct world *w, const char *name, uint8_t site,
                             const struct nego *want, const uint8_t source[NEGO_MEDIA],
                             const struct slot slot[NEGO_MEDIA], const struct path_conf *link);
/* Control ends the connection; who joins next may get its place. */
void world_leave(struct world *w, struct world_bot *b);
void world_state(struct world *w, enum room_mode mode, uint8_t floor_site, bool record);
void world_command(struct world *w, const struct cmd *c);

/* Opens the room on the other hub too; `elsewhere` says who goes there. */
void world_spread(struct world *w);

/* Runs until the virtual time. */
void world_run(struct world *w, usec until);

/* Ready-made members. */
struct world_bot *world_lead(struct world *w,
                             const struct path_conf *l); /* camera, slides, voice */
/* The same with three layers, and a slide of WORLD_SLIDE packets every ten seconds. */
struct world_bot *world_lead_layers(struct world *w, const struct path_conf *l);
struct world_bot *world_lead_plays(struct world *w,
                                   const struct path_conf *l); /* wall/1…3, 1 + 3 voices */
struct world_bot *world_point(struct world *w, uint8_t site,
                              const struct path_conf *l); /* class, voice */
struct world_bot *world_plays(struct world *w, uint8_t site,
                              const struct path_conf *l); /* camera, slides, floor; lead, floor */

/* Tags in the payloads: which source a packet came from. */
enum { TAG_LEAD_VOICE = 1, TAG_CAMERA, TAG_SLIDES, TAG_CLASS = 10, TAG_POINT_VOICE = 30 };
enum { TAG_180 = 40, TAG_360, TAG_720 };       /* layers of a camera; 1, 2 and 6 packets a frame */
enum { LINE_VOICE, LINE_CAMERA, LINE_SLIDES }; /* lead */
enum { PLAY_VOICE, PLAY_FLOOR_VOICE, PLAY_CAMERA, PLAY_SLIDES, PLAY_FLOOR }; /* plays */
