/* srtcp.h - SRTCP of one direction on OpenSSL EVP (RFC 3711 3.4, RFC 7714 9). */
#pragma once

#include "engine/peer/sealer.h"

/* One for what we send, another for what we receive. */
struct srtcp {
    struct sealer key;
    uint32_t sent; /* the index of our newest packet, the same count for all our SSRCs */
};

/* Which packets of one SSRC came already; all zero before the first. */
struct srtcp_replay {
    uint32_t highest;
    uint64_t seen; /* bit i: the one i before the highest */
};

MUST_USE enum err srtcp_init(struct srtcp *s, enum seal_profile profile,
                             const struct seal_keys *master);
void srtcp_fini(struct srtcp *s);

/* Seals a compound in place. Returns the new length, 0: no room, or no index is left. */
size_t srtcp_seal(struct srtcp *s, uint8_t *buf, size_t len, size_t cap);

/* Opens in place; *len becomes shorter. `r` belongs to the sender's SSRC, which stands in the
 * packet's bytes 4 to 7; it changes only if the packet is good. False: forged, replayed, too old or
 * not encrypted. */
MUST_USE bool srtcp_open(struct srtcp *s, struct srtcp_replay *r, uint8_t *buf, size_t *len);
