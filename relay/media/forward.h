/* forward.h - one line of a viewer: which packets it gets, under which numbers. */
#pragma once

#include "engine/media/pacer.h"
#include "engine/media/pick.h"
#include "engine/media/remap.h"
#include "relay/media/bundle.h"
#include "relay/media/protect.h"
#include "relay/media/track.h"

/* A line that we send to a member. */
struct sub {
    struct member *member;
    uint8_t line;            /* of the member's negotiation */
    uint8_t voice;           /* audio: 0 the lead's voice, 1 the floor's, 2 … others */
    struct slot slot;        /* video: where it points */
    struct track *track;     /* what it shows now; NULL = nothing */
    struct sub *next, *prev; /* of track->subs or ->watchers */
    struct stream *current;  /* the layer that goes out; NULL until its key frame */
    struct stream *target;   /* the layer that is wanted */
    uint8_t level;           /* that its viewer's budget gave it, 0 = nothing; see budget.c */
    uint8_t layers;          /* the lowest so many may go out: streams, or spatial layers of one */
    uint8_t tids;            /* and temporal layers up to this one */
    struct pick pick;        /* what goes out now */
    struct bundle bundle;
    bool paused;    /* until the next key frame */
    uint32_t since; /* outgoing number, with roll-overs counted, of the key frame that it went on
                       with: what is older is not repaired */
    bool choked;    /* its queue was full: it is to be emptied, and to go on with a key frame */
    bool off;       /* the viewer's way does not carry it */
    bool fresh;     /* it shows something new, which the budget has not seen */
    struct remap map;
    uint16_t rtx_seq, fec_seq;
    struct protect *protect;  /* NULL: no repair packets are made */
    uint32_t packets, octets; /* for sender reports */
    usec sent_at;             /* the newest packet */
    struct remap_out left;    /* its numbers: what came later waits */
    bool key_on_way;          /* a key frame went to the pacer, */
    uint16_t key_seq;         /* with this number at its end so far, */
    usec key_at;              /* which left then, or waits since then */
    uint64_t sr_ntp;          /* of our last sender report */
    usec sr_at;
    uint32_t reported; /* highest number of the viewer's last report */
    float lack;        /* of a voice: the share that no repair brings it, smoothed, */
    usec lack_at;      /* as it reported then */
    bool sr_due;       /* a new source: its clock must be told at once */
};

MUST_USE enum err sub_new(struct sub **s, struct member *m, uint8_t line, const struct slot *slot);
void sub_free(struct sub **s, usec now); /* detaches first */

/* Its member sits at no site. */
bool sub_watches(const struct sub *s);

/* Points the line at a track (NULL: at nothing). A picture starts from the newest key frame if
 * that is fresh, else one is asked for. */
void sub_attach(struct sub *s, struct track *t, usec now);

/* Chooses the layer anew: after a layer began or went silent, the slot's size changed, or the
 * viewer's way carries more or less. */
void sub_choose(struct sub *s, usec now);
/* A key frame waits to leave, or left so lately that who asks for one cannot have it yet. */
bool sub_gets_key(const struct sub *s, usec now);
#define FORWARD_PAD 255 /* bytes of a packet that is nothing but padding (RFC 3550 5.1) */

/* Where its packets wait to leave. */
enum pacer_class sub_class(const struct sub *s);
/* Nothing more goes out until a key frame of what is wanted now: the way is full. */
void sub_pause(struct sub *s, usec now);
/* Sends again, as probes of the way, about so many bytes of what went out last, then padding;
 * returns how many. */
size_t forward_probe(struct sub *s, size_t bytes, usec now);

/* What a packet says of itself; `d->len` 0: a voice. False: not usable. */
bool forward_desc(const struct stream *from, const struct pkt *p, struct video_desc *d);

/* A packet of a stream of the track that the line shows. `d->len` 0: a voice. */
void forward_packet(struct sub *s, struct stream *from, struct pkt *p, const struct video_desc *d,
                    usec now);

/* A voice: `last` and the packets before it, n in all, leave as one. */
void forward_joined(struct sub *s, struct stream *from, struct pkt *last, unsigned n, usec now);

enum forward_repair {
    FORWARD_AGAIN,   /* it goes out again */
    FORWARD_NOT_YET, /* never went out under this number: it is missing here too, or too long ago */
    FORWARD_LOST,    /* it went out, but is not kept any more */
    FORWARD_REFUSED, /* the same again too soon, or more than this viewer may have */
    FORWARD_REPAIRS
};

/* Answers a NACK for what went out as `out_seq`. What is asked for again within half a round trip
 * is on its way, and a viewer gets no more repairs than it got packets: who asks for more wants to
 * make us send, not to see. */
enum forward_repair forward_again(struct sub *s, uint16_t out_seq, usec now);
