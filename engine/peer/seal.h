/* seal.h - SRTP and SRTCP of one connection, both directions (RFC 3711, RFC 7714). The only door
 * out for media: nothing leaves unsealed. */
#pragma once

#include "engine/base/base.h"
#include "engine/wire/red.h"

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

/* What a sealed RTP packet is made of. */
struct seal_parts {
    size_t head;           /* bytes of header, already in the buffer */
    size_t patched;        /* and, behind it, bytes of payload that differ for this viewer */
    const struct red *red; /* then all of its blocks but the last, likewise shared; NULL: none */
    const uint8_t *rest;   /* of the payload, read from the shared packet and never written */
    size_t rest_len;
    uint8_t
        pad; /* bytes of RTP padding to add (RFC 3550 5.1); the header's P bit is the caller's */
};

/* The packet in `out` becomes one of type `pt` that repeats earlier ones: the headers of *r are the
 * patched bytes, the rest is its last block. *r must live until the packet is sealed. */
void seal_red(struct seal_parts *p, uint8_t *out, size_t cap, uint8_t pt, const struct red *r);

/* Seals one RTP packet into `out`. Returns the whole length; 0: no room, or this SSRC and sequence
 * number was sealed before (a key stream is never used twice): drop. */
size_t seal_rtp(struct seal *s, uint8_t *out, size_t cap, const struct seal_parts *parts);
/* The length that it will have. */
size_t seal_rtp_len(const struct seal *s, const struct seal_parts *parts);

/* Seals a compound in place. Returns the new length, 0: no room. */
size_t seal_rtcp(struct seal *s, uint8_t *buf, size_t len, size_t cap);

/* Opens in place; *len becomes shorter. False: forged, replayed or too old: drop. */
MUST_USE bool seal_open_rtp(struct seal *s, uint8_t *buf, size_t *len);
MUST_USE bool seal_open_rtcp(struct seal *s, uint8_t *buf, size_t *len);
