/* interfaces.h - the network interfaces of this machine that may lead to a relay. */
#pragma once

#include "client/multihome.h"

#include <sys/socket.h>

/* One line of /proc/net/route, or of /proc/net/ipv6_route. */
struct interfaces_route {
    char name[MULTIHOME_NAME];
    uint32_t metric;
    bool whole; /* a default route; else one through a gateway, to some net */
};

/* False: not a line with a route that leads farther than to the next cable. */
MUST_USE bool interfaces_route4(struct interfaces_route *r, const char *line);
MUST_USE bool interfaces_route6(struct interfaces_route *r, const char *line);

/* Tells `m` what is up now, has an address and a route that leads farther: by the metric of its
 * default route, then those that have none. What cannot be read leads nowhere. */
void interfaces_refresh(struct multihome *m);

/* The interface that has an address. False: none has. */
bool interfaces_of(const struct sockaddr *a, char name[MULTIHOME_NAME]);

/* Calls `take` with each address of an interface that is not link-local. */
void interfaces_addresses(const char *name, void (*take)(void *user, const struct sockaddr *a),
                          void *user);
