#include "engine/peer/dtls_rest.h"

#include "engine/base/bytes.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

/* RFC 6347 4.1: type, version, epoch and number, length. */
#define HEAD 13
#define ALERT 21
#define ALERT_LEN 2
#define TAG 16
#define GCM_KEY 16
#define GCM_IV 4
#define GCM_NONCE 8 /* in the record, before the ciphertext (RFC 5288 3) */
#define CHACHA_KEY 32
#define NONCE 12
#define EPOCH 1 /* the handshake's keys; there is no renegotiation */
#define SECRET 48

/* All suites that we offer have SHA-256 (RFC 5289, RFC 7905). */
static bool expand(SSL *ssl, uint8_t *out, size_t len)
{
    static const char label[] = "key expansion";
    uint8_t secret[SECRET];
    uint8_t seed[sizeof label - 1 + 2 * SSL3_RANDOM_SIZE];
    memcpy(seed, label, sizeof label - 1);
    SSL_get_server_random(ssl, seed + sizeof label - 1, SSL3_RANDOM_SIZE);
    SSL_get_client_random(ssl, seed + sizeof label - 1 + SSL3_RANDOM_SIZE, SSL3_RANDOM_SIZE);
    const size_t secret_len =
        SSL_SESSION_get_master_key(SSL_get_session(ssl), secret, sizeof secret);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, secret, secret_len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof seed),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *const prf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_PRF, NULL);
    EVP_KDF_CTX *const c = prf ? EVP_KDF_CTX_new(prf) : NULL;
    const bool ok = c && secret_len == SECRET && EVP_KDF_derive(c, out, len, params) == 1;
    EVP_KDF_CTX_free(c);
    EVP_KDF_free(prf);
    OPENSSL_cleanse(secret, sizeof secret);
    return ok;
}

bool dtls_rest_keys(struct dtls_rest *r, SSL *ssl, bool server)
{
    *r = (struct dtls_rest){0};
    const SSL_CIPHER *const cipher = SSL_get_current_cipher(ssl);
    const int kind = cipher ? SSL_CIPHER_get_cipher_nid(cipher) : NID_undef;
    if (kind != NID_aes_128_gcm && kind != NID_chacha20_poly1305)
        return false;
    const size_t key = kind == NID_aes_128_gcm ? GCM_KEY : CHACHA_KEY;
    const size_t iv = kind == NID_aes_128_gcm ? GCM_IV : NONCE;

    /* client's key, server's key, client's IV, server's IV; a server reads what the client seals */
    uint8_t block[2 * (CHACHA_KEY + NONCE)];
    const bool ok = expand(ssl, block, 2 * (key + iv));
    if (ok) {
        r->key_len = (uint8_t)key;
        memcpy(r->key, block + (server ? 0 : key), key);
        memcpy(r->iv, block + 2 * key + (server ? 0 : iv), iv);
    }
    OPENSSL_cleanse(block, sizeof block);
    return ok;
}

static void make_nonce(const struct dtls_rest *r, const uint8_t *rec, uint8_t nonce[NONCE])
{
    memcpy(nonce, r->iv, NONCE);
    if (r->key_len == GCM_KEY) {
        memcpy(nonce + GCM_IV, rec + HEAD, GCM_NONCE);
        return;
    }
    for (size_t i = 0; i < 8; i++) /* RFC 7905 2: epoch and number, under the IV */
        nonce[NONCE - 8 + i] ^= rec[3 + i];
}

/* One alert record of the right length. */
static bool open_alert(const struct dtls_rest *r, const uint8_t *rec, size_t body, uint8_t alert[2])
{
    const EVP_CIPHER *const kind =
        r->key_len == GCM_KEY ? EVP_aes_128_gcm() : EVP_chacha20_poly1305();
    uint8_t nonce[NONCE];
    uint8_t aad[HEAD];
    uint8_t tag[TAG];
    const uint8_t *const text = rec + HEAD + body - TAG - ALERT_LEN;
    make_nonce(r, rec, nonce);
    memcpy(aad, rec + 3, 8); /* epoch and number go first here */
    memcpy(aad + 8, rec, 3);
    put_be16(aad + 11, ALERT_LEN);
    memcpy(tag, text + ALERT_LEN, TAG);

    int n = 0;
    EVP_CIPHER_CTX *const c = EVP_CIPHER_CTX_new();
    const bool ok = c && EVP_DecryptInit_ex(c, kind, NULL, r->key, nonce) == 1 &&
                    EVP_DecryptUpdate(c, NULL, &n, aad, sizeof aad) == 1 &&
                    EVP_DecryptUpdate(c, alert, &n, text, ALERT_LEN) == 1 &&
                    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 &&
                    EVP_DecryptFinal_ex(c, alert + ALERT_LEN, &n) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok;
}

bool dtls_rest_alert(const struct dtls_rest *r, const uint8_t *p, size_t len, uint8_t *level,
                     uint8_t *what)
{
    const size_t sealed = ALERT_LEN + TAG + (r->key_len == GCM_KEY ? GCM_NONCE : 0);
    while (len >= HEAD) {
        const size_t body = be16(p + 11);
        uint8_t alert[ALERT_LEN];
        if (body > len - HEAD)
            return false;
        if (p[0] == ALERT && be16(p + 3) == EPOCH && body == sealed &&
            open_alert(r, p, body, alert)) {
            *level = alert[0];
            *what = alert[1];
            return true;
        }
        p += HEAD + body;
        len -= HEAD + body;
    }
    return false;
}

void dtls_rest_forget(struct dtls_rest *r)
{
    OPENSSL_cleanse(r, sizeof *r);
}
