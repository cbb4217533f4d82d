/* record.h - what stands in a journal: segment heads, records and their payloads, to bytes and back
 * (docs/formats.md). */
#pragma once

#include "engine/base/pkt.h"

#define RECORD_HEAD 24                /* bytes before each payload */
#define RECORD_PAYLOAD_MAX (1u << 20) /* longest payload */
#define RECORD_TEXT 64                /* names of codecs, sources, sites, with the 0 */
#define RECORD_SEGMENT_HEAD 48        /* bytes before the first record of a segment */

#define RECORD_AT_MAX ((int64_t)1 << 50) /* µs: a lesson clock beyond this is damage */

enum record_type {
    RECORD_TRACK = 1, /* struct record_track: a stream begins */
    RECORD_RTP,       /* struct record_rtp */
    RECORD_SR,        /* struct record_sr: a clock mapping */
    RECORD_TRACK_END, /* no payload */
    RECORD_EVENT,     /* JSON text */
    RECORD_GAP,       /* struct record_gap: something is missing, and why */
    RECORD_CLOSE,     /* no payload: the lesson is over */
    RECORD_TYPES
};

/* One record. `payload` belongs to whom the record was got from. */
struct record {
    uint8_t type;   /* enum record_type; readers pass over what they do not know */
    uint32_t track; /* number of a stream, from 1; 0 = the whole lesson */
    int64_t at;     /* lesson clock, µs */
    uint32_t len;
    const uint8_t *payload;
};

struct record_track {
    char codec[RECORD_TEXT];  /* as in SDP: "opus", "VP8", "VP9" */
    char source[RECORD_TEXT]; /* "voice", "camera", "slides", "board", "class" */
    char site[RECORD_TEXT];   /* name of the site; "" = not known */
    char rid[RECORD_TEXT];    /* name of the simulcast layer; "" = none */
    uint8_t site_no;          /* 0 = the lead room, 1 … the points, 255 = none */
    uint8_t layer;            /* 0 = the smallest picture */
    uint8_t pt;               /* payload type */
    uint8_t channels;         /* of sound; 0 = not known */
    uint32_t clock_rate;
    uint32_t ssrc;
    uint16_t width; /* as announced; 0 = not known */
    uint16_t height;
    uint8_t abs_capture_id; /* header extension ids of this sender; 0 = none */
    uint8_t level_id;
};

#define RECORD_RTP_REPAIRED 1u /* came as RTX */

/* A packet as opened from SRTP. One that came as RTX stands here as the one that it repairs;
 * padding is taken off and the P bit cleared. */
struct record_rtp {
    uint32_t ext_seq;    /* with roll-overs; unique within its track */
    uint8_t level_db;    /* 0 loudest … 127 silence; 255 = not said */
    uint8_t flags;       /* RECORD_RTP_… */
    const uint8_t *head; /* RTP header with extensions */
    size_t head_len;
    const uint8_t *body;
    size_t body_len;
};

struct record_sr {
    uint64_t ntp; /* 32.32 */
    uint32_t ts;  /* RTP timestamp of the same instant */
};

enum record_gap_reason {
    RECORD_GAP_RESTART = 1, /* nobody wrote from `from` to the record's time */
    RECORD_GAP_DISK,        /* `lost` records were not taken by the disk */
    RECORD_GAP_MAILBOX,     /* `lost` messages never reached the writer */
    RECORD_GAP_CUT,         /* `lost` bytes of half-written records were cut off at recovery */
};

struct record_gap {
    uint8_t reason; /* enum record_gap_reason */
    uint32_t lost;  /* how many, see above; stays at its maximum rather than wrap */
    int64_t from;   /* lesson clock at which it began */
};

/* First bytes of each file. */
struct record_segment {
    uint32_t index;       /* from 0 */
    uint32_t tracks;      /* streams opened in the segments before */
    int64_t at;           /* lesson clock when this segment was begun */
    int64_t wall_zero_us; /* time of day, since 1970, at lesson clock 0 */
};

/* Heads and payloads to bytes; each needs the room named, or sets w->bad. */
void record_write_segment(uint8_t out[RECORD_SEGMENT_HEAD], const struct record_segment *s);
MUST_USE bool record_read_segment(struct record_segment *s, const uint8_t *p, size_t len);

/* The head of *r whose payload lies in up to two pieces that will follow it. */
struct record_piece {
    const void *p;
    size_t len;
};
void record_write_head(uint8_t out[RECORD_HEAD], const struct record *r,
                       const struct record_piece piece[2]);

enum record_found {
    RECORD_GOOD,  /* *r is filled, its payload points into p */
    RECORD_SHORT, /* may become a record if more bytes follow */
    RECORD_BAD,   /* this is no record */
};
/* Looks at the bytes at p: the check value is checked. *size is how many bytes were looked at: the
 * whole of a good record, 0 if its looks were enough to refuse it. */
MUST_USE enum record_found record_read(struct record *r, const uint8_t *p, size_t len,
                                       size_t *size);

/* Payloads. What is read points into the record. False: not well-formed (a newer version's longer
 * payload is, as far as we know it). */
#define RECORD_TRACK_MAX 512
#define RECORD_RTP_HEAD 8 /* bytes before the RTP packet */
#define RECORD_SR_LEN 12
#define RECORD_GAP_LEN 13
size_t record_put_track(uint8_t out[RECORD_TRACK_MAX], const struct record_track *t);
void record_put_rtp(uint8_t out[RECORD_RTP_HEAD], const struct record_rtp *p);
void record_put_sr(uint8_t out[RECORD_SR_LEN], const struct record_sr *s);
void record_put_gap(uint8_t out[RECORD_GAP_LEN], const struct record_gap *g);
MUST_USE bool record_get_track(struct record_track *t, const struct record *r);
MUST_USE bool record_get_rtp(struct record_rtp *p, const struct record *r);
MUST_USE bool record_get_sr(struct record_sr *s, const struct record *r);
MUST_USE bool record_get_gap(struct record_gap *g, const struct record *r);
