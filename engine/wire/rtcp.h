/* rtcp.h - the RTCP packets that we read and write (RFC 3550, 4585, 5104, REMB). */
#pragma once

#include "engine/base/bytes.h"

enum rtcp_kind {
    RTCP_SR,
    RTCP_RR,
    RTCP_SDES,
    RTCP_BYE,
    RTCP_NACK,
    RTCP_PLI,
    RTCP_FIR,
    RTCP_REMB,
    RTCP_TWCC,
    RTCP_OTHER
};

struct rtcp_report {
    uint32_t ssrc;         /* of the stream that is reported on */
    uint8_t fraction_lost; /* 1/256 since the last report */
    int32_t lost;          /* in all; 24 bits on the wire */
    uint32_t ext_highest;  /* highest sequence number with roll-overs */
    uint32_t jitter;       /* RTP units */
    uint32_t lsr;          /* middle 32 bits of the NTP time of the last SR */
    uint32_t dlsr;         /* 1/65536 s since that SR */
};

#define RTCP_REPORTS 31 /* most in one packet */

/* One packet of a compound. */
struct rtcp_item {
    enum rtcp_kind kind;
    uint32_t sender;     /* SSRC of who sent it */
    uint32_t media;      /* SSRC that a feedback is about */
    const uint8_t *body; /* the rest of the packet: NACK pairs, TWCC body, … */
    size_t body_len;
    /* SR */
    uint64_t ntp;
    uint32_t rtp_ts;
    uint32_t packets;
    uint32_t octets;
    /* SR, RR */
    size_t reports;
    struct rtcp_report report[RTCP_REPORTS];
    /* REMB */
    uint64_t bps;
};

/* Takes the next packet off a compound. False at the end or when the rest is not RTCP (r->bad). */
MUST_USE bool rtcp_next(struct reader *r, struct rtcp_item *it);

/* The sequence numbers of a NACK body into out; returns how many (at most cap). */
size_t rtcp_nack_list(const struct rtcp_item *it, uint16_t *out, size_t cap);

/* Writers append one packet to a compound. A compound starts with SR or RR and has an SDES unless
 * reduced-size RTCP (RFC 5506) is in use, as all WebRTC peers agree. */
void rtcp_write_sr(struct writer *w, uint32_t ssrc, uint64_t ntp, uint32_t ts, uint32_t packets,
                   uint32_t octets);
void rtcp_write_rr(struct writer *w, uint32_t ssrc, const struct rtcp_report *r, size_t n);
void rtcp_write_sdes(struct writer *w, uint32_t ssrc, const char *cname);
void rtcp_write_bye(struct writer *w, uint32_t ssrc);
/* seqs in rising order; packed into as few pairs as possible. */
void rtcp_write_nack(struct writer *w, uint32_t sender, uint32_t media, const uint16_t *seqs,
                     size_t n);
void rtcp_write_pli(struct writer *w, uint32_t sender, uint32_t media);
void rtcp_write_remb(struct writer *w, uint32_t sender, uint64_t bps, const uint32_t *ssrcs,
                     size_t n);

/* NTP 32.32 and microseconds since 1970, both ways. */
uint64_t ntp_of_unix_us(int64_t us);
int64_t unix_us_of_ntp(uint64_t ntp);
