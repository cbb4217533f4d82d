#include "relay/net.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

/* 0 IPv4, 1 IPv6, 2 loopback: the order in which peers should try; -1: of no use. */
static int rank_of(const struct ifaddrs *i, struct addr *a, uint16_t port)
{
    if (!i->ifa_addr || !(i->ifa_flags & IFF_UP))
        return -1;
    const bool loopback = (i->ifa_flags & IFF_LOOPBACK) != 0;
    if (i->ifa_addr->sa_family == AF_INET) {
        struct sockaddr_in s;
        memcpy(&s, i->ifa_addr, sizeof s);
        uint8_t ip[4];
        memcpy(ip, &s.sin_addr, sizeof ip);
        *a = addr_v4(ip, port);
        return loopback ? 2 : 0;
    }
    if (i->ifa_addr->sa_family != AF_INET6)
        return -1;
    struct sockaddr_in6 s;
    memcpy(&s, i->ifa_addr, sizeof s);
    *a = addr_v6(s.sin6_addr.s6_addr, port);
    if (IN6_IS_ADDR_LINKLOCAL(&s.sin6_addr))
        return -1;
    return loopback ? 2 : 1;
}

static bool is_any(const struct addr *a)
{
    static const uint8_t zero[16];
    return memcmp(a->ip, zero, sizeof zero) == 0 ||
           (addr_is_v4(a) && memcmp(a->ip + 12, zero, 4) == 0);
}

size_t net_expand(const struct addr *bound, struct addr *out, size_t cap)
{
    struct ifaddrs *list = NULL;
    size_t n = 0;
    if (cap == 0)
        return 0;
    if (!is_any(bound)) {
        out[0] = *bound;
        return 1;
    }
    if (getifaddrs(&list) != 0)
        return 0;
    for (int rank = 0; rank < 3; rank++)
        for (const struct ifaddrs *i = list; i && n < cap; i = i->ifa_next) {
            struct addr a;
            if (rank_of(i, &a, bound->port) != rank || (addr_is_v4(bound) && !addr_is_v4(&a)))
                continue;
            out[n++] = a;
        }
    freeifaddrs(list);
    return n;
}
