/* fec.h - packets that repair lost ones before anybody asks (FlexFEC-03, wire/flexfec.h): when they
 * are worth their bytes, how they are made, and what a receiver makes of them. */
#pragma once

#include "engine/media/hist.h"
#include "engine/wire/flexfec.h"

#define FEC_BLOCK 30   /* packets that are protected together, at most */
#define FEC_REPAIRS 12 /* and by so many */
#define FEC_KEPT 48    /* repair packets that wait for what they repair */

/* Is it worth it? All zero at first. */
struct fec_rule {
    float loss; /* smoothed, 0 to 1 */
    usec looked_at;
    usec needed_at; /* when it was last worth it */
    usec room_at;   /* there has been room since then; 0 = there is none */
    bool on;
};

/* What is known of a way. */
struct fec_way {
    double loss;    /* share of packets that are lost now */
    usec rtt;       /* 0 = not known */
    uint64_t spare; /* bits per second that nothing else takes */
    uint64_t media; /* and what would be protected takes */
};

/* Looks again; returns whether repair packets are to be sent. Off where a retransmission comes in
 * time, where nothing is lost, and at once where there is no room. */
bool fec_rule_look(struct fec_rule *r, usec now, const struct fec_way *w);

/* The loss to prepare for: some more than there is. */
double fec_rule_loss(const struct fec_rule *r);

/* Bits per second of the repair packets of so much media. */
uint64_t fec_rule_takes(const struct fec_rule *r, uint64_t media);

/* How many repair packets `n` packets need so that about one block in a few hundred stays torn. */
unsigned fec_repairs(unsigned n, double loss);

/* The packets of a block, as they leave, but for their transport-wide numbers, which are 0. */
struct fecenc {
    unsigned n;
    unsigned repairs; /* of the closed block; 0 = open */
    uint16_t seq[FEC_BLOCK];
    uint16_t len[FEC_BLOCK];
    uint16_t column[FEC_BLOCK]; /* by which repair packets each is protected, one bit each */
    uint8_t data[FEC_BLOCK][PKT_CAP];
};

/* A packet about to be sealed. */
struct fec_packet {
    const uint8_t *head; /* the RTP header and what is contiguous with it */
    size_t head_len;
    const uint8_t *rest; /* then this, */
    size_t rest_len;
    uint8_t pad; /* and so much padding, of which the header tells (RFC 3550 5.1) */
};

/* `twcc_id`: of the header extension, 0 = none. True: the block is full, close it. */
bool fecenc_add(struct fecenc *e, const struct fec_packet *p, uint8_t twcc_id);
/* The block ends; returns how many repair packets it gets. */
unsigned fecenc_close(struct fecenc *e, double loss);
/* The payload of the k-th; 0: no room. */
size_t fecenc_write(const struct fecenc *e, unsigned k, uint8_t *out, size_t cap);
void fecenc_reset(struct fecenc *e);

/* The receiving side of one stream. */
struct fecdec {
    struct pkt *kept[FEC_KEPT]; /* oldest first */
    size_t n;
    usec heard; /* the last repair packet; 0 = none yet */
    uint64_t in, recovered;
    uint64_t bad;  /* malformed, of another stream, or what they gave was no packet */
    uint64_t vain; /* let go with more missing than they can repair */
};

/* Lets go of what waits: it ends, or another stream begins. */
void fecdec_drop(struct fecdec *d);

/* A described packet of the repair stream; takes a reference of its own. */
void fecdec_input(struct fecdec *d, usec now, struct pkt *p, uint32_t ssrc);

/* The protected stream. */
struct fec_stream {
    const struct hist *hist; /* what has come of it */
    uint32_t ssrc;
    uint8_t pt;
    uint8_t vp9_pt;  /* its packets may be of this type too; 0 = none */
    uint8_t twcc_id; /* of the header extension; 0 = none */
};

/* A lost packet as it was sent (its transport-wide number is 0), described, with its extended
 * number, marked as repaired: the caller's reference. It is to be put into the history before the
 * next call. NULL: nothing more can be repaired now. */
struct pkt *fecdec_next(struct fecdec *d, usec now, const struct fec_stream *s);

/* Repair packets come: who misses one waits a little before asking. */
static inline bool fecdec_helps(const struct fecdec *d, usec now)
{
    return d->heard && now - d->heard < USEC_SEC;
}
