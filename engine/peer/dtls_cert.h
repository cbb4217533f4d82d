/* dtls_cert.h - what all DTLS connections of a process share; for dtls.c and dtls_cert.c only. */
#pragma once

#include "engine/peer/dtls.h"

#include <openssl/ssl.h>

struct dtls_cert {
    SSL_CTX *ctx;
    BIO_METHOD *bio; /* datagrams in memory, see dtls.c */
    char fingerprint[DTLS_FP_TEXT];
};

/* SHA-256 of a certificate in SDP's form. False: OpenSSL failed. */
MUST_USE bool dtls_cert_hash(const X509 *x, char out[DTLS_FP_TEXT]);

/* In dtls.c: the way of OpenSSL to a connection's datagrams. NULL: no memory. */
BIO_METHOD *dtls_bio_method(void);

/* In dtls.c: compares the remote certificate with the promised fingerprint. */
int dtls_verify(X509_STORE_CTX *store, void *unused);
