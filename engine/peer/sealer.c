#include "engine/peer/sealer.h"

#include "engine/base/bytes.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#define GCM_TAG 16
#define CM_TAG 10
#define GCM_SALT 12

enum label { LABEL_KEY = 0, LABEL_AUTH = 1, LABEL_SALT = 2, LABEL_RTCP = 3 /* added to each */ };

/* RFC 3711 4.3.3: session keys are AES-CM key stream under the master key. */
static bool derive(const struct seal_keys *master, unsigned label, uint8_t *out, size_t len)
{
    static const uint8_t zeros[SEALER_AUTH] = {0};
    uint8_t iv[16] = {0};
    memcpy(iv, master->salt, SEAL_SALT_MAX);
    iv[7] ^= (uint8_t)label;
    int n = 0;
    EVP_CIPHER_CTX *const c = EVP_CIPHER_CTX_new();
    const bool ok = c && EVP_EncryptInit_ex(c, EVP_aes_128_ctr(), NULL, master->key, iv) == 1 &&
                    EVP_EncryptUpdate(c, out, &n, zeros, (int)len) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok;
}

static bool derive_all(struct sealer_session *session, enum seal_profile profile,
                       const struct seal_keys *master, unsigned first)
{
    struct seal_keys m = *master;
    if (profile == SEAL_AES_128_GCM) /* RFC 7714 11: a salt of 12 bytes is filled up with zeros */
        memset(m.salt + GCM_SALT, 0, SEAL_SALT_MAX - GCM_SALT);
    const bool ok = derive(&m, first + LABEL_KEY, session->key, sizeof session->key) &&
                    derive(&m, first + LABEL_AUTH, session->auth, sizeof session->auth) &&
                    derive(&m, first + LABEL_SALT, session->salt, sizeof session->salt);
    OPENSSL_cleanse(&m, sizeof m);
    return ok;
}

bool sealer_derive(struct sealer_session *session, enum seal_profile profile,
                   const struct seal_keys *master)
{
    return derive_all(session, profile, master, 0);
}

bool sealer_derive_rtcp(struct sealer_session *session, enum seal_profile profile,
                        const struct seal_keys *master)
{
    return derive_all(session, profile, master, LABEL_RTCP);
}

static bool start_mac(struct sealer *s, const uint8_t key[SEALER_AUTH])
{
    char digest[] = "SHA1";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *const hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    s->mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    return s->mac && EVP_MAC_init(s->mac, key, SEALER_AUTH, params) == 1;
}

enum err sealer_init(struct sealer *s, enum seal_profile profile,
                     const struct sealer_session *session)
{
    const bool gcm = profile == SEAL_AES_128_GCM;
    const EVP_CIPHER *const kind = gcm ? EVP_aes_128_gcm() : EVP_aes_128_ctr();
    *s = (struct sealer){.cipher = EVP_CIPHER_CTX_new()};
    memcpy(s->salt, session->salt, sizeof s->salt);
    if (s->cipher && EVP_EncryptInit_ex(s->cipher, kind, NULL, session->key, NULL) == 1 &&
        (gcm || start_mac(s, session->auth)))
        return OK;
    sealer_fini(s);
    return E_NOMEM;
}

void sealer_fini(struct sealer *s)
{
    EVP_CIPHER_CTX_free(s->cipher);
    EVP_MAC_CTX_free(s->mac);
    OPENSSL_cleanse(s, sizeof *s);
    *s = (struct sealer){0};
}

size_t sealer_tag(const struct sealer *s)
{
    return s->mac ? CM_TAG : GCM_TAG;
}

static bool turn_into(struct sealer *s, uint8_t *to, const uint8_t *from, size_t len)
{
    int n = 0;
    return len == 0 || EVP_EncryptUpdate(s->cipher, to, &n, from, (int)len) == 1;
}

/* Bytes that are encrypted where they lie. */
static bool turn_over(struct sealer *s, uint8_t *p, size_t len)
{
    return turn_into(s, p, p, len);
}

/* RFC 3550 5.1: the last byte counts them, itself included. */
static bool add_padding(struct sealer *s, uint8_t *p, uint8_t len)
{
    if (len == 0)
        return true;
    memset(p, 0, len);
    p[len - 1] = len;
    return turn_over(s, p, len);
}

/* The header is never encrypted. The patched bytes are turned over where they lie. */
static bool encrypt(struct sealer *s, const struct sealer_job *j)
{
    const struct seal_parts *const p = &j->parts;
    uint8_t *at = j->out + p->head;
    bool ok = turn_over(s, at, p->patched);
    at += p->patched;
    for (size_t i = 0; p->red && i + 1 < p->red->n; i++) {
        ok = ok && turn_into(s, at, p->red->block[i].data, p->red->block[i].len);
        at += p->red->block[i].len;
    }
    return ok && turn_into(s, at, p->rest, p->rest_len) && add_padding(s, at + p->rest_len, p->pad);
}

