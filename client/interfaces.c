/* interfaces.c - what getifaddrs and the kernel's routing tables tell. */
#include "client/interfaces.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_LEN 512
#define WORDS 11
#define NO_DEFAULT (UINT64_C(1) << 32) /* worse than any metric of a default route */

struct found {
    char name[MULTIHOME_NAME];
    uint64_t rank;
};

struct list {
    struct found found[MULTIHOME_MAX];
    size_t n;
};

struct words {
    char text[LINE_MAX_LEN];
    const char *word[WORDS];
    size_t n;
};

static void split(struct words *w, const char *line)
{
    char *rest;
    (void)snprintf(w->text, sizeof w->text, "%s", line);
    w->n = 0;
    for (char *t = strtok_r(w->text, " \t\n", &rest); t && w->n < WORDS;
         t = strtok_r(NULL, " \t\n", &rest))
        w->word[w->n++] = t;
}

static bool number(const char *word, int base, uint32_t *out)
{
    char *end;
    const unsigned long v = strtoul(word, &end, base);
    *out = (uint32_t)v;
    return *word && !*end && v <= UINT32_MAX;
}

static bool take_name(struct interfaces_route *r, const char *word)
{
    const size_t len = strlen(word);
    if (len >= sizeof r->name)
        return false;
    memcpy(r->name, word, len + 1);
    return true;
}

static bool is_usable(uint32_t flags)
{
    return (flags & RTF_UP) && !(flags & RTF_REJECT);
}

/* Iface Destination Gateway Flags RefCnt Use Metric Mask … */
bool interfaces_route4(struct interfaces_route *r, const char *line)
{
    struct words w = {.n = 0};
    uint32_t to, gateway, flags, mask;
    split(&w, line);
    if (w.n < 8 || !take_name(r, w.word[0]) || !number(w.word[1], 16, &to) ||
        !number(w.word[2], 16, &gateway) || !number(w.word[3], 16, &flags) ||
        !number(w.word[6], 10, &r->metric) || !number(w.word[7], 16, &mask))
        return false;
    r->whole = to == 0 && mask == 0;
    return is_usable(flags) && (r->whole || gateway != 0);
}

static bool is_zero(const char *ip)
{
    return strspn(ip, "0") == strlen(ip);
}

/* To, its length, from, its length, gateway, metric, references, uses, flags, interface */
bool interfaces_route6(struct interfaces_route *r, const char *line)
{
    struct words w = {.n = 0};
    uint32_t len, flags;
    split(&w, line);
    if (w.n < 10 || !take_name(r, w.word[9]) || !number(w.word[1], 16, &len) ||
        !number(w.word[5], 16, &r->metric) || !number(w.word[8], 16, &flags))
        return false;
    r->whole = len == 0 && is_zero(w.word[0]);
    return is_usable(flags) && strcmp(r->name, "lo") != 0 && (r->whole || !is_zero(w.word[4]));
}

static void add(struct list *l, const struct interfaces_route *r)
{
    const uint64_t rank = r->whole ? r->metric : NO_DEFAULT;
    size_t at = 0;
    while (at < l->n && strcmp(l->found[at].name, r->name) != 0)
        at++;
    if (at == MULTIHOME_MAX)
        return;
    struct found *const f = &l->found[at];
    if (at < l->n && f->rank <= rank)
        return;
    memcpy(f->name, r->name, sizeof f->name);
    f->rank = rank;
    if (at == l->n)
        l->n++;
}

static void read_routes(struct list *l, const char *path,
                        bool (*read)(struct interfaces_route *, const char *))
{
    char line[LINE_MAX_LEN];
    struct interfaces_route r;
    FILE *const f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (read(&r, line))
            add(l, &r);
    if (f)
        (void)fclose(f);
}

static bool is_global(const struct sockaddr *a)
{
    if (!a)
        return false;
    if (a->sa_family == AF_INET)
        return true;
    const struct sockaddr_in6 *const six = (const struct sockaddr_in6 *)(const void *)a;
    return a->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr);
}

static bool serves(const struct ifaddrs *i)
{
    const unsigned need = IFF_UP | IFF_RUNNING;
    return (i->ifa_flags & need) == need && !(i->ifa_flags & IFF_LOOPBACK) &&
           is_global(i->ifa_addr);
}

static bool is_up(const struct ifaddrs *all, const char *name)
{
    for (const struct ifaddrs *i = all; i; i = i->ifa_next)
        if (serves(i) && strcmp(i->ifa_name, name) == 0)
            return true;
    return false;
}

/* The best of those that are left. */
static struct found *next_best(struct list *l)
{
    struct found *best = NULL;
    for (size_t i = 0; i < l->n; i++)
        if (l->found[i].name[0] && (!best || l->found[i].rank < best->rank))
            best = &l->found[i];
    return best;
}

void interfaces_refresh(struct multihome *m)
{
    struct list l = {0};
    struct ifaddrs *all = NULL;
    char names[MULTIHOME_MAX][MULTIHOME_NAME];
    size_t n = 0;
    read_routes(&l, "/proc/net/route", interfaces_route4);
    read_routes(&l, "/proc/net/ipv6_route", interfaces_route6);
    if (getifaddrs(&all) != 0)
        all = NULL;
    for (struct found *f; (f = next_best(&l)) != NULL; f->name[0] = 0)
        if (is_up(all, f->name))
            memcpy(names[n++], f->name, MULTIHOME_NAME);
    multihome_set(m, (const char(*)[MULTIHOME_NAME])names, n);
    freeifaddrs(all);
}

static bool same_ip(const struct sockaddr *a, const struct sockaddr *b)
{
    if (!b || a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET)
        return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)(const void *)b)->sin_addr.s_addr;
    return a->sa_family == AF_INET6 &&
           memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
                  &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr,
                  sizeof(struct in6_addr)) == 0;
}

bool interfaces_of(const struct sockaddr *a, char name[MULTIHOME_NAME])
{
    struct ifaddrs *all;
    bool found = false;
    name[0] = 0;
    if (getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
        found = same_ip(a, i->ifa_addr);
        if (found)
            (void)snprintf(name, MULTIHOME_NAME, "%s", i->ifa_name);
    }
    freeifaddrs(all);
    return found;
}

void interfaces_addresses(const char *name, void (*take)(void *user, const struct sockaddr *a),
                          void *user)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next)
        if (serves(i) && strcmp(i->ifa_name, name) == 0)
            take(user, i->ifa_addr);
    freeifaddrs(all);
}
