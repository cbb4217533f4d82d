/* rng.h - randomness as an argument: a ChaCha20 key stream (RFC 8439), fit for keys and passwords
 * when seeded from the system, repeatable when seeded by a test. */
#pragma once

#include "engine/base/base.h"

struct rng {
    void *cipher; /* EVP_CIPHER_CTX */
};

/* 32 bytes of seed: from getrandom in a program (io/clock.h, io_seed), fixed in a test. */
MUST_USE enum err rng_init(struct rng *r, const uint8_t seed[32]);
void rng_fini(struct rng *r);

void rng_bytes(struct rng *r, void *out, size_t len);
uint32_t rng_u32(struct rng *r);
uint64_t rng_u64(struct rng *r);
/* Even over 0 … n-1; n > 0. */
uint32_t rng_below(struct rng *r, uint32_t n);

/* `len` characters of the ICE alphabet without the two signs (A-Z a-z 0-9), and a 0. */
void rng_text(struct rng *r, char *out, size_t len);
