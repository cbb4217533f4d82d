/* room.h - one lesson in the media plane: who is in it, what they send, who gets what. */
#pragma once

#include "relay/media/cmd.h"

struct hub;
struct member;
struct pkt;
struct stream;
struct track;

struct room {
    room_id id;
    struct hub *hub;
    struct member *members;
    size_t count;
    struct track *track[SITES_MAX][SRC_COUNT]; /* the newest of each source */
    struct cmd_state state;
    uint8_t home;          /* the hub that has its publishers; ours: this one */
    bool opened;           /* control said so, and has not closed it */
    uint32_t links;        /* at home: hubs that have viewers of it too, one bit each */
    struct track *mirrors; /* elsewhere: what comes from home */
    uint8_t loudest;       /* point that is heard when nobody has the floor; SITE_NONE */
    uint8_t speaking;      /* as told to control */
    usec speaker_at;       /* next look at who speaks */
};

MUST_USE enum err room_new(struct room **r, struct hub *hub, room_id id, uint8_t home);
/* Its members must be gone. */
void room_free(struct room **r, usec now);

/* A track began or ended, a member came, the floor, mode or speaker changed: every line is pointed
 * where it belongs now. */
void room_route(struct room *r, usec now);
void room_route_member(struct room *r, struct member *m, usec now);

void room_state(struct room *r, const struct cmd_state *s, usec now);

/* A stream that was silent flows: its track is the one of its site and source, and viewers may have
 * the layer. */
void room_offer(struct room *r, struct stream *s, usec now);
/* Layers that fell silent are offered no more; their viewers go to the next. If all are silent the
 * last picture stays until something comes. */
void room_layers(struct track *t, usec now);
/* Forgets the track and lets its viewers go; room_route comes after the last of them. */
void room_withdraw(struct room *r, struct track *t, usec now);

/* A packet of a stream, counted and kept: recorded, then to everyone whose line shows it. */
void room_rtp(struct room *r, struct stream *s, struct pkt *p, usec now);

/* The stream with this number, whoever shows it now: a NACK may be about the source before. */
struct stream *room_stream_numbered(const struct room *r, uint16_t number);

/* Looks who speaks; called with every packet of a voice, works five times a second. */
void room_listen(struct room *r, usec now);
