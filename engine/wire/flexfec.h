/* flexfec.h - the head of a FlexFEC repair packet, as browsers speak it
 * (draft-ietf-payload-flexible-fec-scheme-03, 4.2.2.2: one stream, a flexible mask). */
#pragma once

#include "engine/base/base.h"

#define FLEXFEC_MASK 109 /* packets that a mask can name */
#define FLEXFEC_HEAD 20  /* bytes of the shortest head, with a mask of 15 */
#define FLEXFEC_SPAN 46  /* of the next longer one, which has four bytes more */
#define FLEXFEC_FIELDS 8 /* recovery fields: what is repaired of the first 8 bytes of RTP */

struct flexfec {
    uint32_t ssrc;    /* whose packets are protected */
    uint16_t base;    /* the first that may be */
    uint64_t mask[2]; /* base + i is: bit i % 64 of mask[i / 64] */
    /* Sums (XOR) over all that are protected: P, X, CC; M, PT; 16 bits of length behind the 12
     * fixed bytes; 32 bits of timestamp. */
    uint8_t fields[FLEXFEC_FIELDS];
    const uint8_t
        *data; /* and of what stands behind the fixed bytes; of the packet that was read */
    size_t len;
};

static inline bool flexfec_protects(const struct flexfec *f, unsigned i)
{
    return i < FLEXFEC_MASK && f->mask[i / 64] >> i % 64 & 1;
}

static inline void flexfec_protect(struct flexfec *f, unsigned i)
{
    assert(i < FLEXFEC_MASK);
    f->mask[i / 64] |= (uint64_t)1 << i % 64;
}

/* False: cut short, a retransmission, a fixed mask, several streams, or nothing is protected. */
MUST_USE bool flexfec_read(struct flexfec *f, const uint8_t *payload, size_t len);

/* The head alone, with the shortest mask that will do; `data` is to follow it. Returns its length;
 * 0: no room, or nothing is protected. */
size_t flexfec_write(uint8_t *out, size_t cap, const struct flexfec *f);
