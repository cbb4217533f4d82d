/* whip.c - publishing (RFC 9725) and playing: an offer becomes an answer and a member of a hub. */
#include "relay/control/core.h"
#include "relay/control/slots.h"
#include "relay/lesson/want.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A join as it grows. */
struct join {
    struct live *v;
    struct cmd_join *cmd; /* NULL once the hub has it */
    char *answer;
    size_t videos;
    size_t audios;
    uint8_t line_of[NEGO_MEDIA]; /* the m-line of the n-th video */
    unsigned sources;
    unsigned worker; /* the member's */
};

static void join_fini(struct join *j)
{
    free(j->cmd);
    free(j->answer);
}

/* One token cannot fill a lesson, and who teaches it always finds a place. */
static bool has_place(const struct control *c, const struct live *v, const struct claims *who,
                      struct problem *p)
{
    size_t all = 0;
    size_t own = 0;
    for (const struct session *s = v->sessions; s; s = s->next) {
        all++;
        own += strcmp(s->claims.sub, who->sub) == 0;
    }
    const size_t most = c->conf.members_per_lesson;
    if (own > most / 2)
        return problem_set(p, P_TOO_MANY, NULL, "%zu connections of %s in this lesson", own,
                           who->sub);
    return all < most || who->role == ROLE_LEAD ||
           problem_set(p, P_TOO_MANY, NULL, "%zu connections in this lesson", all);
}

/* May this person be connected now? */
static struct live *open_for(struct control *c, struct request *r)
{
    struct live *const v = live_of(c, r);
    if (!v)
        return NULL;
    if (v->l->state == LESSON_ENDED ||
        (v->l->state == LESSON_PLANNED && !role_may(r->claims.role, MAY_JOIN_EARLY)))
        return lesson_is_running(v->l, &r->problem) ? v : NULL;
    if (c->stopping) {
        problem_set(&r->problem, P_UNAVAILABLE, NULL, "the relay is being stopped");
        return NULL;
    }
    return has_place(c, v, &r->claims, &r->problem) ? v : NULL;
}

static void count_lines(struct join *j)
{
    const struct nego *const n = &j->cmd->nego;
    for (size_t i = 0; i < n->n; i++) {
        if (n->media[i].audio)
            j->audios += !n->media[i].refused;
        else
            j->line_of[j->videos++] = (uint8_t)i;
    }
}

static bool negotiate(struct control *c, struct request *r, struct join *j, enum nego_role role)
{
    struct nego_error e = {.field = "", .what = "not a usable session description"};
    if (!request_is(r, "application/sdp"))
        return false;
    if (!rooms_open(c, j->v))
        return problem_set(&r->problem, P_UNAVAILABLE, NULL, "the media plane is busy");
    j->worker =
        rooms_place(c, j->v, role == NEGO_PUBLISH || lesson_seat(j->v->l, &r->claims) != SITE_NONE);
    j->cmd = calloc(1, sizeof *j->cmd);
    j->answer = malloc(NEGO_SDP_MAX);
    if (!j->cmd || !j->answer)
        return problem_set(&r->problem, P_INTERNAL, NULL, "no memory");
    if (!nego_answer(&j->cmd->nego, r->body ? r->body : "", r->body_len, role,
                     &c->conf.self[j->worker], &c->rng, j->answer, &e)) {
        char field[64];
        text_put(field, sizeof field, "sdp: %s", e.field ? e.field : "");
        return problem_set(&r->problem, P_BAD_SDP, field, "%s", e.what ? e.what : "refused");
    }
    count_lines(j);
    return true;
}

static bool hand_over(struct control *c, struct request *r, struct join *j, struct session *s)
{
    const struct cmd cmd = {
        .kind = CMD_MEMBER_ADD, .room = j->v->l->room, .member = s->id, .join = j->cmd};
    j->cmd->site = s->seat;
    if (!session_agree(c, s, &j->cmd->nego)) {
        session_free(c, s);
        return problem_set(&r->problem, P_INTERNAL, NULL, "no memory");
    }
    if (!rooms_command(c, j->worker, &cmd)) {
        session_free(c, s);
        return problem_set(&r->problem, P_UNAVAILABLE, NULL, "the media plane is busy");
    }
    j->cmd = NULL;
    c->count.joins++;
    j->v->sites_due = true;
    events_member(c, j->v, s);
    log_info(c->log, s->play ? "a viewer joins" : "a publisher joins",
             "lesson=%s member=%u role=%s site=%s", j->v->l->id, s->id, role_name(s->claims.role),
             s->claims.site);
    return true;
}

