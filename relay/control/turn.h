/* turn.h - credentials for a TURN server that shares a secret with us
 * (draft-uberti-behave-turn-rest-00; coturn: use-auth-secret). */
#pragma once

#include "engine/base/base.h"

#define TURN_PASSWORD 29 /* base64 of 20 bytes, with the 0 */

/* For a username "EXPIRY:NAME" with EXPIRY in seconds since 1970. False: no memory. */
MUST_USE bool turn_password(const char *secret, const char *username, char out[TURN_PASSWORD]);
