#include "engine/peer/dtls_cert.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define SHA256_LEN 32

/* Ours is a P-256 certificate; the RSA suites are for a server that has an RSA one. */
static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
                              "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305";
static const char profiles[] = "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";

bool dtls_cert_hash(const X509 *x, char out[DTLS_FP_TEXT])
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (X509_digest(x, EVP_sha256(), hash, &len) != 1 || len != SHA256_LEN)
        return false;
    for (size_t i = 0; i < SHA256_LEN; i++) {
        out[3 * i] = digits[hash[i] >> 4];
        out[3 * i + 1] = digits[hash[i] & 15];
        out[3 * i + 2] = ':';
    }
    out[3 * SHA256_LEN - 1] = 0;
    return true;
}

/* Nobody checks the dates of a certificate that is known by its fingerprint (RFC 8122 5); they
 * are the widest there are (RFC 5280 4.1.2.5), so that no clock is asked. */
static bool fill(X509 *x, EVP_PKEY *key)
{
    X509_NAME *const name = X509_get_subject_name(x);
    return X509_set_version(x, 2) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), 1) == 1 &&
           ASN1_TIME_set_string(X509_getm_notBefore(x), "19700101000000Z") == 1 &&
           ASN1_TIME_set_string(X509_getm_notAfter(x), "99991231235959Z") == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"liangshi", -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 &&
           X509_sign(x, key, EVP_sha256()) > 0;
}

static bool set_up(SSL_CTX *ctx)
{
    char groups[] = "X25519:P-256:P-384"; /* OpenSSL's macro takes no const text */
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, dtls_verify, NULL);
    SSL_CTX_set_quiet_shutdown(ctx, 0);
    return SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, ciphers) == 1 &&
           SSL_CTX_set1_groups_list(ctx, groups) == 1 &&
           SSL_CTX_set_tlsext_use_srtp(ctx, profiles) == 0; /* 0 is good, unlike the others */
}

static bool own_cert(struct dtls_cert *c)
{
    EVP_PKEY *const key = EVP_EC_gen("P-256");
    X509 *const x = X509_new();
    const bool ok = key && x && fill(x, key) && SSL_CTX_use_certificate(c->ctx, x) == 1 &&
                    SSL_CTX_use_PrivateKey(c->ctx, key) == 1 && dtls_cert_hash(x, c->fingerprint);
    X509_free(x);
    EVP_PKEY_free(key);
    return ok;
}

enum err dtls_cert_new(struct dtls_cert **cp)
{
    struct dtls_cert *c = *cp = calloc(1, sizeof *c);
    if (!c)
        return E_NOMEM;
    c->bio = dtls_bio_method();
    c->ctx = SSL_CTX_new(DTLS_method());
    if (c->bio && c->ctx && set_up(c->ctx) && own_cert(c))
        return OK;
    ERR_clear_error();
    dtls_cert_free(cp);
    return E_NOMEM;
}

enum err dtls_cert_without_gcm(struct dtls_cert *c)
{
    return SSL_CTX_set_tlsext_use_srtp(c->ctx, "SRTP_AES128_CM_SHA1_80") == 0 ? OK : E_NOMEM;
}

void dtls_cert_free(struct dtls_cert **cp)
{
    struct dtls_cert *const c = *cp;
    if (!c)
        return;
    *cp = NULL;
    SSL_CTX_free(c->ctx);
    BIO_meth_free(c->bio);
    free(c);
}

const char *dtls_cert_fingerprint(const struct dtls_cert *c)
{
    return c->fingerprint;
}
