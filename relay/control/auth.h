/* auth.h - tokens: made and checked with the node's own key (JWT, ES256). */
#pragma once

#include "relay/lesson/role.h"

struct auth;

#define TOKEN_CAP 4096
#define GRANT_CAP 64

/* The key of DIR/node.jwk; made (mode 0600) if the file is not there. `why` says what is wrong with
 * the file in one sentence. */
MUST_USE enum err auth_new(struct auth **a, const char *dir, char why[256]);
void auth_free(struct auth **a);

/* The token as text; false: no memory, or claims that make no sense. */
MUST_USE bool auth_sign(const struct auth *a, const struct claims *c, char out[TOKEN_CAP]);

/* Checks signature, form and time. False: `p` says which. */
MUST_USE bool auth_check(const struct auth *a, const char *token, int64_t now_s, struct claims *c,
                         struct problem *p);

/* A signature that opens one resource until `exp` (seconds): part of a path, see
 * docs/http-api.md section 9. */
void auth_grant(const struct auth *a, const char *resource, int64_t exp, char out[GRANT_CAP]);
MUST_USE bool auth_grant_check(const struct auth *a, const char *grant, const char *resource,
                               int64_t now_s, struct problem *p);