static void answer_etag(struct request *r, const struct session *s)
{
    char etag[16];
    text_put(etag, sizeof etag, "\"k%u\"", s->ice);
    answer_header(r, "ETag", etag);
}

static void answer_created(const struct control *c, struct request *r, const struct session *s,
                           const char *sdp)
{
    char where[96];
    text_put(where, sizeof where, "/%s/%s/%s", s->play ? "whep" : "whip", s->lesson->id, s->key);
    answer_text(r, 201, "application/sdp", sdp);
    answer_header(r, "Location", where);
    answer_header(r, "Accept-Patch", "application/trickle-ice-sdpfrag");
    answer_etag(r, s);
    turn_tell(c, r);
    if (s->play) {
        char link[160];
        text_put(link, sizeof link, "<%s/slots>; rel=\"urn:liangshi:rel:slots\"", where);
        answer_header(r, "Link", link);
    }
}

/* Publishing */

static bool client_ok(const char *s)
{
    const size_t n = strlen(s);
    return n > 0 && n < CLIENT_CAP &&
           strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

/* Which source each line is; lines that are not used are not received. */
static bool assign_sources(struct request *r, struct join *j)
{
    uint8_t video[NEGO_MEDIA] = {0};
    struct nego *const n = &j->cmd->nego;
    if (!sources_parse(request_query(r, "sources"), r->claims.role, j->videos, video, &r->problem))
        return false;
    for (size_t i = 0; i < j->videos; i++) {
        j->cmd->source[j->line_of[i]] = video[i];
        if (!n->media[j->line_of[i]].refused)
            j->sources |= 1u << video[i];
    }
    for (size_t i = 0; i < n->n; i++) {
        if (!n->media[i].audio || n->media[i].refused)
            continue;
        j->cmd->source[i] = SRC_VOICE;
        n->media[i].refused = (j->sources & 1u << SRC_VOICE) != 0; /* one voice a room */
        n->media[i].recv &= !n->media[i].refused;
        j->sources |= 1u << SRC_VOICE;
    }
    return j->sources ||
           problem_set(&r->problem, P_BAD_SDP, "sdp", "neither audio nor video that can be used");
}

static bool is_same_client(const struct session *s, const struct claims *who, const char *client)
{
    return client && strcmp(s->claims.sub, who->sub) == 0 && strcmp(s->client, client) == 0;
}

static bool gives_way(const struct session *s, const struct claims *who, const char *client)
{
    return s->state != MEMBER_OPEN || is_same_client(s, who, client);
}

static bool is_rival(const struct session *s, const struct join *j, const struct claims *who,
                     uint8_t seat)
{
    if (s->play || s->seat != seat)
        return false;
    const bool other_lead = seat == SITE_LEAD && strcmp(s->claims.sub, who->sub) != 0;
    return other_lead || (s->sources & j->sources) != 0;
}

/* Nobody else publishes this, or those who do give way. */
static bool make_way(struct control *c, struct request *r, const struct join *j, const char *client)
{
    const uint8_t seat = lesson_seat(j->v->l, &r->claims);
    for (const struct session *s = j->v->sessions; s; s = s->next) {
        if (!is_rival(s, j, &r->claims, seat) || gives_way(s, &r->claims, client))
            continue;
        if (seat == SITE_LEAD && strcmp(s->claims.sub, r->claims.sub) != 0)
            return problem_set(&r->problem, P_LEAD_PRESENT, NULL, "%s teaches this lesson",
                               s->claims.name[0] ? s->claims.name : s->claims.sub);
        enum source taken = SRC_VOICE;
        while (!(s->sources & j->sources & 1u << taken))
            taken++;
        return problem_set(&r->problem, P_SOURCE_TAKEN, "sources",
                           "%s of site %s is published by another connection", source_name(taken),
                           r->claims.site);
    }
    for (struct session *s = j->v->sessions, *next; s; s = next) {
        next = s->next;
        if (!is_rival(s, j, &r->claims, seat))
            continue;
        c->count.takeovers++;
        session_close(c, s);
    }
    return true;
}

static void publish(struct control *c, struct request *r, struct join *j)
{
    const char *const client = request_query(r, "client");
    if (client && !client_ok(client)) {
        problem_set(&r->problem, P_INVALID, "client", "must be 1 to 64 of A-Z a-z 0-9 . _ -");
        return;
    }
    if (!negotiate(c, r, j, NEGO_PUBLISH) || !assign_sources(r, j) || !make_way(c, r, j, client))
        return;
    struct session *const s = session_new(c, j->v, r, false, j->worker);
    if (!s) {
        problem_set(&r->problem, P_INTERNAL, NULL, "no memory");
        return;
    }
    text_put(s->client, sizeof s->client, "%s", client ? client : "");
    s->sources = j->sources;
    if (hand_over(c, r, j, s))
        answer_created(c, r, s, j->answer);
}

void api_whip(struct control *c, struct request *r)
{
    struct join j = {.v = open_for(c, r)};
    if (!j.v)
        return;
    if (role_may(r->claims.role, MAY_PUBLISH_LEAD) || role_may(r->claims.role, MAY_PUBLISH_CLASS))
        publish(c, r, &j);
    else
        problem_set(&r->problem, P_WRONG_ROLE, NULL, "nothing is published as %s",
                    role_name(r->claims.role));
    join_fini(&j);
}

/* Playing */

static void play(struct control *c, struct request *r, struct join *j)
{
    struct slot slot[NEGO_MEDIA];
    if (!negotiate(c, r, j, NEGO_PLAY) ||
        !slots_parse(request_query(r, "slots"), j->v->l, j->videos,
                     role_may(r->claims.role, MAY_PLAY_SITES), slot, &r->problem))
        return;
    if (j->videos + j->audios == 0) {
        problem_set(&r->problem, P_BAD_SDP, "sdp", "neither audio nor video that can be used");
        return;
    }
    struct session *const s = session_new(c, j->v, r, true, j->worker);
    if (!s) {
        problem_set(&r->problem, P_INTERNAL, NULL, "no memory");
        return;
    }
    s->videos = j->videos;
    for (size_t i = 0; i < j->videos; i++)
        s->slot[i] = j->cmd->slot[j->line_of[i]] = slot[i];
    if (hand_over(c, r, j, s))
        answer_created(c, r, s, j->answer);
}

void api_whep(struct control *c, struct request *r)
{
    struct join j = {.v = open_for(c, r)};
    if (!j.v)
        return;
    if (role_check(&r->claims, MAY_PLAY, &r->problem))
        play(c, r, &j);
    join_fini(&j);
}

/* Sessions */

/* Only who made a session (or an admin) knows that it is there. */
static struct session *session_of(struct control *c, struct request *r)
{
    struct session *const s = session_find(c, r->route.session);
    const bool mine = s && strcmp(s->lesson->id, r->route.id) == 0 && s->play == r->route.play &&
                      (r->claims.role == ROLE_ADMIN || strcmp(s->claims.sub, r->claims.sub) == 0);
    if (!mine || !lesson_admits(s->lesson, &r->claims, &r->problem)) {
        problem_set(&r->problem, P_NOT_FOUND, NULL, "no such session");
        return NULL;
    }
    return s;
}

void api_session_delete(struct control *c, struct request *r)
{
    struct session *const s = session_of(c, r);
    if (!s)
        return;
    session_close(c, s);
    answer_empty(r, 200);
}

/* Does the fragment carry other credentials than those in force (RFC 9725 4.3.3)? */
static bool is_restart(const char *frag, const struct session *s)
{
    static const char key[] = "a=ice-ufrag:";
    const char *const at = strstr(frag, key);
    if (!at)
        return false;
    const char *const ufrag = at + sizeof key - 1;
    const size_t n = strcspn(ufrag, "\r\n \t");
    return strlen(s->agreed.ufrag) != n || memcmp(s->agreed.ufrag, ufrag, n) != 0;
}

static bool etag_fits(const struct request *r, const struct session *s)
{
    char etag[16];
    const char *const wanted = request_header(r, "If-Match");
    text_put(etag, sizeof etag, "\"k%u\"", s->ice);
    return !wanted || strcmp(wanted, "*") == 0 || strcmp(wanted, etag) == 0;
}

static void restart(struct control *c, struct request *r, struct session *s, char *answer)
{
    struct nego_error e = {.what = "not a usable fragment"};
    struct nego n;
    struct live *const v = session_live(c, s);
    session_agreed(s, &n);
    if (!nego_restart(&n, r->body, r->body_len, &c->conf.self[s->worker], &c->rng, answer, &e)) {
        char field[64];
        text_put(field, sizeof field, "sdp: %s", e.field ? e.field : "");
        problem_set(&r->problem, P_BAD_SDP, field, "%s", e.what);
        return;
    }
    if (!answer[0]) { /* it only trickles after all, and ours are not known here any more */
        answer_empty(r, 204);
        return;
    }
    struct ice_conf *const ice = malloc(sizeof *ice);
    const struct cmd cmd = {.kind = CMD_RESTART, .room = v->l->room, .member = s->id, .ice = ice};
    if (ice)
        *ice = n.ice;
    if (!ice || !rooms_command(c, s->worker, &cmd)) {
        free(ice);
        problem_set(&r->problem, P_UNAVAILABLE, NULL, "the media plane is busy");
        return;
    }
    /* Without memory the next fragment restarts once more. The worker owns `ice` and frees it. */
    (void)!session_agree_ice(c, s, &n.ice); /* NOLINT(clang-analyzer-unix.Malloc) */
    s->ice++;
    answer_text(r, 200, "application/trickle-ice-sdpfrag", answer);
    answer_etag(r, s);
    turn_tell(c, r); /* those of the beginning may have expired */
}

void api_session_patch(struct control *c, struct request *r)
{
    struct session *const s = session_of(c, r);
    if (!s || !request_is(r, "application/trickle-ice-sdpfrag"))
        return;
    if (!etag_fits(r, s)) {
        problem_set(&r->problem, P_ETAG, "If-Match", "the ICE session is \"k%u\" now", s->ice);
        return;
    }
    if (!r->body || !is_restart(r->body, s)) {
        answer_empty(r, 204); /* a lite agent needs no candidates of the other side */
        return;
    }
    char *const answer = malloc(NEGO_SDP_MAX);
    if (answer)
        restart(c, r, s, answer);
    else
        problem_set(&r->problem, P_INTERNAL, NULL, "no memory");
    free(answer);
}

static bool read_slots(struct request *r, const struct session *s, struct slot out[NEGO_MEDIA])
{
    struct want w;
    json_t *const body = request_json(r);
    if (!body)
        return false;
    want_init(&w, body, "", &r->problem);
    const json_t *const list = want_array(&w, "slots", s->videos, s->videos, true);
    for (size_t i = 0; list && i < s->videos; i++) {
        const char *const word = json_string_value(json_array_get(list, i));
        char field[24];
        text_put(field, sizeof field, "slots[%zu]", i);
        if (!word)
            problem_set(&r->problem, P_INVALID, field, "must be a text");
        else if (slot_parse(word, strlen(word), s->lesson, i, &out[i], &r->problem) &&
                 out[i].kind == SLOT_SITE && !role_may(r->claims.role, MAY_PLAY_SITES))
            problem_set(&r->problem, P_WRONG_ROLE, field, "not this slot in your role");
    }
    const bool good = want_done(&w);
    json_decref(body);
    return good;
}

static json_t *slots_json(const struct session *s)
{
    char text[SLOT_TEXT];
    json_t *const a = json_array();
    for (size_t i = 0; a && i < s->videos; i++)
        (void)json_array_append_new(a, json_string(slot_text(&s->slot[i], s->lesson, text)));
    return json_pack("{s:o}", "slots", a);
}

void api_slots_put(struct control *c, struct request *r)
{
    struct slot slot[NEGO_MEDIA];
    struct session *const s = session_of(c, r);
    if (!s || !read_slots(r, s, slot))
        return;
    struct live *const v = session_live(c, s);
    struct cmd cmd = {.kind = CMD_SLOTS, .room = v->l->room, .member = s->id};
    size_t n = 0;
    for (size_t i = 0; i < s->agreed.lines && n < s->videos; i++)
        if (!(s->agreed.voices & 1u << i))
            cmd.slots[i] = slot[n++];
    if (!rooms_command(c, s->worker, &cmd)) {
        problem_set(&r->problem, P_UNAVAILABLE, NULL, "the media plane is busy");
        return;
    }
    memcpy(s->slot, slot, s->videos * sizeof slot[0]);
    events_member(c, v, s);
    answer_json(r, 200, slots_json(s));
}
