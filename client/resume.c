/* resume.c - addresses, then the question, then the checks; from the beginning when it fails. */
#include "client/resume.h"

#include "client/backoff.h"
#include "engine/io/clock.h"

#include <stdlib.h>
#include <string.h>

#define GATHER_LIMIT (3 * USEC_SEC)
#define CHECK_LIMIT (5 * USEC_SEC)

enum step { WAITING, GATHERING, ASKING, CHECKING, REFUSED };

struct resume {
    struct resume_conf conf;
    struct nego nego;
    struct icelink *link;
    enum step step;
    usec began; /* the last try */
    usec due;   /* the next try in WAITING, the step's end in others */
    struct backoff backoff;
    uint64_t call;
    char frag[NEGO_SDP_MAX];
    char over[MULTIHOME_NAME]; /* the interface of the path that fell silent */
};

static void enter(struct resume *r, enum step step, usec due)
{
    r->step = step;
    r->due = due;
    r->conf.wake(r->conf.user);
}

static void try_later(struct resume *r)
{
    enter(r, WAITING, backoff_due(&r->backoff, &r->conf.net->rng, r->began, clock_now()));
}

/* Answers that say more than "not now": the session is gone, or never was ours. */
static bool is_refusal(long status)
{
    return status >= 400 && status < 500 && status != 408 && status != 429;
}

static bool start_checks(const struct resume *r)
{
    if (!icelink_start(r->link, &r->nego.ice))
        return false;
    if (r->conf.relays)
        (void)icelink_relay(r->link, r->conf.relays, r->conf.net->log);
    return true;
}

static void on_answer(void *user, const struct http_answer *a)
{
    struct resume *const r = user;
    struct nego_error e = {0};
    r->call = 0;
    if (a->status == 200 && nego_restart_end(&r->nego, a->body, a->len, &e) && start_checks(r)) {
        enter(r, CHECKING, clock_now() + CHECK_LIMIT);
        return;
    }
    log_info(r->conf.net->log, "the relay gave no new path", "status=%ld why=%s", a->status,
             a->status == 200 && e.what ? e.what : a->why);
    if (a->status == 200 || is_refusal(a->status))
        enter(r, REFUSED, USEC_NEVER);
    else
        try_later(r);
}

static void on_gathered(void *user)
{
    struct resume *const r = user;
    if (r->step != GATHERING)
        return;
    struct nego_self self = {0};
    self.cands = icelink_candidates(r->link, self.cand, NEGO_CANDS);
    if (self.cands == 0 || !nego_restart_begin(&r->nego, &self, &r->conf.net->rng, r->frag)) {
        try_later(r);
        return;
    }
    const struct http_request q = {.method = "PATCH",
                                   .url = r->conf.url,
                                   .token = r->conf.token,
                                   .type = "application/trickle-ice-sdpfrag",
                                   .body = r->frag,
                                   .header = "If-Match: *",
                                   .fresh = true,
                                   .done = on_answer,
                                   .user = r};
    r->call = http_start(r->conf.net->http, &q);
    if (r->call)
        enter(r, ASKING, USEC_NEVER);
    else
        try_later(r);
}

static void on_failed(void *user)
{
    struct resume *const r = user;
    if (r->step == CHECKING)
        enter(r, REFUSED, USEC_NEVER);
}

static void on_received(void *user, const uint8_t *bytes, size_t len)
{
    const struct resume *const r = user;
    r->conf.received(r->conf.user, bytes, len);
}

/* Where UDP went before it will again; TCP might only be the first to get through a bad moment. */
static bool wants_tcp(void *user)
{
    const struct resume *const r = user;
    return r->conf.tcp;
}

static void begin(struct resume *r)
{
    const struct icelink_calls calls = {.gathered = on_gathered,
                                        .failed = on_failed,
                                        .received = on_received,
                                        .wants_tcp = wants_tcp,
                                        .user = r};
    icelink_free(&r->link);
    r->began = clock_now();
    enter(r, GATHERING, r->began + GATHER_LIMIT);
    const struct icelink_place place = {
        .loopback = r->conf.loopback, .home = &r->conf.net->home, .good_only = true};
    if (icelink_new(&r->link, r->conf.net->ctx, &place, &calls) != OK)
        try_later(r);
}

enum err resume_new(struct resume **out, const struct resume_conf *c)
{
    struct resume *const r = calloc(1, sizeof(*r));
    *out = r;
    if (!r)
        return E_NOMEM;
    r->conf = *c;
    r->nego = *c->agreed;
    icelink_interface(c->silent, r->over);
    multihome_silent(&c->net->home, r->over, clock_now());
    try_later(r);
    return OK;
}

void resume_free(struct resume **pr)
{
    struct resume *const r = *pr;
    if (!r)
        return;
    http_cancel(r->conf.net->http, r->call);
    icelink_free(&r->link);
    free(r);
    *pr = NULL;
}

enum resume_state resume_turn(struct resume *r, usec now)
{
    if (r->step == CHECKING && icelink_ready(r->link))
        return RESUME_READY;
    if (now >= r->due && r->step == WAITING)
        begin(r);
    else if (now >= r->due && r->step == GATHERING)
        try_later(r);
    else if (now >= r->due && r->step == CHECKING)
        r->step = REFUSED;
    if (r->step == REFUSED)
        return RESUME_REFUSED;
    return r->step >= ASKING ? RESUME_ASKS : RESUME_GATHERS;
}

usec resume_next(const struct resume *r)
{
    return r->due;
}

/* The sibling of this connection and the stream of events are to follow without waiting for a
 * silence of their own. */
static bool has_moved(const struct resume *r)
{
    struct net *const net = r->conf.net;
    char name[MULTIHOME_NAME];
    icelink_interface(r->link, name);
    multihome_worked(&net->home, name, clock_now());
    if (!name[0] || !r->over[0] || strcmp(name, r->over) == 0)
        return false;
    multihome_failed(&net->home, r->over, clock_now());
    http_leave(net->http, r->over);
    return true;
}

struct icelink *resume_take(struct resume *r, struct nego *agreed,
                            const struct icelink_calls *calls, bool *moved)
{
    *moved = has_moved(r);
    struct icelink *const link = r->link;
    icelink_give(link, calls);
    *agreed = r->nego;
    r->link = NULL;
    return link;
}
