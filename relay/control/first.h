/* first.h - who has connected, by the first bytes that he sends: HTTPS, HTTP and ICE over TCP
 * (RFC 6544) share a port. Pure. */
#pragma once

#include "engine/io/frame.h"
#include "engine/wire/stun.h"
#include "relay/media/hub.h"

#define FIRST_MAX (FRAME_HEAD + STUN_MSG_MAX)

enum first {
    FIRST_MORE, /* not to be told yet */
    FIRST_TLS,
    FIRST_HTTP,
    FIRST_CALL, /* a whole check of ICE in its frame */
    FIRST_BAD,  /* nobody we serve */
};

/* The first n bytes of a connection. FIRST_MORE: *want bytes are to be read next, and no more (0:
 * look at one byte and leave it there). FIRST_CALL: ufrag is whom it names, filled up with zeros.
 */
enum first first_look(const uint8_t *p, size_t n, size_t *want, char ufrag[HUB_UFRAG]);
