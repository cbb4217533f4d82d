/* voice.h - received Opus packets to a steady stream of samples, and several such mixed. */
#pragma once

#include "client/recvtrack.h"
#include "client/stats.h"
#include "codecs/opus_dec.h"

#define VOICE_STEP 960u /* samples that the loudspeaker takes at a time: 20 ms */
#define VOICE_ROOM 12000u
#define VOICE_MOST 4800u /* more than 100 ms waiting is cut to VOICE_KEEP */
#define VOICE_KEEP 1920u

/* One line. Embedded; not moved while in use. */
struct voice {
    struct opusdec *dec;
    int16_t pcm[VOICE_ROOM];
    size_t n;
    bool playing; /* has begun, and has not run dry since */
    bool any;
    uint32_t next_ts;
    size_t packet;            /* samples of the last packet */
    struct stats_voice *stat; /* may be NULL */
    bool has_delay;
    double delay_us; /* from capture to loudspeaker, smoothed */
};

MUST_USE enum err voice_init(struct voice *v, struct stats_voice *stat);
void voice_fini(struct voice *v);
/* A new connection: time stamps begin anew. */
void voice_restart(struct voice *v);

/* What the line gave; decodes, recovers or conceals. */
void voice_put(struct voice *v, const struct recvtrack_item *it, usec now, int64_t wall_us);

/* Adds 20 ms of it to `mix`. */
void voice_mix(struct voice *v, int32_t mix[VOICE_STEP]);

/* The sum of lines as samples, loud ones limited. */
void voice_limit(const int32_t mix[VOICE_STEP], int16_t out[VOICE_STEP]);
