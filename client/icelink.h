/* icelink.h - one path to the relay by full ICE (libnice): gathers, checks, carries datagrams. */
#pragma once

#include "client/multihome.h"
#include "engine/base/iceserver.h"
#include "engine/base/log.h"
#include "engine/peer/nego.h"

#include <glib.h>

#define ICELINK_RELAYS 4

struct icelink;

/* TURN servers, told by the relay when it took us in. */
struct icelink_relays {
    struct iceserver server[ICELINK_RELAYS];
    size_t n;
    const char *ca; /* who vouches for them by TLS; NULL or "" = the system's */
};

/* Called in the context's thread; none of them may free the link. */
struct icelink_calls {
    void (*gathered)(void *user); /* candidates are known */
    void (*failed)(void *user);
    void (*relayed)(void *user, size_t n); /* so many addresses at TURN servers; NULL: not told */
    void (*received)(void *user, const uint8_t *bytes, size_t len);
    bool (*wants_tcp)(void *user); /* asked when UDP has had its time in vain */
    void *user;
};

/* Where addresses are looked for. */
struct icelink_place {
    bool loopback;          /* the relay is on this machine: no other interface is looked at */
    struct multihome *home; /* brought up to date */
    bool good_only;         /* only at interfaces that it trusts, if it trusts any */
};

/* Begins to gather at once. With more than one interface what has the address of one leaves by that
 * one, whatever the routing table would choose; TCP does not. */
MUST_USE enum err icelink_new(struct icelink **l, GMainContext *ctx,
                              const struct icelink_place *place, const struct icelink_calls *calls);
/* Another one is called from now on. */
void icelink_give(struct icelink *l, const struct icelink_calls *calls);
void icelink_free(struct icelink **l);

/* Our host candidates, best first. */
size_t icelink_candidates(const struct icelink *l, struct addr *out, size_t cap);

/* Starts the checks with the credentials and the remote candidates of a finished negotiation: the
 * first by UDP at once, the others by UDP when it gave no path soon, and by TCP, if that is wanted,
 * when all of them were in vain for one and a half seconds. */
MUST_USE bool icelink_start(struct icelink *l, const struct ice_conf *ice);

/* Looks for a way by TURN as well, once; what stands already is preferred. The servers are copied.
 * False: there was none that could be asked, or they were asked before. */
bool icelink_relay(struct icelink *l, const struct icelink_relays *r, const struct log *log);

/* True once a path was found. */
bool icelink_ready(const struct icelink *l);
/* The interface of the path that was found; "" = not known. */
void icelink_interface(const struct icelink *l, char name[MULTIHOME_NAME]);
/* The path that was found. */
enum icelink_way { ICELINK_UDP, ICELINK_TCP, ICELINK_TURN };
enum icelink_way icelink_way(const struct icelink *l);
const char *icelink_way_name(enum icelink_way way);
/* False: no path, or the system's buffer is full: dropped. */
bool icelink_send(struct icelink *l, const uint8_t *bytes, size_t len);
