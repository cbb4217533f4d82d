#include "engine/io/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LOOP_BATCH 64

enum err loop_init(struct loop *l)
{
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    return l->epoll < 0 ? E_IO : OK;
}

void loop_fini(struct loop *l)
{
    if (l->epoll >= 0)
        close(l->epoll);
    l->epoll = -1;
}

enum err loop_set(struct loop *l, int fd, unsigned want, uint64_t tag)
{
    struct epoll_event e = {.data.u64 = tag};
    if (want & LOOP_READ)
        e.events |= EPOLLIN;
    if (want & LOOP_WRITE)
        e.events |= EPOLLOUT;
    if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &e) == 0)
        return OK;
    if (errno == ENOENT && epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) == 0)
        return OK;
    return E_IO;
}

void loop_del(struct loop *l, int fd)
{
    (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static struct timespec wait_time(usec now, usec until)
{
    const usec us = until > now ? until - now : 0;
    return (struct timespec){.tv_sec = us / USEC_SEC, .tv_nsec = us % USEC_SEC * 1000};
}

size_t loop_wait(struct loop *l, usec now, usec until, struct loop_ready *out, size_t cap)
{
    struct epoll_event ev[LOOP_BATCH];
    const struct timespec t = wait_time(now, until);
    const int n = epoll_pwait2(l->epoll, ev, (int)size_min(cap, LOOP_BATCH),
                               until == USEC_NEVER ? NULL : &t, NULL);
    for (int i = 0; i < n; i++)
        out[i] = (struct loop_ready){
            .tag = ev[i].data.u64,
            .readable = (ev[i].events & EPOLLIN) != 0,
            .writable = (ev[i].events & EPOLLOUT) != 0,
            .hangup = (ev[i].events & (EPOLLHUP | EPOLLERR)) != 0,
        };
    return n > 0 ? (size_t)n : 0;
}
