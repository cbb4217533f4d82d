#include "tests/bench/load/whip.h"

#include "engine/io/clock.h"
#include "tests/bench/load/source.h"

#include <stdio.h>

#define URL 700

/* "L7", or "L71", "L72", … of several lessons. */
static void put_lesson(const struct options *o, unsigned lesson, char *out, size_t cap)
{
    if (o->lessons)
        snprintf(out, cap, "%s%u", o->lesson, lesson + 1);
    else
        snprintf(out, cap, "%s", o->lesson);
}

static void want(struct nego *n, enum join_kind kind)
{
    if (kind == JOIN_PUBLISH) {
        source_wants(n);
        return;
    }
    *n = (struct nego){.n = 2,
                       .media = {{.audio = true, .recv = true}, {.audio = false, .recv = true}}};
}

static bool failed(struct join_job *job, const struct web_answer *a)
{
    snprintf(job->why, sizeof job->why, "HTTP %ld %.400s", a->status, a->status ? a->body : a->why);
    return false;
}

static bool post(struct whip *w, struct join_job *job)
{
    char lesson[64], url[URL];
    put_lesson(w->o, job->lesson, lesson, sizeof lesson);
    if (job->kind == JOIN_PUBLISH)
        snprintf(url, sizeof url, "%s/whip/%s?sources=camera&client=load", w->o->url, lesson);
    else
        snprintf(url, sizeof url, "%s/whep/%s?slots=camera", w->o->url, lesson);
    const struct web_call call = {.method = "POST",
                                  .url = url,
                                  .token = job->token,
                                  .type = "application/sdp",
                                  .body = w->text};
    job->asked_at = clock_now();
    web_do(w->web, &call, &w->answer);
    if (w->answer.status != 201)
        return failed(job, &w->answer);
    snprintf(job->session, sizeof job->session, "%s", w->answer.location);
    return true;
}

static bool connect_to(struct whip *w, struct join_job *job)
{
    const struct nego_self self = {
        .fingerprint = dtls_cert_fingerprint(w->cert), .cand = {job->addr}, .cands = 1};
    struct nego_error e = {0};
    want(&job->nego, job->kind);
    if (!nego_offer(&job->nego, &self, w->rng, w->text)) {
        snprintf(job->why, sizeof job->why, "no offer could be made");
        return false;
    }
    if (!post(w, job))
        return false;
    if (nego_accept(&job->nego, w->answer.body, w->answer.len, &e))
        return true;
    snprintf(job->why, sizeof job->why, "the answer: %s %s", e.field, e.what);
    return false;
}

static bool leave(struct whip *w, struct join_job *job)
{
    char url[URL];
    snprintf(url, sizeof url, "%s%s", w->o->url, job->session);
    const struct web_call call = {.method = "DELETE", .url = url, .token = job->token};
    web_do(w->web, &call, &w->answer);
    return w->answer.status == 200 || failed(job, &w->answer);
}

void whip_do(struct whip *w, struct join_job *job)
{
    job->ok = job->kind == JOIN_LEAVE ? leave(w, job) : connect_to(w, job);
}
