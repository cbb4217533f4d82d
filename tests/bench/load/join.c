#include "tests/bench/load/join.h"

#include "engine/io/clock.h"
#include "engine/io/thread.h"
#include "tests/bench/load/janus.h"
#include "tests/bench/load/whip.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
    struct join_job *first, *last;
};

struct worker {
    struct join *join;
    struct thread *thread;
    struct web *web;
    struct rng rng;
    struct whip whip;
    struct janus_worker janus;
};

struct join {
    const struct options *o;
    const struct dtls_cert *cert;
    struct janus *janus;
    int fd;
    bool stop;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct queue todo, done;
    struct worker worker[JOIN_THREADS];
};

static void put(struct queue *q, struct join_job *job)
{
    job->next = NULL;
    if (q->last)
        q->last->next = job;
    else
        q->first = job;
    q->last = job;
}

static struct join_job *take(struct queue *q)
{
    struct join_job *const job = q->first;
    if (!job)
        return NULL;
    q->first = job->next;
    if (!q->first)
        q->last = NULL;
    return job;
}

static struct join_job *next_job(struct join *j)
{
    pthread_mutex_lock(&j->lock);
    while (!j->stop && !j->todo.first)
        pthread_cond_wait(&j->work, &j->lock);
    struct join_job *const job = j->stop ? NULL : take(&j->todo);
    pthread_mutex_unlock(&j->lock);
    return job;
}

static void work(void *arg)
{
    struct worker *const w = arg;
    struct join *const j = w->join;
    struct join_job *job;
    while ((job = next_job(j)) != NULL) {
        if (j->o->server == LOAD_JANUS)
            janus_do(j->janus, &w->janus, job);
        else
            whip_do(&w->whip, job);
        pthread_mutex_lock(&j->lock);
        put(&j->done, job);
        pthread_mutex_unlock(&j->lock);
        (void)eventfd_write(j->fd, 1);
    }
}

static enum err start(struct join *j, unsigned i)
{
    struct worker *const w = &j->worker[i];
    uint8_t seed[32];
    w->join = j;
    enum err e = clock_seed(seed);
    if (!e)
        e = rng_init(&w->rng, seed);
    if (!e)
        e = web_new(&w->web);
    w->whip.o = j->o;
    w->whip.cert = j->cert;
    w->whip.web = w->janus.web = w->web;
    w->whip.rng = w->janus.rng = &w->rng;
    w->janus.worker = i;
    return e ? e : thread_start(&w->thread, "signalling", work, w);
}

enum err join_new(struct join **jp, const struct options *o, const struct dtls_cert *cert)
{
    struct join *const j = *jp = calloc(1, sizeof *j);
    if (!j)
        return E_NOMEM;
    j->o = o;
    j->cert = cert;
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->work, NULL);
    j->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    enum err e = j->fd < 0 ? E_IO : OK;
    for (unsigned i = 0; !e && i < JOIN_THREADS; i++)
        e = start(j, i);
    if (e)
        join_free(jp);
    return e;
}

static void drop(struct queue *q)
{
    for (struct join_job *job = take(q); job; job = take(q))
        free(job);
}

void join_free(struct join **jp)
{
    struct join *const j = *jp;
    if (!j)
        return;
    *jp = NULL;
    pthread_mutex_lock(&j->lock);
    j->stop = true;
    pthread_cond_broadcast(&j->work);
    pthread_mutex_unlock(&j->lock);
    for (size_t i = 0; i < JOIN_THREADS; i++) {
        thread_join(&j->worker[i].thread);
        web_free(&j->worker[i].web);
        rng_fini(&j->worker[i].rng);
    }
    janus_free(&j->janus);
    drop(&j->todo);
    drop(&j->done);
    if (j->fd >= 0)
        close(j->fd);
    pthread_cond_destroy(&j->work);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

bool join_begin(struct join *j, char *why, size_t cap)
{
    return j->o->server != LOAD_JANUS || janus_new(&j->janus, j->o, j->cert, why, cap);
}

void join_ask(struct join *j, struct join_job *job)
{
    pthread_mutex_lock(&j->lock);
    put(&j->todo, job);
    pthread_cond_signal(&j->work);
    pthread_mutex_unlock(&j->lock);
}

struct join_job *join_done(struct join *j)
{
    pthread_mutex_lock(&j->lock);
    struct join_job *const job = take(&j->done);
    if (!job) {
        eventfd_t unused;
        (void)eventfd_read(j->fd, &unused);
    }
    pthread_mutex_unlock(&j->lock);
    return job;
}

int join_fd(const struct join *j)
{
    return j->fd;
}
