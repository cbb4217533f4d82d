/* dtls.h - the DTLS 1.2 handshake that yields SRTP keys (RFC 5764, RFC 8827), on OpenSSL with
 * memory BIOs. Time comes from the caller; OpenSSL's own retransmission timer is driven by it. */
#pragma once

#include "engine/base/rng.h"
#include "engine/peer/seal.h"

#define DTLS_FP_TEXT 96 /* "AB:CD:…" of SHA-256, with its 0 */
#define DTLS_MTU 1200   /* longest datagram that dtls_output gives */

/* A key (P-256) and a self-signed certificate, shared by all connections of a process. */
struct dtls_cert;

MUST_USE enum err dtls_cert_new(struct dtls_cert **c);
/* For tests against peers that have AES-CM with SHA-1 only. Before the first dtls_new. */
MUST_USE enum err dtls_cert_without_gcm(struct dtls_cert *c);
void dtls_cert_free(struct dtls_cert **c);
const char *dtls_cert_fingerprint(const struct dtls_cert *c); /* of a=fingerprint:sha-256 */

enum dtls_state { DTLS_HANDSHAKE, DTLS_OPEN, DTLS_CLOSED, DTLS_FAILED };

struct dtls;

/* `fingerprint`: what the remote certificate must hash to (SHA-256, capitals, colons). The cert
 * must outlive the connection. */
MUST_USE enum err dtls_new(struct dtls **d, const struct dtls_cert *c, bool server,
                           const char *fingerprint);
void dtls_free(struct dtls **d);

/* A datagram came. Afterwards drain dtls_output. */
void dtls_input(struct dtls *d, usec now, const uint8_t *p, size_t len);
/* A client starts by its first tick. Afterwards drain dtls_output. */
void dtls_tick(struct dtls *d, usec now);
usec dtls_next(const struct dtls *d);

/* The next datagram to send into buf; its length, 0 when there is no more. */
size_t dtls_output(struct dtls *d, uint8_t *buf, size_t cap);

enum dtls_state dtls_state(const struct dtls *d);
/* Why it failed, one static or owned English sentence; NULL if it did not. */
const char *dtls_why(const struct dtls *d);

/* The remote side has sent something authentic under the keys: the handshake is over for it too.
 * Some seconds later, by dtls_tick, most of the memory is given back; alerts still work. */
void dtls_proved(struct dtls *d, usec now);

/* In state DTLS_OPEN and before dtls_proved: what was agreed, ready for seal_new. */
MUST_USE enum err dtls_keys(const struct dtls *d, enum seal_profile *profile,
                            struct seal_keys *send, struct seal_keys *recv);

/* Queues a close_notify. */
void dtls_close(struct dtls *d);
