/* sealer.h - one direction of SRTP on OpenSSL EVP: one keyed context, a new IV for each packet,
 * plaintext read where it lies and ciphertext written where it leaves. */
#pragma once

#include "engine/peer/seal.h"

#include <openssl/evp.h>

#define SEALER_AUTH 20 /* HMAC-SHA1 key */

/* What encrypts packets, as derived from the master key of the handshake. */
struct sealer_session {
    uint8_t key[SEAL_KEY];
    uint8_t auth[SEALER_AUTH]; /* AES-CM only */
    uint8_t salt[SEAL_SALT_MAX];
};

/* RFC 3711 4.3, with a key derivation rate of 0. False: no memory. */
MUST_USE bool sealer_derive(struct sealer_session *session, enum seal_profile profile,
                            const struct seal_keys *master);

/* The same for SRTCP. */
MUST_USE bool sealer_derive_rtcp(struct sealer_session *session, enum seal_profile profile,
                                 const struct seal_keys *master);

struct sealer {
    EVP_CIPHER_CTX *cipher;
    EVP_MAC_CTX *mac; /* AES-CM only */
    uint8_t salt[SEAL_SALT_MAX];
};

MUST_USE enum err sealer_init(struct sealer *s, enum seal_profile profile,
                              const struct sealer_session *session);
void sealer_fini(struct sealer *s);

/* The bytes of one packet: see seal_rtp. */
struct sealer_job {
    uint8_t *out; /* header, then the patched bytes */
    struct seal_parts parts;
    uint64_t index; /* roll-overs and sequence number */
};

/* Bytes of a packet before the tag. */
static inline size_t sealer_plain(const struct seal_parts *p)
{
    size_t n = p->head + p->patched + p->rest_len + p->pad;
    for (size_t i = 0; p->red && i + 1 < p->red->n; i++)
        n += p->red->block[i].len;
    return n;
}

/* Bytes that the authentication tag adds. */
size_t sealer_tag(const struct sealer *s);

/* Encrypts and appends the tag; there must be room. False: OpenSSL failed. */
MUST_USE bool sealer_run(struct sealer *s, const struct sealer_job *job);

/* Opens a packet in place: `head` bytes of header, all that follows up to `len` is payload and tag.
 * False: forged; what was encrypted is not to be used. */
MUST_USE bool sealer_open(struct sealer *s, uint8_t *buf, size_t head, size_t len, uint64_t index);

/* AES-CM: the whole HMAC of two pieces of bytes. */
MUST_USE bool sealer_hmac(struct sealer *s, const uint8_t *p, size_t len, const uint8_t *more,
                          size_t more_len, uint8_t out[SEALER_AUTH]);
