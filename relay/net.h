/* net.h - the addresses of this machine. */
#pragma once

#include "engine/base/addr.h"

/* A bound address as others reach it: itself, or for the any-address those of all interfaces
 * (IPv4 first, then IPv6 without link-local ones, loopback last). Returns how many of out[]. */
size_t net_expand(const struct addr *bound, struct addr *out, size_t cap);
