/* dtls_rest.h - what is kept of a DTLS connection when its handshake is long over, instead of 70
 * KiB of OpenSSL's: how to say goodbye and how to hear it. For dtls.c only. */
#pragma once

#include "engine/base/base.h"

#include <openssl/ssl.h>

#define DTLS_REST_BYE 64 /* one sealed alert has 37 or 39 bytes */

/* Only reading goes on: nothing is sealed any more under the keys of the connection but the goodbye
 * that OpenSSL sealed in its time, so that no nonce can be used twice. */
struct dtls_rest {
    uint8_t bye[DTLS_REST_BYE]; /* our close_notify as a datagram; at most one is ever sent */
    uint8_t bye_len;
    uint8_t key_len; /* of what the remote side seals with: 16 AES-GCM, 32 ChaCha20-Poly1305 */
    uint8_t key[32];
    uint8_t iv[12]; /* AES-GCM: 4 bytes, the rest is in the record */
};

/* The remote side's key of an open DTLS 1.2 connection (RFC 5246 6.3). False: no memory, or a
 * cipher that is not one of the two. */
MUST_USE bool dtls_rest_keys(struct dtls_rest *r, SSL *ssl, bool server);

/* The first authentic alert in a datagram. False: there is none. */
MUST_USE bool dtls_rest_alert(const struct dtls_rest *r, const uint8_t *p, size_t len,
                              uint8_t *level, uint8_t *what);

void dtls_rest_forget(struct dtls_rest *r);
