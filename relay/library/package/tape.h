/* tape.h - a whole journal, sorted by streams and put on the lesson clock. */
#pragma once

#include "engine/journal/jreader.h"
#include "relay/library/package/curve.h"

enum tape_codec { TAPE_OTHER, TAPE_OPUS, TAPE_VP8, TAPE_VP9 };

struct tape_packet {
    const uint8_t *body; /* payload, in the journal's memory */
    uint16_t len;
    bool marker;
    uint8_t level_db;
    uint32_t ext_seq;
    int64_t ts; /* RTP timestamp with roll-overs, in µs */
    int64_t at; /* lesson clock at arrival */
};

/* One journal track. */
struct tape_stream {
    struct record_track info;
    uint32_t number;
    enum tape_codec codec;
    int64_t opened;
    struct tape_packet *packet; /* after tape_load: rising ext_seq, none twice */
    size_t packets;
    size_t cap;
    bool any_ts;
    int64_t last_ts;       /* RTP units, with roll-overs */
    struct curve reports;  /* from `ts` to the sender's NTP clock */
    struct curve arrivals; /* from `ts` to the lesson clock */
    size_t group;          /* index of the sender's clock in tape.group; SIZE_MAX = none */
};

/* A sender's NTP clock, used by one or more streams of a site. */
struct tape_group {
    uint8_t site_no;
    double last_offset;   /* lesson clock minus NTP, µs */
    struct curve offsets; /* from NTP to the lesson clock */
};

struct tape_event {
    int64_t at;
    const char *json; /* not ended by 0 */
    size_t len;
};

struct tape_gap {
    int64_t at;
    struct record_gap gap;
};

struct tape {
    struct jreader *reader;
    struct tape_stream *stream; /* in order of opening */
    size_t streams, streams_cap;
    struct tape_group *group;
    size_t groups, groups_cap;
    struct tape_event *event;
    size_t events, events_cap;
    struct tape_gap *gap;
    size_t gaps, gaps_cap;
    int64_t end; /* lesson clock of the last record */
    bool closed;
    uint64_t ignored; /* records that were well-formed but made no sense */
};

/* E_IO: errno. E_NOMEM. */
MUST_USE enum err tape_load(struct tape *t, const char *dir);
void tape_free(struct tape *t);

/* When a packet's content was captured, by the lesson clock: through the sender's reports, else by
 * when packets arrive. Never before 0. */
int64_t tape_time(const struct tape *t, const struct tape_stream *s, const struct tape_packet *p);
