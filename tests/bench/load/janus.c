#include "tests/bench/load/janus.h"

#include "engine/io/clock.h"
#include "engine/io/thread.h"
#include "tests/bench/load/janus_text.h"
#include "tests/bench/load/source.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define URL 512
#define EVENT_SECONDS 10
#define POLL_SECONDS 40 /* Janus ends a long poll after 30 */
#define KEEP_ALIVE (20 * USEC_SEC)

/* A worker that waits for an event that names its transaction. */
struct wait {
    char transaction[32];
    json_t *event;
};

struct janus {
    const struct options *o;
    const struct dtls_cert *cert;
    char session[URL]; /* URL */
    uint64_t feed[LOAD_LESSONS];
    atomic_bool stop;
    struct thread *poller;
    struct web *web; /* the poller's */
    struct web_answer answer;
    pthread_mutex_t lock;
    pthread_cond_t came;
    struct wait wait[JOIN_THREADS];
    atomic_uint turns;
};

/* Posts `text` and frees it; the answer as a document, NULL with `why` if it is an error. */
static json_t *post(struct web *web, struct web_answer *a, const char *url, char *text, char *why,
                    size_t cap)
{
    const struct web_call call = {
        .method = "POST", .url = url, .type = "application/json", .body = text ? text : ""};
    web_do(web, &call, a);
    free(text);
    json_t *const doc = json_loads(a->body, 0, NULL);
    struct janus_said said;
    janus_text_read(doc, &said);
    if (doc && a->status == 200 && (!said.error || said.room_exists))
        return doc;
    snprintf(why, cap, "HTTP %ld %s%.80s", a->status, a->why, said.error ? said.error : a->body);
    json_decref(doc);
    return NULL;
}

static bool make(struct janus *j, const char *url, char *text, char *made, char *why, size_t cap)
{
    json_t *const doc = post(j->web, &j->answer, url, text, why, cap);
    struct janus_said said;
    janus_text_read(doc, &said);
    if (doc && made)
        snprintf(made, URL, "%s/%llu", url, (unsigned long long)said.id);
    json_decref(doc);
    return doc != NULL;
}

static bool make_rooms(struct janus *j, char *why, size_t cap)
{
    char url[URL], handle[URL];
    const size_t n = strlen(j->o->url);
    const bool whole = n > 6 && strcmp(j->o->url + n - 6, "/janus") == 0;
    snprintf(url, sizeof url, "%s%s", j->o->url, whole ? "" : "/janus");
    if (!make(j, url, janus_text_plain("create", "c"), j->session, why, cap) ||
        !make(j, j->session, janus_text_attach("a"), handle, why, cap))
        return false;
    for (unsigned i = 0; i < options_lessons(j->o); i++)
        if (!make(j, handle, janus_text_create("r", j->o->room + i), NULL, why, cap))
            return false;
    return make(j, handle, janus_text_plain("detach", "d"), NULL, why, cap);
}

static void give(struct janus *j, json_t *event)
{
    struct janus_said said;
    janus_text_read(event, &said);
    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < JOIN_THREADS && said.transaction[0]; i++) {
        struct wait *const w = &j->wait[i];
        if (!w->event && strcmp(w->transaction, said.transaction) == 0)
            w->event = json_incref(event);
    }
    pthread_cond_broadcast(&j->came);
    pthread_mutex_unlock(&j->lock);
}

static void poll_once(struct janus *j)
{
    char url[URL + 16];
    snprintf(url, sizeof url, "%s?maxev=20", j->session);
    const struct web_call call = {.method = "GET", .url = url, .seconds = POLL_SECONDS};
    web_do(j->web, &call, &j->answer);
    json_t *const doc = json_loads(j->answer.body, 0, NULL);
    if (json_is_array(doc)) {
        for (size_t i = 0; i < json_array_size(doc); i++)
            give(j, json_array_get(doc, i));
    } else if (doc) {
        give(j, doc);
    } else if (!atomic_load(&j->stop)) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL); /* the server is busy */
    }
    json_decref(doc);
}

static void poll_events(void *arg)
{
    struct janus *const j = arg;
    usec kept = clock_now();
    char why[100];
    while (!atomic_load(&j->stop)) {
        poll_once(j);
        if (clock_now() - kept < KEEP_ALIVE)
            continue;
        (void)make(j, j->session, janus_text_plain("keepalive", "k"), NULL, why, sizeof why);
        kept = clock_now();
    }
}

bool janus_new(struct janus **jp, const struct options *o, const struct dtls_cert *cert, char *why,
               size_t cap)
{
    struct janus *const j = *jp = calloc(1, sizeof *j);
    snprintf(why, cap, "no memory");
    if (!j)
        return false;
    j->o = o;
    j->cert = cert;
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->came, NULL);
    if (web_new(&j->web) == OK && make_rooms(j, why, cap) &&
        thread_start(&j->poller, "events", poll_events, j) == OK)
        return true;
    janus_free(jp);
    return false;
}

