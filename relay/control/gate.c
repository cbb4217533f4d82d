#include "relay/control/gate.h"

#include "engine/io/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64  /* that are ready at once */
#define ROUNDS 4  /* of those in one turn */
#define ACCEPT 16 /* connections of one listener before others get their turn */
#define BACKLOG 256
#define NONE SIZE_MAX
#define REST (100 * USEC_MS) /* after the system had no descriptor or memory for us */

struct waiter {
    int fd;
    size_t listener;
    struct sockaddr_in6 from;
    usec until;
    size_t n;
    uint8_t bytes[FIRST_MAX];
};

struct listener {
    int fd;
    bool tls;
    bool open;
};

struct gate {
    struct loop loop;
    size_t per_address;
    struct listener listener[GATE_LISTENERS];
    size_t listeners;
    struct waiter *waiter[GATE_WAITERS];
    size_t waiters;
    struct loop_ready ready[BATCH];
    size_t at, n; /* of ready[] */
    unsigned rounds;
    usec rest; /* nobody is accepted before */
    struct gate_stat stat;
};

enum err gate_new(struct gate **tp, unsigned per_address)
{
    struct gate *const t = *tp = calloc(1, sizeof *t);
    if (!t)
        return E_NOMEM;
    t->per_address = size_min(per_address, GATE_WAITERS / 2);
    const enum err e = loop_init(&t->loop);
    if (e != OK)
        gate_free(tp);
    return e;
}

/* Takes the descriptor out; the waiter's place is free. */
static int leave(struct gate *t, size_t i)
{
    const int fd = t->waiter[i]->fd;
    loop_del(&t->loop, fd);
    free(t->waiter[i]);
    t->waiter[i] = NULL;
    t->waiters--;
    return fd;
}

static void turn_away(struct gate *t, size_t i, uint64_t *why)
{
    (void)close(leave(t, i));
    (*why)++;
}

void gate_free(struct gate **tp)
{
    struct gate *const t = *tp;
    if (!t)
        return;
    for (size_t i = 0; i < GATE_WAITERS; i++)
        if (t->waiter[i])
            (void)close(leave(t, i));
    for (size_t i = 0; i < t->listeners; i++)
        (void)close(t->listener[i].fd);
    loop_fini(&t->loop);
    free(t);
    *tp = NULL;
}

/* Listening */

static int listen_on(const struct addr *at, struct addr *bound)
{
    struct sockaddr_in6 s = {.sin6_family = AF_INET6, .sin6_port = htons(at->port)};
    memcpy(&s.sin6_addr, at->ip, sizeof at->ip);
    socklen_t len = sizeof s;
    const int on = 1;
    const int off = 0;
    const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0 &&
        bind(fd, (const struct sockaddr *)&s, sizeof s) == 0 && listen(fd, BACKLOG) == 0 &&
        getsockname(fd, (struct sockaddr *)&s, &len) == 0) {
        *bound = *at;
        bound->port = ntohs(s.sin6_port);
        return fd;
    }
    const int why = errno;
    (void)close(fd);
    errno = why;
    return -1;
}

enum err gate_listen(struct gate *t, const struct addr *at, bool tls, struct addr *bound)
{
    if (t->listeners == GATE_LISTENERS)
        return E_LIMIT;
    const int fd = listen_on(at, bound);
    if (fd < 0)
        return E_IO;
    if (loop_set(&t->loop, fd, LOOP_READ, t->listeners) != OK) {
        (void)close(fd);
        return E_IO;
    }
    t->listener[t->listeners++] = (struct listener){.fd = fd, .tls = tls, .open = true};
    return OK;
}

int gate_fd(const struct gate *t)
{
    return t->loop.epoll;
}

void gate_open(struct gate *t, usec now, size_t listener, bool open)
{
    struct listener *const l = &t->listener[listener];
    if (now < t->rest)
        open = false;
    if (l->open == open)
        return;
    if (loop_set(&t->loop, l->fd, open ? LOOP_READ : 0, listener) == OK)
        l->open = open;
}

usec gate_next(const struct gate *t)
{
    usec next = t->rest > 0 ? t->rest : USEC_NEVER;
    for (size_t i = 0; t->waiters > 0 && i < GATE_WAITERS; i++)
        if (t->waiter[i])
            next = usec_min(next, t->waiter[i]->until);
    return next;
}

/* Coming */

/* The oldest of this address, or of all (NULL); *n: how many there are. */
static size_t oldest(const struct gate *t, const struct in6_addr *of, size_t *n)
{
    size_t found = NONE;
    *n = 0;
    for (size_t i = 0; i < GATE_WAITERS; i++) {
        const struct waiter *const w = t->waiter[i];
        if (!w || (of && memcmp(&w->from.sin6_addr, of, sizeof *of) != 0))
            continue;
        (*n)++;
        if (found == NONE || w->until < t->waiter[found]->until)
            found = i;
    }
    return found;
}

