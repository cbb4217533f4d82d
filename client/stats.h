/* stats.h - what is counted of one room while it runs, and how it is told once a second. */
#pragma once

#include "engine/base/base.h"

#define STATS_SAMPLES 512 /* values that quantiles are taken of: the last 20 s of 25 fps */
#define STATS_SOURCES 8
#define STATS_SKEW_MOST 80 /* ms that voice and picture may be apart before it is seen */

/* The last values of something, for its quantiles. */
struct stats_ring {
    int32_t v[STATS_SAMPLES];
    size_t n; /* ever */
};

void stats_ring_add(struct stats_ring *r, int32_t v);
/* The value that `percent` of the last values do not exceed. False: there are none. */
MUST_USE bool stats_ring_at(const struct stats_ring *r, unsigned percent, int32_t *v);

/* Pictures of one source as they are shown. */
struct stats_video {
    char name[64];
    unsigned width, height;
    uint64_t frames;
    uint64_t frames_prior; /* at the last report */
    usec first, last;      /* shown */
    usec mean;             /* smoothed time between two pictures, without freezes */
    usec frozen;           /* in all */
    unsigned freezes;
    uint64_t late; /* packets that came when they had been given up */
};

/* A picture is shown. A gap longer than max(3 x mean, mean + 150 ms) is a freeze: returns how long
 * the one lasted that ends here, or 0. */
usec stats_video_shown(struct stats_video *v, usec now, unsigned width, unsigned height);
/* Frozen in all; a freeze that lasts counts too. */
usec stats_video_frozen(const struct stats_video *v, usec now);
/* Frozen time of all time since the first picture; a freeze that lasts counts too. */
double stats_video_freeze_ratio(const struct stats_video *v, usec now);

/* One voice as it is heard. */
struct stats_voice {
    uint64_t samples;   /* that should have been heard */
    uint64_t concealed; /* of these, invented */
    uint64_t recovered; /* of these, from the copy in the packet after */
    uint64_t repeated;  /* played more, to grow the delay, */
    uint64_t left_out;  /* or less, to shrink it: pitch periods */
    uint64_t skipped;   /* not played, because they were far too late */
    uint64_t late;      /* packets that came when they had been given up */
    unsigned gaps;      /* runs of what was invented: concealments that may be heard as one each */
    bool in_gap;
    usec delay;   /* from capture to loudspeaker; 0 = not known */
    usec heard;   /* when the last real sound ended; 0 = none yet */
    usec silence; /* longest time without */
};

/* `samples` (48 kHz) were decoded, or invented, to be heard from `at` on. */
void stats_voice_played(struct stats_voice *v, usec at, size_t samples, bool invented);
/* Until `at` there was a pause of the sender's: no silence of ours. */
void stats_voice_paused(struct stats_voice *v, usec at);

/* One direction. */
struct stats_way {
    uint64_t bytes, bytes_prior;
    double kbps; /* of the last second */
    double loss; /* since start, 0 to 1 */
};

/* Lost pictures' packets that came after all, since the start. */
struct stats_repair {
    uint64_t asked;     /* requests (NACK) */
    uint64_t fec;       /* repair packets that came (FlexFEC), */
    uint64_t recovered; /* lost packets that they brought back, */
    uint64_t vain;      /* repair packets with more missing than they can repair, */
    uint64_t bad;       /* and those that were malformed */
};

struct stats {
    usec started, told;
    usec span; /* that the last rates are of */
    struct stats_way up, down;
    usec rtt;     /* 0 = not known */
    unsigned fec; /* per cent of loss that our voice protects itself against (Opus) */
    struct stats_repair repair;
    struct stats_voice voice;
    struct stats_video video[STATS_SOURCES];
    size_t videos;
    struct stats_ring delay, burnt, slides, skew; /* ms; slides: until a new one is seen */
    usec apart;    /* in all, voice and picture further than STATS_SKEW_MOST */
    usec apart_at; /* until here it is counted; 0 = they are together */
};

void stats_init(struct stats *s, usec now);

/* The counter of a source, made when it is asked for first; NULL: too many. */
struct stats_video *stats_video_of(struct stats *s, const char *name);

/* A picture is shown: the voice is so many ms behind it (negative: before it). */
void stats_skew(struct stats *s, usec now, int32_t ms);

/* Which rung of the ladder (1 to 5) what is seen stands on: 5 with a board of 1080 lines, 4 with a
 * picture of 720, 3 of 360, 2 with any, 1 with none but slides. */
unsigned stats_rung(const struct stats *s, usec now);

/* Rates since the last call; then one JSON object, or one line for people, into `out`. Returns its
 * length as snprintf does. `state` is a word or two for people such as "now speaking". */
void stats_turn(struct stats *s, usec now);
int stats_json(struct stats *s, usec now, const char *state, char *out, size_t cap);
int stats_line(struct stats *s, usec now, const char *state, char *out, size_t cap);
