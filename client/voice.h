/* voice.h - received Opus packets to a steady stream of samples, and several such mixed. */
#pragma once

#include "client/recvtrack.h"
#include "client/stats.h"
#include "codecs/opus_dec.h"
#include "codecs/stretch.h"

#define VOICE_STEP 960u /* samples that the loudspeaker takes at a time: 20 ms */
#define VOICE_ROOM 16000u

/* Speech is played so much faster or slower while its delay is not what it should be; what is
 * nearly silent more so. */
#define VOICE_FAST 1.15F
#define VOICE_SLOW 0.87F
#define VOICE_QUIET_FAST 1.5F
#define VOICE_QUIET_SLOW 0.67F

/* One line. Embedded; not moved while in use. */
struct voice {
    struct opusdec *dec;
    struct stretch *stretch;
    int16_t pcm[VOICE_ROOM]; /* that waits for the loudspeaker */
    size_t n;
    int16_t raw[OPUSDEC_SAMPLES_MAX]; /* as decoded */
    bool playing;                     /* something is heard, or would be if it were there */
    bool any;
    uint32_t next_ts;         /* after what was decoded last */
    size_t packet;            /* samples of the last packet */
    size_t gap;               /* samples invented since then while nothing came */
    usec lag;                 /* it is heard so much later than it should be */
    int8_t haste;             /* 1: faster, -1: slower */
    bool quiet;               /* the last packet was nearly silent */
    uint32_t seq;             /* of the last packet, extended */
    bool skips;               /* until it is on time again */
    uint64_t late;            /* packets of the stream, as last looked at */
    double floor;             /* mean square of the softest lately */
    usec held;                /* it is heard so long after the least that is possible */
    struct stats_voice *stat; /* may be NULL */
};

MUST_USE enum err voice_init(struct voice *v, struct stats_voice *stat);
void voice_fini(struct voice *v);
/* A new connection: time stamps begin anew. */
void voice_restart(struct voice *v);

/* Adds to `mix` the 20 ms that are heard from `now` on, out of the line, as much as it takes: in
 * time if that is possible, else a little faster or slower until it is. What is lost is recovered
 * or concealed. `t` NULL: nothing comes. `wall_us`: time of day, for the delay. */
void voice_mix(struct voice *v, struct recvtrack *t, usec now, int64_t wall_us,
               int32_t mix[VOICE_STEP]);

/* How long after the least that is possible (recvtrack_least) it is heard, or will be when it goes
 * on; USEC_NEVER: not known. */
usec voice_held(const struct voice *v, const struct recvtrack *t, usec now);

/* The sum of lines as samples, loud ones limited. */
void voice_limit(const int32_t mix[VOICE_STEP], int16_t out[VOICE_STEP]);