/* Who is served says so at once: those that wait longest are the least likely to be. */
static void make_way(struct gate *t, const struct sockaddr_in6 *from)
{
    size_t n;
    size_t i = oldest(t, &from->sin6_addr, &n);
    if (n >= t->per_address)
        turn_away(t, i, &t->stat.crowded);
    i = oldest(t, NULL, &n);
    if (n == GATE_WAITERS)
        turn_away(t, i, &t->stat.crowded);
}

static size_t place(const struct gate *t)
{
    size_t i = 0;
    while (t->waiter[i])
        i++;
    return i;
}

static void take_in(struct gate *t, size_t listener, int fd, const struct sockaddr_in6 *from,
                    usec now)
{
    make_way(t, from);
    const size_t i = place(t);
    struct waiter *const w = malloc(sizeof *w);
    if (!w || loop_set(&t->loop, fd, LOOP_READ, GATE_LISTENERS + i) != OK) {
        free(w);
        (void)close(fd);
        return;
    }
    w->fd = fd;
    w->listener = listener;
    w->from = *from;
    w->until = now + GATE_PATIENCE;
    w->n = 0;
    t->waiter[i] = w;
    t->waiters++;
}

static void accept_some(struct gate *t, size_t listener, usec now)
{
    for (int i = 0; i < ACCEPT && t->listener[listener].open; i++) {
        struct sockaddr_in6 from = {0};
        socklen_t len = sizeof from;
        const int fd = accept4(t->listener[listener].fd, (struct sockaddr *)&from, &len,
                               SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                t->rest = now + REST;
            gate_open(t, now, listener, t->rest == 0);
            return;
        }
        take_in(t, listener, fd, &from, now);
    }
}

static void let_in(struct gate *t, size_t i, bool call, struct guest *g)
{
    const struct waiter *const w = t->waiter[i];
    g->listener = w->listener;
    g->from = w->from;
    g->call = call;
    g->len = w->n;
    memcpy(g->bytes, w->bytes, w->n);
    g->fd = leave(t, i);
    (call ? &t->stat.calls : &t->stat.http)[0]++;
}

/* Reads what first_look wants; of what is not for us nothing: the first byte is only looked at. */
static enum first look(struct waiter *w, struct guest *g)
{
    size_t want;
    enum first f;
    while ((f = first_look(w->bytes, w->n, &want, g->ufrag)) == FIRST_MORE) {
        uint8_t one[1];
        const ssize_t r =
            want ? recv(w->fd, w->bytes + w->n, want, 0) : recv(w->fd, one, sizeof one, MSG_PEEK);
        if (r < 0 && (errno == EAGAIN || errno == EINTR))
            return FIRST_MORE;
        if (r <= 0)
            return FIRST_BAD;
        if (want) {
            w->n += (size_t)r;
            continue;
        }
        f = first_look(one, 1, &want, g->ufrag);
        if (f != FIRST_MORE)
            return f;
        if (recv(w->fd, w->bytes, 1, 0) != 1)
            return FIRST_BAD;
        w->n = 1;
    }
    return f;
}

static bool decide(struct gate *t, size_t i, struct guest *g)
{
    struct waiter *const w = t->waiter[i];
    if (!w)
        return false;
    const enum first f = look(w, g);
    if (f == FIRST_MORE)
        return false;
    const enum first served = t->listener[w->listener].tls ? FIRST_TLS : FIRST_HTTP;
    if (f == FIRST_CALL || f == served) {
        let_in(t, i, f == FIRST_CALL, g);
        return true;
    }
    turn_away(t, i, &t->stat.bad);
    return false;
}

void gate_turn(struct gate *t, usec now)
{
    t->at = t->n = 0;
    t->rounds = ROUNDS;
    if (t->rest <= now)
        t->rest = 0;
    for (size_t i = 0; t->waiters > 0 && i < GATE_WAITERS; i++)
        if (t->waiter[i] && t->waiter[i]->until <= now)
            turn_away(t, i, &t->stat.late);
}

static bool more(struct gate *t, usec now)
{
    if (t->rounds == 0)
        return false;
    t->rounds--;
    t->at = 0;
    t->n = loop_wait(&t->loop, now, now, t->ready, BATCH);
    return t->n > 0;
}

bool gate_guest(struct gate *t, usec now, struct guest *g)
{
    while (t->at < t->n || more(t, now)) {
        const uint64_t tag = t->ready[t->at++].tag;
        if (tag < GATE_LISTENERS)
            accept_some(t, tag, now);
        else if (decide(t, tag - GATE_LISTENERS, g))
            return true;
    }
    return false;
}

const struct gate_stat *gate_stat(const struct gate *t)
{
    return &t->stat;
}
