/* addr.h - a transport address, comparable and hashable without looking at its family. */
#pragma once

#include "engine/base/base.h"

enum addr_proto { ADDR_UDP, ADDR_TCP };

/* IPv4 is kept as IPv4-mapped IPv6 (RFC 4291 2.5.5.2), so that one dual-stack socket serves both
 * and two addresses are equal if their bytes are. */
struct addr {
    uint8_t ip[16];
    uint16_t port; /* host order */
    uint8_t proto; /* enum addr_proto */
    uint8_t pad;   /* always 0 */
};

#define ADDR_TEXT 64 /* enough for addr_format, with its 0 */

bool addr_eq(const struct addr *a, const struct addr *b);
uint64_t addr_hash(const struct addr *a);
bool addr_is_v4(const struct addr *a);

/* ip[16] from four or sixteen raw bytes. */
struct addr addr_v4(const uint8_t ip[4], uint16_t port);
struct addr addr_v6(const uint8_t ip[16], uint16_t port);

/* "192.0.2.1:5000", "[2001:db8::1]:5000" or ":5000" (any address). No names. False: not one. */
MUST_USE bool addr_parse(struct addr *a, const char *text);

/* The address without its port, as in a candidate line ("192.0.2.1", "2001:db8::1"). */
const char *addr_ip_text(const struct addr *a, char out[ADDR_TEXT]);

/* Address and port, in the form that addr_parse reads. */
const char *addr_format(const struct addr *a, char out[ADDR_TEXT]);

/* For logs at level info: the last byte (IPv4) or the last ten (IPv6) are hidden. */
const char *addr_masked(const struct addr *a, char out[ADDR_TEXT]);
