/* multihome.c - a preferred interface that failed is left alone for a while, and longer each time.
 */
#include "client/multihome.h"

#include <stdio.h>
#include <string.h>

static struct multihome_way *find(struct multihome *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->way[i].name, name) == 0)
            return &m->way[i];
    return NULL;
}

void multihome_set(struct multihome *m, const char names[][MULTIHOME_NAME], size_t n)
{
    struct multihome old = *m;
    *m = (struct multihome){0};
    for (size_t i = 0; i < n && m->n < MULTIHOME_MAX; i++) {
        struct multihome_way *const w = &m->way[m->n++];
        const struct multihome_way *const known = find(&old, names[i]);
        if (known)
            *w = *known;
        else
            (void)snprintf(w->name, sizeof w->name, "%s", names[i]);
    }
}

static bool is_good(const struct multihome_way *w, usec now)
{
    return now >= w->bad_until && now >= w->silent_until;
}

struct multihome_choice multihome_choose(const struct multihome *m, usec now)
{
    const struct multihome_way *best = NULL;
    size_t good = 0;
    for (size_t i = 0; i < m->n; i++) {
        const struct multihome_way *const w = &m->way[i];
        if (is_good(w, now)) {
            if (good++ == 0)
                best = w;
        } else if (good == 0 && (!best || w->bad_at < best->bad_at)) {
            best = w;
        }
    }
    if (m->n < 2)
        return (struct multihome_choice){.name = ""};
    return (struct multihome_choice){.name = best->name,
                                     .patience = good > 0 ? MULTIHOME_PATIENCE : 0,
                                     .fresh = best->fails > 0 || best->silent_until > now};
}

bool multihome_good(const struct multihome *m, const char *name, usec now)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->way[i].name, name) == 0)
            return is_good(&m->way[i], now);
    return false;
}

void multihome_silent(struct multihome *m, const char *name, usec now)
{
    struct multihome_way *const w = find(m, name);
    if (!w)
        return;
    w->silent_until = now + MULTIHOME_SILENCE;
    w->bad_at = now;
}

/* Tries while it is held anyway say nothing new. */
void multihome_failed(struct multihome *m, const char *name, usec now)
{
    struct multihome_way *const w = find(m, name);
    if (!w)
        return;
    w->bad_at = now;
    w->works_since = 0;
    if (now < w->bad_until)
        return;
    if (w->fails < MULTIHOME_HOLDS)
        w->fails++;
    w->bad_until = now + (MULTIHOME_HOLD << (w->fails - 1));
}

void multihome_worked(struct multihome *m, const char *name, usec now)
{
    struct multihome_way *const w = find(m, name);
    if (!w)
        return;
    w->bad_until = 0;
    w->silent_until = 0;
    if (!w->works_since)
        w->works_since = now;
    else if (now - w->works_since > MULTIHOME_STEADY)
        w->fails = 0;
}

void multihome_trust(struct multihome *m)
{
    for (size_t i = 0; i < m->n; i++)
        m->way[i].silent_until = 0;
}
