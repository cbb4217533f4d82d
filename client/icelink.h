/* icelink.h - one path to the relay by full ICE (libnice): gathers, checks, carries datagrams. */
#pragma once

#include "engine/peer/nego.h"

#include <glib.h>

struct icelink;

/* Called in the context's thread; none of them may free the link. */
struct icelink_calls {
    void (*gathered)(void *user); /* candidates are known */
    void (*failed)(void *user);
    void (*received)(void *user, const uint8_t *bytes, size_t len);
    void *user;
};

/* Begins to gather at once. `loopback`: the relay is on this machine, no other interface is
 * looked at. */
MUST_USE enum err icelink_new(struct icelink **l, GMainContext *ctx, bool loopback,
                              const struct icelink_calls *calls);
/* Another one is called from now on. */
void icelink_give(struct icelink *l, const struct icelink_calls *calls);
void icelink_free(struct icelink **l);

/* Our host candidates, best first. */
size_t icelink_candidates(const struct icelink *l, struct addr *out, size_t cap);

/* Starts the checks with the credentials and the remote candidates of a finished negotiation: by
 * UDP, and by TCP when it was in vain for two seconds. */
MUST_USE bool icelink_start(struct icelink *l, const struct ice_conf *ice);

/* True once a path was found. */
bool icelink_ready(const struct icelink *l);
bool icelink_by_tcp(const struct icelink *l); /* the path that was found */
/* False: no path, or the system's buffer is full: dropped. */
bool icelink_send(struct icelink *l, const uint8_t *bytes, size_t len);
