/* cert.h - the key and certificate of HTTPS: those of the configuration, or self-signed ones made
 * at first start. */
#pragma once

#include "engine/base/rng.h"

/* PEM texts; the caller frees both by cert_free. */
struct cert {
    char *key, *certificate;
};

/* Reads both files. `why` says in one sentence what is wrong. */
MUST_USE enum err cert_read(struct cert *c, const char *key, const char *certificate,
                            char why[256]);

/* DIR/tls.key (mode 0600) and DIR/tls.crt, made if neither is there: P-256, ten years, good for
 * localhost, this machine's name and `names` (addresses as text). */
MUST_USE enum err cert_self(struct cert *c, const char *dir, const char *const *names, size_t n,
                            struct rng *rng, char why[256]);

void cert_free(struct cert *c);
