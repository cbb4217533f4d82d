/* sites.c - a room of the lesson as people see it: is it there, what does it send, how good is it.
 */
#include "relay/control/core.h"
#include "relay/control/slots.h"

#include <string.h>

/* How much of being there a state is. */
static int weight(enum member_state s)
{
    static const int weights[] = {
        [MEMBER_CONNECTING] = 1, [MEMBER_OPEN] = 3, [MEMBER_AWAY] = 2, [MEMBER_GONE] = 0};
    return weights[s];
}

/* The best state among a site's publishing (or playing) connections; MEMBER_GONE: it has none. */
static enum member_state best(const struct live *v, uint8_t site, bool play)
{
    enum member_state state = MEMBER_GONE;
    for (const struct session *s = v->sessions; s; s = s->next)
        if (s->seat == site && s->play == play && weight(s->state) > weight(state))
            state = s->state;
    return state;
}

static enum member_state state_of(const struct live *v, uint8_t site)
{
    const enum member_state s = best(v, site, false);
    return s != MEMBER_GONE ? s : best(v, site, true);
}

static const char *name_of(enum member_state s)
{
    static const char *const names[] = {"connecting", "open", "away", "absent"};
    return names[s];
}

static json_t *sources_of(const struct live *v, uint8_t site)
{
    unsigned live = 0;
    for (const struct session *s = v->sessions; s; s = s->next)
        if (s->seat == site && !s->play && s->state == MEMBER_OPEN)
            live |= s->live;
    json_t *const a = json_array();
    for (enum source i = SRC_VOICE; a && i < SRC_COUNT; i++)
        if (live & 1u << i)
            (void)json_array_append_new(a, json_string(source_name(i)));
    return a;
}

/* Each person once, however many connections he has. */
static bool is_first(const struct live *v, const struct session *s)
{
    for (const struct session *o = v->sessions; o != s; o = o->next)
        if (o->seat == s->seat && strcmp(o->claims.sub, s->claims.sub) == 0)
            return false;
    return true;
}

static json_t *people_of(const struct live *v, uint8_t site)
{
    json_t *const a = json_array();
    for (const struct session *s = v->sessions; a && s; s = s->next)
        if (s->seat == site && is_first(v, s))
            (void)json_array_append_new(a, json_pack("{s:s, s:s, s:s}", "sub", s->claims.sub,
                                                     "name", s->claims.name, "role",
                                                     role_name(s->claims.role)));
    return a;
}

json_t *site_json(const struct live *v, uint8_t site)
{
    const struct site *const s = &v->l->site[site];
    return json_pack("{s:s, s:s, s:b, s:i, s:s, s:o, s:o, s:b, s:i, s:o, s:o}", "id", s->id, "name",
                     s->name, "lead", site == SITE_LEAD, "number", (int)site, "state",
                     name_of(state_of(v, site)), "sources", sources_of(v, site), "hand_since_ms",
                     s->hand ? json_integer(s->hand_ms) : json_null(), "has_floor",
                     v->l->floor == site, "floor_count", (int)s->floor_count, "last_floor_ms",
                     s->last_floor_ms < 0 ? json_null() : json_integer(s->last_floor_ms), "people",
                     people_of(v, site));
}

/* Quality */

struct quality {
    bool up_known, down_known;
    struct member_stats up, down;
    enum member_state state;
};

static struct quality measure(const struct live *v, uint8_t site)
{
    struct quality q = {.state = state_of(v, site)};
    for (const struct session *s = v->sessions; s; s = s->next) {
        if (s->seat != site || !s->has_stats || s->state != MEMBER_OPEN)
            continue;
        if (!s->play && (!q.up_known || s->stats.in_kbps > q.up.in_kbps)) {
            q.up_known = true;
            q.up = s->stats;
        }
        if (s->play && (!q.down_known || s->stats.out_kbps > q.down.out_kbps)) {
            q.down_known = true;
            q.down = s->stats;
        }
    }
    return q;
}

/* Where a lesson begins to suffer, and where it is in danger (ITU-T G.114 for the delay). */
static const char *level(const struct quality *q)
{
    const unsigned up = q->up_known ? q->up.in_loss_ppt : 0;
    const unsigned down = q->down_known ? q->down.out_loss_ppt : 0;
    const unsigned loss = up > down ? up : down;
    const unsigned rtt = q->up.rtt_us > q->down.rtt_us ? q->up.rtt_us : q->down.rtt_us;
    if (q->state != MEMBER_OPEN)
        return "lost";
    if (loss > 100 || rtt > 600000)
        return "poor";
    return loss > 30 || rtt > 300000 ? "fair" : "good";
}

static json_t *way(bool known, unsigned kbps, unsigned loss_ppt)
{
    if (!known)
        return json_pack("{s:n, s:n}", "kbps", "loss");
    return json_pack("{s:i, s:f}", "kbps", (int)kbps, "loss", loss_ppt / 1000.0);
}

static json_t *quality_of(const struct live *v, uint8_t site)
{
    const struct quality q = measure(v, site);
    const unsigned rtt = q.up.rtt_us ? q.up.rtt_us : q.down.rtt_us;
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "site", v->l->site[site].id, "level",
                     level(&q), "rung", q.down.rung ? json_integer(q.down.rung) : json_null(),
                     "rtt_ms", rtt ? json_integer(rtt / 1000) : json_null(), "up",
                     way(q.up_known, q.up.in_kbps, q.up.in_loss_ppt), "down",
                     way(q.down_known, q.down.out_kbps, q.down.out_loss_ppt));
}

json_t *quality_json(const struct live *v, const struct claims *who)
{
    json_t *const a = json_array();
    const uint8_t seat = lesson_seat(v->l, who);
    for (size_t k = 0; a && k < v->l->sites; k++) {
        const uint8_t i = (uint8_t)k;
        const bool near = who->role == ROLE_ASSISTANT && (i == SITE_LEAD || i == seat);
        if ((near || role_may(who->role, MAY_SEE_MEMBERS)) && state_of(v, i) != MEMBER_GONE)
            (void)json_array_append_new(a, quality_of(v, i));
    }
    return a;
}
