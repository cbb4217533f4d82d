#include "engine/io/thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct thread {
    pthread_t id;
    char name[16];
    void (*body)(void *);
    void *arg;
};

static void *run(void *arg)
{
    const struct thread *const t = arg;
    (void)pthread_setname_np(pthread_self(), t->name);
    t->body(t->arg);
    return NULL;
}

enum err thread_start(struct thread **tp, const char *name, void (*body)(void *), void *arg)
{
    struct thread *const t = calloc(1, sizeof *t);
    if (!t)
        return E_NOMEM;
    t->body = body;
    t->arg = arg;
    for (size_t i = 0; i + 1 < sizeof t->name && name[i]; i++)
        t->name[i] = name[i];

    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int r = pthread_create(&t->id, NULL, run, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r != 0) {
        free(t);
        return E_IO;
    }
    *tp = t;
    return OK;
}

void thread_join(struct thread **tp)
{
    if (!*tp)
        return;
    (void)pthread_join((*tp)->id, NULL);
    free(*tp);
    *tp = NULL;
}
