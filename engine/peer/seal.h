/* seal.h - SRTP and SRTCP of one connection, both directions (RFC 3711, RFC 7714). The only door
 * out for media: nothing leaves unsealed. */
#pragma once

#include "engine/base/base.h"

enum seal_profile { SEAL_AES_128_GCM, SEAL_AES_CM_128_SHA1_80 }; /* SRTP_AEAD_AES_128_GCM first */

#define SEAL_KEY 16
#define SEAL_SALT_MAX 14
#define SEAL_GROWTH 20 /* most bytes that sealing adds: tag, and SRTCP index */

/* One direction's keying material; the salt has 12 bytes with GCM, 14 with CM. */
struct seal_keys {
    uint8_t key[SEAL_KEY];
    uint8_t salt[SEAL_SALT_MAX];
};

struct seal;

/* `rtp_in`: the other side sends media too; else only its RTCP is opened, and RTP of it is dropped
 * unread, for half of the memory. */
MUST_USE enum err seal_new(struct seal **s, enum seal_profile profile, const struct seal_keys *send,
                           const struct seal_keys *recv, bool rtp_in);
void seal_free(struct seal **s);

/* Seals one RTP packet into `out`, where the caller has already written the header (`head` bytes)
 * and, behind it, `patched` bytes of payload that differ for this viewer. `rest` is the rest of the
 * payload, read from the shared packet and never written. Returns the whole length; 0: no room, or
 * this SSRC and sequence number was sealed before (a key stream is never used twice): drop. */
size_t seal_rtp(struct seal *s, uint8_t *out, size_t cap, size_t head, size_t patched,
                const uint8_t *rest, size_t rest_len);

/* Seals a compound in place. Returns the new length, 0: no room. */
size_t seal_rtcp(struct seal *s, uint8_t *buf, size_t len, size_t cap);

/* Opens in place; *len becomes shorter. False: forged, replayed or too old: drop. */
MUST_USE bool seal_open_rtp(struct seal *s, uint8_t *buf, size_t *len);
MUST_USE bool seal_open_rtcp(struct seal *s, uint8_t *buf, size_t *len);
