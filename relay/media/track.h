/* track.h - what one source of a site sends: one stream, or one per simulcast layer, and the
 * packets of the last seconds that repairs and late comers are served from. */
#pragma once

#include "engine/media/clockmap.h"
#include "engine/media/hist.h"
#include "engine/media/kfgate.h"
#include "engine/media/meter.h"
#include "engine/media/nack.h"
#include "engine/media/recvstat.h"
#include "engine/media/speaker.h"
#include "relay/media/burst.h"
#include "relay/media/cmd.h"
#include "relay/media/press.h"

struct link_track;
struct video_deps;
struct member;
struct room;
struct sub;
struct track;

/* Layers within one stream that are told apart. */
#define TRACK_SIDS 3
#define TRACK_TIDS 3

/* One SSRC, and its RTX companion. */
struct stream {
    struct track *track;
    uint32_t id; /* unique in the hub's life; the recorder's track number */
    uint32_t ssrc;
    uint32_t rtx_ssrc; /* 0 = not seen yet */
    uint8_t layer;
    bool tapped;   /* the recorder was told what it is */
    bool live;     /* packets came within STREAM_SILENT */
    uint32_t held; /* links that leave it out until its next key frame, one bit each */
    usec last_at;
    uint32_t last_ts;
    struct recvstat stat;
    struct nack nack;
    struct hist hist;
    struct burst burst;
    struct press press;
    struct clockmap clock;
    bool has_key;
    uint32_t key_seq; /* extended number of the first packet of the newest key frame */
    uint32_t key_ts;
    usec key_at;
    uint32_t key_bytes; /* of the newest key frame, so far */
    /* On a viewer's wire, by spatial and temporal layer, those above with the last; [0][1] of a
     * voice: its packets, a byte for each. */
    struct meter rate[TRACK_SIDS][TRACK_TIDS];
    usec sid_at[TRACK_SIDS]; /* the newest packet of each spatial layer */
    struct video_deps *deps; /* NULL: its packets have no dependency descriptor */
};

/* Packets of a stream that are kept; powers of two. */
#define TRACK_VIDEO_HIST 1024 /* about five seconds of 1.5 Mbit/s */
#define TRACK_VOICE_HIST 128

#define STREAM_SILENT (1500 * USEC_MS) /* a layer that sends nothing for so long is not offered */

struct track {
    struct room *room;
    struct member *owner; /* NULL: it comes by a link, see link.h */
    uint32_t id;          /* unique in its home hub's life */
    uint8_t site;
    uint8_t source;     /* enum source */
    uint8_t line;       /* of the owner's negotiation */
    uint8_t capture_id; /* header extension of abs-capture-time in its packets; 0 = none */
    uint8_t level_id;   /* of audio levels */
    uint8_t deps_id;    /* of the dependency descriptor */
    bool audio;
    enum nego_codec codec;
    uint32_t clock_rate;
    struct stream *layer[NEGO_LAYERS]; /* lowest first; NULL until its first packet */
    struct track *next_mirror;         /* of the room, if it has no owner */
    struct sub *subs;                  /* who gets it: members at sites */
    struct sub *watchers;              /* and those who only watch */
    struct sub *first;                 /* of these: where the next round begins; NULL = anywhere */
    size_t watching;                   /* how many they are */
    struct kfgate gate;                /* one request per second, whatever the layers */
    uint8_t wanted;                    /* layers to be asked for, one bit each */
    struct speaker speaker;
    double lack_away; /* track_lack of viewers on other hubs, */
    usec lack_at;     /* as told last: to us, or by us if it comes by a link */
    bool up;          /* control knows that media flows */
};

MUST_USE enum err track_new(struct track **t, struct member *owner, uint8_t line, uint8_t source);
/* One that comes by a link. */
MUST_USE enum err track_mirror(struct track **t, struct room *room, const struct link_track *like);
/* The subs must have been detached before. */
void track_free(struct track **t);

MUST_USE enum err track_add_layer(struct track *t, uint8_t layer, uint32_t ssrc, uint32_t id);

/* Counts and describes a packet of the stream; RTX has been undone. False: a duplicate or not
 * usable, drop it. */
MUST_USE bool stream_input(struct stream *s, usec now, struct pkt *p);

/* A packet with this number and timestamp has not come, and would fit between those that have. */
bool stream_lacks(const struct stream *s, uint16_t seq, uint32_t ts);

/* Keeps it for repairs and late comers. */
void stream_keep(struct stream *s, usec now, struct pkt *p);

/* Both for a packet that came by a link, described and counted where it came from. */
void stream_mirror(struct stream *s, usec now, struct pkt *p);

/* The newest key frame with all that came after it, if late comers may still start there. */
bool stream_fresh_key(const struct stream *s, usec now);

/* Lets go of what is too old to be asked for. */
void stream_expire(struct stream *s, usec now);

/* What a viewer's wire carries of the stream with all layers up to these. */
uint32_t stream_bps(const struct stream *s, uint8_t sid, uint8_t tid);

/* The spatial layer comes. */
bool stream_has(const struct stream *s, uint8_t sid);

/* Packets come: it is live, or left out for want of room. NULL: no. */
bool stream_flows(const struct stream *s);

/* Slides and the like: nothing may come of them for long, and yet the picture is there. */
bool track_still(const struct track *t);

/* Highest live layer of the lowest `layers`, else the lowest that is live; NULL: nothing flows yet.
 */
struct stream *track_choose(const struct track *t, uint8_t layers);

/* What is given up first when not everything finds a place. */
enum track_rank {
    TRACK_LOWEST, /* the lowest of several layers */
    TRACK_MIDDLE,
    TRACK_TOP, /* the only picture, or the best */
    TRACK_VOICE,
};
enum track_rank track_rank(const struct stream *s);

/* The next of all its viewers, sites first; NULL begins, and ends. */
struct sub *track_viewer(const struct track *t, const struct sub *s);

/* The share of a voice that the viewer at a site lacks who lacks most of it, repairs and what rides
 * along taken into account; observers do not count. */
double track_lack(const struct track *t, usec now);

/* A viewer needs a key frame of this stream. */
void track_want_key(struct track *t, const struct stream *s);
