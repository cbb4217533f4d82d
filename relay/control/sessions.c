/* sessions.c - the WHIP and WHEP connections of all lessons. */
#include "relay/control/core.h"
#include "relay/control/slots.h"

#include <stdlib.h>
#include <string.h>

struct session *session_new(struct control *c, struct live *v, const struct request *r, bool play,
                            unsigned worker)
{
    struct session *const s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->id = ++c->last_member;
    rng_text(&c->rng, s->key, SESSION_CAP - 1);
    s->lesson = v->l;
    s->claims = r->claims;
    s->play = play;
    s->worker = worker;
    s->seat = lesson_seat(v->l, &r->claims);
    s->ice = 1;
    s->joined_at = c->wall_ms;
    if (table_put(&c->sessions, s->key, s) != OK) {
        free(s);
        return NULL;
    }
    if (table_put(&c->members, &s->id, s) != OK) {
        (void)table_del(&c->sessions, s->key);
        free(s);
        return NULL;
    }
    s->next = v->sessions;
    v->sessions = s;
    c->load[worker]++;
    memory_moved(c);
    return s;
}

struct live *session_live(struct control *c, const struct session *s)
{
    char key[ID_CAP] = {0};
    memcpy(key, s->lesson->id, strlen(s->lesson->id));
    return table_get(&c->lives, key);
}

struct session *session_find(struct control *c, const char *key)
{
    char k[SESSION_CAP] = {0};
    memcpy(k, key, strnlen(key, SESSION_CAP - 1));
    return table_get(&c->sessions, k);
}

static void forget_ufrag(struct control *c, const struct session *s)
{
    if (s->ufrag[0])
        (void)table_del(&c->ufrags, s->ufrag);
}

void session_free(struct control *c, struct session *s)
{
    struct live *const v = session_live(c, s);
    struct session **at = &v->sessions;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    (void)table_del(&c->sessions, s->key);
    (void)table_del(&c->members, &s->id);
    forget_ufrag(c, s);
    c->load[s->worker]--;
    memory_moved(c);
    session_drop(&s);
}

void session_drop(struct session **s)
{
    free((*s)->agreed.ufrag);
    free(*s);
    *s = NULL;
}

/* By it a connection with media is told to be this member's. */
static bool learn_ufrag(struct control *c, struct session *s, const char *ufrag)
{
    char key[HUB_UFRAG] = {0};
    memcpy(key, ufrag, strnlen(ufrag, HUB_UFRAG));
    if (table_put(&c->ufrags, key, s) != OK)
        return false;
    forget_ufrag(c, s);
    memcpy(s->ufrag, key, HUB_UFRAG);
    return true;
}

bool session_agree_ice(struct control *c, struct session *s, const struct ice_conf *ice)
{
    const size_t ufrag = strlen(ice->remote_ufrag) + 1;
    const size_t pwd = strlen(ice->remote_pwd) + 1;
    char *const block = malloc(ufrag + pwd);
    if (!block || !learn_ufrag(c, s, ice->local_ufrag)) {
        free(block);
        return false;
    }
    free(s->agreed.ufrag);
    memcpy(block, ice->remote_ufrag, ufrag);
    memcpy(block + ufrag, ice->remote_pwd, pwd);
    s->agreed.ufrag = block;
    s->agreed.pwd = block + ufrag;
    return true;
}

bool session_agree(struct control *c, struct session *s, const struct nego *n)
{
    static_assert(NEGO_MEDIA <= 16, "one bit for each line");
    struct agreed *const a = &s->agreed;
    size_t first = 0;
    while (first + 1 < n->n && n->media[first].refused)
        first++;
    memcpy(a->mid, n->media[first].mid, sizeof a->mid);
    a->audio = n->media[first].audio;
    a->lines = (uint8_t)n->n;
    for (size_t i = 0; i < n->n; i++)
        a->voices |= (uint16_t)(n->media[i].audio << i);
    return session_agree_ice(c, s, &n->ice);
}

void session_agreed(const struct session *s, struct nego *n)
{
    const struct agreed *const a = &s->agreed;
    *n = (struct nego){.n = 1, .media = {{.audio = a->audio}}};
    memcpy(n->media[0].mid, a->mid, sizeof a->mid);
    text_put(n->ice.remote_ufrag, sizeof n->ice.remote_ufrag, "%s", a->ufrag);
    text_put(n->ice.remote_pwd, sizeof n->ice.remote_pwd, "%s", a->pwd);
}

/* The hub knows already, or has been told. */
static void gone(struct control *c, struct session *s)
{
    struct live *const v = session_live(c, s);
    s->state = MEMBER_GONE;
    s->live = 0;
    v->sites_due = true;
    events_member(c, v, s);
    log_info(c->log, s->play ? "a viewer has left" : "a publisher has left",
             "lesson=%s member=%u role=%s site=%s", v->l->id, s->id, role_name(s->claims.role),
             s->claims.site);
    session_free(c, s);
}

void session_close(struct control *c, struct session *s)
{
    struct live *const v = session_live(c, s);
    const struct cmd cmd = {.kind = CMD_MEMBER_DEL, .room = v->l->room, .member = s->id};
    if (!rooms_command(c, s->worker, &cmd))
        log_error(c->log, "a hub takes no commands", "lesson=%s worker=%u", v->l->id, s->worker);
    gone(c, s);
}

void session_state(struct control *c, struct session *s, enum member_state state)
{
    if (state == MEMBER_GONE) {
        gone(c, s);
        return;
    }
    if (s->state == state)
        return;
    struct live *const v = session_live(c, s);
    s->state = state;
    v->sites_due = true;
    events_member(c, v, s);
    if (state == MEMBER_AWAY)
        log_info(c->log, "nothing heard of a member", "lesson=%s member=%u site=%s", v->l->id,
                 s->id, s->claims.site);
}

static const char *state_name(enum member_state s)
{
    static const char *const names[] = {"connecting", "open", "away", "gone"};
    return names[s];
}

static json_t *sources_json(unsigned bits)
{
    json_t *const a = json_array();
    for (enum source i = SRC_VOICE; a && i < SRC_COUNT; i++)
        if (bits & 1u << i)
            (void)json_array_append_new(a, json_string(source_name(i)));
    return a;
}

json_t *session_json(const struct session *s)
{
    char text[TIME_TEXT];
    char slot[SLOT_TEXT];
    json_t *const slots = json_array();
    for (size_t i = 0; s->play && i < s->videos; i++)
        (void)json_array_append_new(slots, json_string(slot_text(&s->slot[i], s->lesson, slot)));
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s?, s:s, s:o, s:o, s:s}", "id", (json_int_t)s->id,
                     "kind", s->play ? "play" : "publish", "sub", s->claims.sub, "name",
                     s->claims.name, "role", role_name(s->claims.role), "site",
                     s->claims.site[0] ? s->claims.site : NULL, "state", state_name(s->state),
                     "sources", sources_json(s->sources), "slots", slots, "joined_at",
                     text_time(s->joined_at, text));
}
