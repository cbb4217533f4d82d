/* recvstat.h - what a receiver knows of one RTP stream: roll-overs, loss, jitter (RFC 3550 A). */
#pragma once

#include "engine/wire/rtcp.h"
#include "engine/wire/rtp.h"

struct recvstat {
    uint32_t ssrc;
    uint32_t clock_rate;
    bool started;
    uint32_t base;     /* first extended sequence number */
    uint32_t highest;  /* highest so far */
    uint64_t received; /* without what came as a repair: reports speak of the network */
    uint64_t repaired;
    uint64_t bytes; /* of both */
    uint64_t duplicates;
    uint64_t expected_prior, received_prior; /* at the last report */
    uint32_t transit;
    uint32_t jitter_q4;     /* times 16 */
    uint64_t window[16];    /* which of the last 1024 arrived */
    uint32_t probation_seq; /* a jump is believed when two packets in order confirm it */
    bool probing;
    uint64_t sr_ntp;
    usec sr_at;
};

void recvstat_init(struct recvstat *r, uint32_t ssrc, uint32_t clock_rate);

/* Counts a packet and gives its extended number. False: a duplicate or absurd jump: drop it. A
 * sender that restarts its numbering is believed at its second packet in order. The first extended
 * number is at least 65536, so that older packets never wrap below 0. */
MUST_USE bool recvstat_input(struct recvstat *r, usec now, const struct pkt_rtp *p, size_t bytes,
                             uint32_t *ext_seq);

/* True if the packet of this number, near the newest and not before the first, has not come; gives
 * its extended number. */
MUST_USE bool recvstat_misses(const struct recvstat *r, uint16_t seq, uint32_t *ext_seq);

void recvstat_sr(struct recvstat *r, usec now, uint64_t ntp);

/* A report block since the last one. */
void recvstat_report(struct recvstat *r, usec now, struct rtcp_report *out);
