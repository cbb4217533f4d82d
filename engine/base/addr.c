#include "engine/base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool addr_eq(const struct addr *a, const struct addr *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

uint64_t addr_hash(const struct addr *a)
{
    uint64_t w[3] = {0};
    memcpy(w, a, sizeof *a);
    uint64_t h = w[0] * 0x9e3779b97f4a7c15u;
    h = (h ^ (h >> 32) ^ w[1]) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 29) ^ w[2]) * 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}

bool addr_is_v4(const struct addr *a)
{
    return memcmp(a->ip, v4_prefix, sizeof v4_prefix) == 0;
}

struct addr addr_v4(const uint8_t ip[4], uint16_t port)
{
    struct addr a = {.port = port};
    memcpy(a.ip, v4_prefix, sizeof v4_prefix);
    memcpy(a.ip + 12, ip, 4);
    return a;
}

struct addr addr_v6(const uint8_t ip[16], uint16_t port)
{
    struct addr a = {.port = port};
    memcpy(a.ip, ip, 16);
    return a;
}

static bool parse_port(const char *text, uint16_t *port)
{
    if (*text < '0' || *text > '9')
        return false;
    char *end = NULL;
    const unsigned long v = strtoul(text, &end, 10);
    if (*end || v > 65535)
        return false;
    *port = (uint16_t)v;
    return true;
}

bool addr_parse(struct addr *a, const char *text)
{
    const char *const colon = strrchr(text, ':');
    uint16_t port = 0;
    if (!colon || !parse_port(colon + 1, &port))
        return false;

    char host[ADDR_TEXT];
    const size_t n = (size_t)(colon - text);
    if (n >= sizeof host)
        return false;
    memcpy(host, text, n);
    host[n] = 0;

    uint8_t ip[16] = {0};
    if (n == 0) {
        *a = addr_v6(ip, port);
        return true;
    }
    if (inet_pton(AF_INET, host, ip) == 1) {
        *a = addr_v4(ip, port);
        return true;
    }
    if (n < 2 || host[0] != '[' || host[n - 1] != ']')
        return false;
    host[n - 1] = 0;
    if (inet_pton(AF_INET6, host + 1, ip) != 1)
        return false;
    *a = addr_v6(ip, port);
    return true;
}

const char *addr_ip_text(const struct addr *a, char out[ADDR_TEXT])
{
    const bool v4 = addr_is_v4(a);
    if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->ip + 12 : a->ip, out, ADDR_TEXT))
        out[0] = 0;
    return out;
}

const char *addr_format(const struct addr *a, char out[ADDR_TEXT])
{
    char ip[ADDR_TEXT];
    addr_ip_text(a, ip);
    (void)snprintf(out, ADDR_TEXT, addr_is_v4(a) ? "%.46s:%u" : "[%.46s]:%u", ip,
                   (unsigned)a->port);
    return out;
}

const char *addr_masked(const struct addr *a, char out[ADDR_TEXT])
{
    struct addr m = *a;
    if (addr_is_v4(a)) {
        (void)snprintf(out, ADDR_TEXT, "%u.%u.%u.x", m.ip[12], m.ip[13], m.ip[14]);
        return out;
    }
    memset(m.ip + 6, 0, 10);
    return addr_ip_text(&m, out);
}