/* The end of the session ends the long poll too. */
void janus_free(struct janus **jp)
{
    struct janus *const j = *jp;
    if (!j)
        return;
    *jp = NULL;
    struct web *web = NULL;
    struct web_answer *const a = calloc(1, sizeof *a);
    char why[100];
    atomic_store(&j->stop, true);
    if (j->poller && a && web_new(&web) == OK)
        json_decref(post(web, a, j->session, janus_text_plain("destroy", "x"), why, sizeof why));
    thread_join(&j->poller);
    web_free(&web);
    web_free(&j->web);
    free(a);
    for (size_t i = 0; i < JOIN_THREADS; i++)
        json_decref(j->wait[i].event);
    pthread_cond_destroy(&j->came);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

/* A name that no other request has, and room for the event that answers it. */
static const char *expect(struct janus *j, unsigned worker)
{
    struct wait *const w = &j->wait[worker];
    pthread_mutex_lock(&j->lock);
    json_decref(w->event);
    w->event = NULL;
    snprintf(w->transaction, sizeof w->transaction, "w%u-%u", worker,
             atomic_fetch_add(&j->turns, 1));
    pthread_mutex_unlock(&j->lock);
    return w->transaction;
}

static json_t *await(struct janus *j, unsigned worker)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += EVENT_SECONDS;
    struct wait *const w = &j->wait[worker];
    pthread_mutex_lock(&j->lock);
    while (!w->event && pthread_cond_timedwait(&j->came, &j->lock, &until) == 0)
        ;
    json_t *const event = w->event;
    w->event = NULL;
    pthread_mutex_unlock(&j->lock);
    return event;
}

/* Posts a message whose real answer is an event; NULL: it failed. */
static json_t *ask(struct janus *j, struct janus_worker *w, struct join_job *job, char *text)
{
    char url[URL + sizeof job->session];
    snprintf(url, sizeof url, "%s%s", j->session, job->session);
    json_t *const ack = post(w->web, &w->answer, url, text, job->why, sizeof job->why);
    if (!ack)
        return NULL;
    json_decref(ack);
    json_t *const event = await(j, w->worker);
    struct janus_said said;
    janus_text_read(event, &said);
    if (event && !said.error)
        return event;
    snprintf(job->why, sizeof job->why, "%s", said.error ? said.error : "no event came in 10 s");
    json_decref(event);
    return NULL;
}

static bool attach(struct janus *j, struct janus_worker *w, struct join_job *job)
{
    job->asked_at = clock_now();
    json_t *const doc =
        post(w->web, &w->answer, j->session, janus_text_attach("a"), job->why, sizeof job->why);
    struct janus_said said;
    janus_text_read(doc, &said);
    snprintf(job->session, sizeof job->session, "/%llu", (unsigned long long)said.id);
    json_decref(doc);
    return doc != NULL;
}

static bool wrong(struct join_job *job, const struct nego_error *e)
{
    snprintf(job->why, sizeof job->why, "Janus' description: %s %s", e->field, e->what);
    return false;
}

static bool publish(struct janus *j, struct janus_worker *w, struct join_job *job,
                    const struct nego_self *self)
{
    source_wants(&job->nego);
    if (!nego_offer(&job->nego, self, w->rng, w->text) || !attach(j, w, job))
        return false;
    const char *const name = expect(j, w->worker);
    json_t *const event =
        ask(j, w, job, janus_text_publish(name, j->o->room + job->lesson, w->text));
    struct nego_error e = {.field = "jsep", .what = "missing"};
    struct janus_said said;
    janus_text_read(event, &said);
    j->feed[job->lesson] = said.publisher;
    const bool ok = event && said.sdp && nego_accept(&job->nego, said.sdp, strlen(said.sdp), &e) &&
                    janus_text_remote(said.sdp, &job->nego.ice.remote);
    json_decref(event);
    return ok || (event && wrong(job, &e));
}

static bool view(struct janus *j, struct janus_worker *w, struct join_job *job,
                 struct nego_self *self)
{
    if (!attach(j, w, job))
        return false;
    const unsigned room = j->o->room + job->lesson;
    const char *name = expect(j, w->worker);
    json_t *event = ask(j, w, job, janus_text_subscribe(name, room, j->feed[job->lesson]));
    if (!event)
        return false;
    struct nego_error e = {.field = "jsep", .what = "missing"};
    struct janus_said said;
    janus_text_read(event, &said);
    struct addr remote;
    if (said.sdp && janus_text_remote(said.sdp, &remote))
        memcpy(self->cand[0].ip, remote.ip, sizeof remote.ip); /* see load.c */
    const bool ok = said.sdp && janus_text_answer(&job->nego, said.sdp, self, w->rng, w->text, &e);
    json_decref(event);
    if (!ok)
        return wrong(job, &e);
    name = expect(j, w->worker);
    event = ask(j, w, job, janus_text_start(name, room, w->text));
    json_decref(event);
    return event != NULL;
}

static bool leave(struct janus *j, struct janus_worker *w, struct join_job *job)
{
    char url[URL + sizeof job->session];
    snprintf(url, sizeof url, "%s%s", j->session, job->session);
    json_t *const doc =
        post(w->web, &w->answer, url, janus_text_plain("detach", "d"), job->why, sizeof job->why);
    json_decref(doc);
    return doc != NULL;
}

void janus_do(struct janus *j, struct janus_worker *w, struct join_job *job)
{
    struct nego_self self = {
        .fingerprint = dtls_cert_fingerprint(j->cert), .cand = {job->addr}, .cands = 1};
    switch (job->kind) {
    case JOIN_PUBLISH:
        job->ok = publish(j, w, job, &self);
        break;
    case JOIN_VIEW:
        job->ok = view(j, w, job, &self);
        break;
    case JOIN_LEAVE:
        job->ok = leave(j, w, job);
        break;
    }
}
