/* bot.h - one connection of a simulated room or viewer: real offer, ICE, DTLS and SRTP; made-up
 * pictures and voice whose every byte can be checked at the far end. */
#pragma once

#include "engine/media/arrival.h"
#include "engine/media/fec.h"
#include "engine/media/nack.h"
#include "engine/media/recvstat.h"
#include "engine/media/red.h"
#include "engine/peer/nego.h"
#include "engine/peer/peer.h"
#include "engine/wire/vp8.h"

#define BOT_SLOW (100 * USEC_MS)
#define BOT_BODY 24 /* bytes of a payload that say what it is; pattern follows */

/* A line that the bot sends. */
struct bot_stream {
    uint8_t line, layer;
    uint32_t tag;   /* names the source in every payload */
    uint32_t count; /* packets so far */
    usec every;     /* between frames */
    usec next;
    unsigned packets;   /* per delta frame */
    unsigned key_times; /* a key frame has so many times as many: 3 */
    size_t bytes;       /* of a payload */
    unsigned uneven;    /* by so many bytes packets differ, as those of browsers do */
    uint16_t seq, rtx_seq, picture_id;
    uint8_t tl0;
    uint32_t ts;
    uint32_t sent, octets;
    uint8_t riders; /* voice: so many earlier packets ride along (RFC 2198) */
    bool key_wanted;
    uint64_t plis;             /* asked of us */
    struct rtcp_report report; /* the last on it */
    struct hist hist;
};

/* A line that the bot receives. */
struct bot_recv {
    uint8_t line;
    struct recvstat stat;
    struct nack nack;
    struct fecdec fec;
    struct hist hist;  /* from the first repair packet on */
    uint64_t given_up; /* by nack, when it last reported */
    uint64_t packets, repaired, keys, foreign_bytes;
    uint64_t ridden; /* of the packets, those that came with a later one (RFC 2198) */
    uint64_t slow;   /* those of a voice that came BOT_SLOW later than the first did, or more */
    usec begun_at;
    uint32_t begun_ts;
    uint32_t tag;        /* of the last packet */
    uint64_t by_tag[64]; /* packets of each source */
    usec last_at;
    usec first_key_at; /* 0 = none yet */
    bool has_pid;
    uint16_t pid; /* of the newest frame */
    uint32_t ts;
    uint64_t pid_jumps; /* frames whose picture id was not the next */
    uint32_t ext_seq;   /* of the newest packet, and whether it ended a frame */
    bool ended;
    uint64_t holes; /* in the numbers of pictures */
    uint64_t torn;  /* of them, those that do not lie between an end of a frame and a key frame */
};

struct bot {
    const char *name;
    struct nego nego;
    struct peer *peer;
    struct pkt_pool *pool;
    struct rng *rng;
    struct addr addr;
    struct bot_stream send[8];
    size_t sends;
    struct bot_recv recv[NEGO_MEDIA];
    struct arrival arrival; /* of what has transport-wide numbers */
    uint8_t twcc_id;
    uint32_t ssrc;
    usec report_at;
    usec joined_at;
    bool silent; /* its process was killed: it sends nothing any more */
    uint64_t rtx_sent, nacks_unknown, plis, wrong;
    int64_t ntp_offset; /* of its clock */
};

/* n: what it wants (nego_offer's input). The offer is written to `offer`. */
struct bot *bot_new(const char *name, const struct nego *n, const struct nego_self *self,
                    struct rng *rng, char *offer);
void bot_free(struct bot **b);
/* The answer came: it begins to connect from `addr`. */
void bot_start(struct bot *b, const char *answer, size_t len, const struct dtls_cert *cert,
               const struct addr *addr, usec now);
/* Sends `packets` of `bytes` every `every` on a line (layer of it) as soon as it is open. */
void bot_sends(struct bot *b, uint8_t line, uint8_t layer, uint32_t tag, usec every,
               unsigned packets, size_t bytes);

void bot_input(struct bot *b, usec now, struct pkt *p, struct outq *out);
void bot_tick(struct bot *b, usec now, struct outq *out);
usec bot_next(const struct bot *b);
bool bot_open(const struct bot *b, usec now);