/* RFC 7714 8.1: 0 0 SSRC ROC SEQ, under the salt. */
static void gcm_iv(const struct sealer *s, const uint8_t *rtp, uint64_t index, uint8_t iv[12])
{
    memcpy(iv, s->salt, 12);
    put_be32(iv + 2, be32(iv + 2) ^ be32(rtp + 8));
    put_be32(iv + 6, be32(iv + 6) ^ (uint32_t)(index >> 16));
    put_be16(iv + 10, be16(iv + 10) ^ (uint16_t)index);
}

static bool run_gcm(struct sealer *s, const struct sealer_job *j)
{
    uint8_t iv[12];
    uint8_t *const tag = j->out + sealer_plain(&j->parts);
    int n = 0;
    gcm_iv(s, j->out, j->index, iv);
    return EVP_EncryptInit_ex(s->cipher, NULL, NULL, NULL, iv) == 1 &&
           EVP_EncryptUpdate(s->cipher, NULL, &n, j->out, (int)j->parts.head) == 1 &&
           encrypt(s, j) && EVP_EncryptFinal_ex(s->cipher, tag, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(s->cipher, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, tag) == 1;
}

static bool open_gcm(struct sealer *s, uint8_t *buf, size_t head, size_t plain, uint64_t index)
{
    uint8_t iv[12];
    uint8_t *const body = buf + head;
    int n = 0;
    gcm_iv(s, buf, index, iv);
    return EVP_DecryptInit_ex(s->cipher, NULL, NULL, NULL, iv) == 1 &&
           EVP_DecryptUpdate(s->cipher, NULL, &n, buf, (int)head) == 1 &&
           (plain == head ||
            EVP_DecryptUpdate(s->cipher, body, &n, body, (int)(plain - head)) == 1) &&
           EVP_CIPHER_CTX_ctrl(s->cipher, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, buf + plain) == 1 &&
           EVP_DecryptFinal_ex(s->cipher, buf + plain, &n) == 1;
}

bool sealer_hmac(struct sealer *s, const uint8_t *p, size_t len, const uint8_t *more,
                 size_t more_len, uint8_t out[SEALER_AUTH])
{
    size_t n = 0;
    return EVP_MAC_init(s->mac, NULL, 0, NULL) == 1 && EVP_MAC_update(s->mac, p, len) == 1 &&
           (more_len == 0 || EVP_MAC_update(s->mac, more, more_len) == 1) &&
           EVP_MAC_final(s->mac, out, &n, SEALER_AUTH) == 1;
}

/* RFC 3711 4.2: the tag covers the packet and the roll-over counter, which is not sent. */
static bool hmac_of(struct sealer *s, const uint8_t *buf, size_t len, uint64_t index,
                    uint8_t out[SEALER_AUTH])
{
    uint8_t roc[4];
    put_be32(roc, (uint32_t)(index >> 16));
    return sealer_hmac(s, buf, len, roc, sizeof roc, out);
}

/* RFC 3711 4.1.1: salt, SSRC and index side by side, then the block counter. */
static bool start_cm(struct sealer *s, const uint8_t *rtp, uint64_t index)
{
    uint8_t iv[16] = {0};
    memcpy(iv, s->salt, SEAL_SALT_MAX);
    put_be32(iv + 4, be32(iv + 4) ^ be32(rtp + 8));
    put_be64(iv + 8, be64(iv + 8) ^ index << 16);
    return EVP_EncryptInit_ex(s->cipher, NULL, NULL, NULL, iv) == 1;
}

static bool run_cm(struct sealer *s, const struct sealer_job *j)
{
    const size_t len = sealer_plain(&j->parts);
    uint8_t full[SEALER_AUTH];
    if (!start_cm(s, j->out, j->index) || !encrypt(s, j) ||
        !hmac_of(s, j->out, len, j->index, full))
        return false;
    memcpy(j->out + len, full, CM_TAG);
    return true;
}

/* AES-CM is its own inverse. */
static bool open_cm(struct sealer *s, uint8_t *buf, size_t head, size_t plain, uint64_t index)
{
    uint8_t full[SEALER_AUTH];
    return hmac_of(s, buf, plain, index, full) && CRYPTO_memcmp(full, buf + plain, CM_TAG) == 0 &&
           start_cm(s, buf, index) && turn_over(s, buf + head, plain - head);
}

bool sealer_run(struct sealer *s, const struct sealer_job *job)
{
    return s->mac ? run_cm(s, job) : run_gcm(s, job);
}

bool sealer_open(struct sealer *s, uint8_t *buf, size_t head, size_t len, uint64_t index)
{
    const size_t tag = sealer_tag(s);
    if (len < head + tag)
        return false;
    return s->mac ? open_cm(s, buf, head, len - tag, index)
                  : open_gcm(s, buf, head, len - tag, index);
}
