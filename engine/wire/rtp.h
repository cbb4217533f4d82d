/* rtp.h - RTP headers (RFC 3550), their extensions (RFC 8285) and sequence arithmetic. */
#pragma once

#include "engine/base/pkt.h"

/* The header extensions that we know, by what they mean. */
enum rtp_ext {
    RTP_EXT_MID,           /* urn:ietf:params:rtp-hdrext:sdes:mid */
    RTP_EXT_RID,           /* urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id */
    RTP_EXT_RRID,          /* urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id */
    RTP_EXT_TWCC,          /* draft-holmer-rmcat-transport-wide-cc-extensions-01 */
    RTP_EXT_ABS_CAPTURE,   /* http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time */
    RTP_EXT_AUDIO_LEVEL,   /* urn:ietf:params:rtp-hdrext:ssrc-audio-level (RFC 6464) */
    RTP_EXT_PLAYOUT_DELAY, /* http://www.webrtc.org/experiments/rtp-hdrext/playout-delay */
    RTP_EXT_DEPDESC,       /* dependency descriptor, see depdesc.h */
    RTP_EXT_COUNT
};

/* The URI of an extension, and back; RTP_EXT_COUNT: not one of ours. */
const char *rtp_ext_uri(enum rtp_ext e);
enum rtp_ext rtp_ext_of_uri(const char *uri, size_t len);

/* Which id each has on one connection; 0 = not in use. Ids above 14 need two-byte heads. */
struct rtp_extmap {
    uint8_t id[RTP_EXT_COUNT];
};

#define RTP_HEADER 12

/* a - b on the circle: negative if a is older. The only place with sequence arithmetic. */
static inline int16_t seq_diff(uint16_t a, uint16_t b)
{
    return (int16_t)(uint16_t)(a - b);
}

static inline bool seq_newer(uint16_t a, uint16_t b)
{
    return seq_diff(a, b) > 0;
}

static inline int32_t ts_diff(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

/* Fills ssrc, ts, seq, ext_off, payload_off, payload_len, pt, marker of p->rtp from p->data.
 * False: not a whole RTP packet. ext_seq is the receiver's business (media/recvstat.h). */
MUST_USE bool rtp_describe(struct pkt *p);

/* The bytes of one extension, or NULL. Reads one-byte and two-byte heads. */
const uint8_t *rtp_ext_find(const struct pkt *p, uint8_t id, size_t *len);

/* RFC 4588: turns a described RTX packet into the one that it repairs: seq from the first two
 * payload bytes, ssrc and pt as given. Only p->rtp changes. False: no payload (padding probe). */
MUST_USE bool rtp_undo_rtx(struct pkt *p, uint32_t ssrc, uint8_t pt);

/* The extension values that we write ourselves. NULL or false = leave out. */
struct rtp_ext_values {
    const char *mid;
    const char *rid;
    bool repair;                /* RTX: the rid is that of the repaired stream (RFC 8852 3.2) */
    const uint8_t *abs_capture; /* 8 or 16 bytes, copied as they are */
    uint8_t abs_capture_len;
    bool has_twcc;
    uint16_t twcc;
    bool has_level;
    uint8_t level; /* RFC 6464 byte: V bit and level */
};

struct rtp_head {
    uint32_t ssrc;
    uint32_t ts;
    uint16_t seq;
    uint8_t pt;
    bool marker;
    bool padding; /* P bit; the caller adds the padding bytes itself */
};

/* Header with the extensions that both `ids` and `v` name. Returns its length, 0: no room. */
size_t rtp_write(uint8_t *out, size_t cap, const struct rtp_head *h, const struct rtp_extmap *ids,
                 const struct rtp_ext_values *v);

/* abs-capture-time: NTP 32.32 of the capture in the sender's clock, and back. False: absent. */
MUST_USE bool rtp_abs_capture(const struct pkt *p, uint8_t id, uint64_t *ntp);
