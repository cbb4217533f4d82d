#include "engine/peer/srtcp.h"

#include "engine/base/bytes.h"

#include <openssl/crypto.h>

#define HEAD 8 /* never encrypted: the first packet's header and SSRC */
#define TRAILER 4
#define ENCRYPTED 0x80000000u
#define INDEX_MAX 0x7fffffffu
#define GCM_TAG 16
#define CM_TAG 10
#define WINDOW 64u

enum err srtcp_init(struct srtcp *s, enum seal_profile profile, const struct seal_keys *master)
{
    struct sealer_session session;
    *s = (struct srtcp){0};
    const enum err e = sealer_derive_rtcp(&session, profile, master)
                           ? sealer_init(&s->key, profile, &session)
                           : E_NOMEM;
    OPENSSL_cleanse(&session, sizeof session);
    return e;
}

void srtcp_fini(struct srtcp *s)
{
    sealer_fini(&s->key);
}

static bool is_gcm(const struct srtcp *s)
{
    return !s->key.mac;
}

/* RFC 7714 9.1: 0 0 SSRC 0 0 index, under the salt. */
static void gcm_iv(const struct srtcp *s, const uint8_t *buf, uint32_t index, uint8_t iv[12])
{
    memcpy(iv, s->key.salt, 12);
    put_be32(iv + 2, be32(iv + 2) ^ be32(buf + 4));
    put_be32(iv + 8, be32(iv + 8) ^ index);
}

/* RFC 3711 4.1.1, with the index of 31 bits. AES-CM is its own inverse. */
static bool run_cm(const struct srtcp *s, uint8_t *buf, size_t len, uint32_t index)
{
    uint8_t iv[16] = {0};
    memcpy(iv, s->key.salt, SEAL_SALT_MAX);
    put_be32(iv + 4, be32(iv + 4) ^ be32(buf + 4));
    put_be64(iv + 8, be64(iv + 8) ^ (uint64_t)index << 16);
    int n = 0;
    uint8_t *const body = buf + HEAD;
    return EVP_EncryptInit_ex(s->key.cipher, NULL, NULL, NULL, iv) == 1 &&
           (len == HEAD ||
            EVP_EncryptUpdate(s->key.cipher, body, &n, body, (int)(len - HEAD)) == 1);
}

/* The tag covers the index too, and stands behind it. */
static bool seal_cm(struct srtcp *s, uint8_t *buf, size_t len, uint32_t index)
{
    uint8_t tag[SEALER_AUTH];
    put_be32(buf + len, ENCRYPTED | index);
    if (!run_cm(s, buf, len, index) || !sealer_hmac(&s->key, buf, len + TRAILER, NULL, 0, tag))
        return false;
    memcpy(buf + len + TRAILER, tag, CM_TAG);
    return true;
}

static bool open_cm(struct srtcp *s, uint8_t *buf, size_t len, uint32_t index)
{
    uint8_t tag[SEALER_AUTH];
    return sealer_hmac(&s->key, buf, len + TRAILER, NULL, 0, tag) &&
           CRYPTO_memcmp(tag, buf + len + TRAILER, CM_TAG) == 0 && run_cm(s, buf, len, index);
}

/* RFC 7714 9.2: the tag stands before the index, which is authentic as associated data. */
static bool seal_gcm(struct srtcp *s, uint8_t *buf, size_t len, uint32_t index)
{
    EVP_CIPHER_CTX *const c = s->key.cipher;
    uint8_t *const body = buf + HEAD, *const tag = buf + len, *const trailer = tag + GCM_TAG;
    uint8_t iv[12];
    int n = 0;
    gcm_iv(s, buf, index, iv);
    put_be32(trailer, ENCRYPTED | index);
    return EVP_EncryptInit_ex(c, NULL, NULL, NULL, iv) == 1 &&
           EVP_EncryptUpdate(c, NULL, &n, buf, HEAD) == 1 &&
           EVP_EncryptUpdate(c, NULL, &n, trailer, TRAILER) == 1 &&
           (len == HEAD || EVP_EncryptUpdate(c, body, &n, body, (int)(len - HEAD)) == 1) &&
           EVP_EncryptFinal_ex(c, tag, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, tag) == 1;
}

static bool open_gcm(struct srtcp *s, uint8_t *buf, size_t len, uint32_t index)
{
    EVP_CIPHER_CTX *const c = s->key.cipher;
    uint8_t *const body = buf + HEAD, *const tag = buf + len, *const trailer = tag + GCM_TAG;
    uint8_t iv[12];
    int n = 0;
    gcm_iv(s, buf, index, iv);
    return EVP_DecryptInit_ex(c, NULL, NULL, NULL, iv) == 1 &&
           EVP_DecryptUpdate(c, NULL, &n, buf, HEAD) == 1 &&
           EVP_DecryptUpdate(c, NULL, &n, trailer, TRAILER) == 1 &&
           (len == HEAD || EVP_DecryptUpdate(c, body, &n, body, (int)(len - HEAD)) == 1) &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, tag) == 1 &&
           EVP_DecryptFinal_ex(c, tag, &n) == 1;
}

size_t srtcp_seal(struct srtcp *s, uint8_t *buf, size_t len, size_t cap)
{
    const size_t sealed = len + TRAILER + (is_gcm(s) ? GCM_TAG : CM_TAG);
    if (len < HEAD || sealed > cap || s->sent == INDEX_MAX)
        return 0;
    s->sent++; /* also if it fails: no index is used twice */
    const bool ok = is_gcm(s) ? seal_gcm(s, buf, len, s->sent) : seal_cm(s, buf, len, s->sent);
    return ok ? sealed : 0;
}

static bool is_new(const struct srtcp_replay *r, uint32_t index)
{
    if (index > r->highest || r->seen == 0)
        return true;
    const uint32_t back = r->highest - index;
    return back < WINDOW && !(r->seen >> back & 1);
}

static void take(struct srtcp_replay *r, uint32_t index)
{
    if (r->seen == 0 || index > r->highest) {
        const uint32_t ahead = index - r->highest;
        r->seen = r->seen == 0 || ahead >= WINDOW ? 1 : r->seen << ahead | 1;
        r->highest = index;
        return;
    }
    r->seen |= UINT64_C(1) << (r->highest - index);
}

bool srtcp_open(struct srtcp *s, struct srtcp_replay *r, uint8_t *buf, size_t *len)
{
    const size_t tag = is_gcm(s) ? GCM_TAG : CM_TAG;
    if (*len < HEAD + TRAILER + tag || *len > UINT16_MAX)
        return false;
    const size_t plain = *len - TRAILER - tag;
    const uint32_t trailer = be32(buf + plain + (is_gcm(s) ? GCM_TAG : 0));
    const uint32_t index = trailer & INDEX_MAX;
    if (!(trailer & ENCRYPTED) || !is_new(r, index))
        return false;
    if (!(is_gcm(s) ? open_gcm(s, buf, plain, index) : open_cm(s, buf, plain, index)))
        return false;
    take(r, index);
    *len = plain;
    return true;
}
