#include "engine/base/rng.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum err rng_init(struct rng *r, const uint8_t seed[32])
{
    static const uint8_t iv[16] = {0};
    r->cipher = EVP_CIPHER_CTX_new();
    if (r->cipher && EVP_EncryptInit_ex(r->cipher, EVP_chacha20(), NULL, seed, iv) == 1)
        return OK;
    rng_fini(r);
    return E_NOMEM;
}

void rng_fini(struct rng *r)
{
    EVP_CIPHER_CTX_free(r->cipher);
    r->cipher = NULL;
}

void rng_bytes(struct rng *r, void *out, size_t len)
{
    static const uint8_t zeros[256] = {0};
    uint8_t *p = out;
    while (len > 0) {
        const size_t n = size_min(len, sizeof zeros);
        int done = 0;
        /* A stream cipher in memory has no way to fail; going on without randomness would be worse
         * than stopping. */
        if (EVP_EncryptUpdate(r->cipher, p, &done, zeros, (int)n) != 1)
            abort();
        p += n;
        len -= n;
    }
}

uint32_t rng_u32(struct rng *r)
{
    uint32_t v = 0;
    rng_bytes(r, &v, sizeof v);
    return v;
}

uint64_t rng_u64(struct rng *r)
{
    uint64_t v = 0;
    rng_bytes(r, &v, sizeof v);
    return v;
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
    assert(n > 0);
    const uint32_t fair = UINT32_MAX - UINT32_MAX % n; /* the rest would favour small numbers */
    uint32_t v = rng_u32(r);
    while (v >= fair)
        v = rng_u32(r);
    return v % n;
}

void rng_text(struct rng *r, char *out, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < len; i++)
        out[i] = alphabet[rng_below(r, sizeof alphabet - 1)];
    out[len] = 0;
}
