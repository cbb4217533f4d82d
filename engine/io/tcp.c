#include "engine/io/tcp.h"

#include "engine/base/bytes.h"
#include "engine/base/table.h"
#include "engine/io/frame.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the kernel may hold that has not been sent: what is late waits in our queue, where the
 * newest gives way, not in a buffer of seconds. */
#define UNSENT_MAX (16 << 10)
#define READ_MAX (16u << 10)
#define PART_MAX (FRAME_HEAD + PKT_CAP)
#define NONE SIZE_MAX

static_assert(TCP_QUEUE >= OUTQ_MSG_MAX + OUTQ_SEGS * FRAME_HEAD,
              "what is left of a message that was begun always fits an empty queue");

struct conn {
    int fd;
    struct addr from;
    uint32_t owner;
    size_t slot;
    usec heard;
    size_t part; /* bytes of a frame that goes on */
    uint8_t in[PART_MAX];
    size_t head, n; /* what waits in out[] */
    uint8_t out[TCP_QUEUE];
};

struct tcp {
    struct loop *loop;
    uint64_t tag;
    size_t max;
    struct conn **conn; /* by slot */
    struct table by_addr;
    struct tcp_stat stat;
    size_t reading; /* whose bytes stand in in[]; NONE */
    size_t at, n;
    uint8_t in[PART_MAX + READ_MAX];
};

enum err tcp_new(struct tcp **tp, struct loop *loop, uint64_t tag, size_t max, uint64_t seed)
{
    struct tcp *t = *tp = calloc(1, sizeof *t);
    if (!t)
        return E_NOMEM;
    t->loop = loop;
    t->tag = tag;
    t->max = max;
    t->reading = NONE;
    table_init(&t->by_addr, sizeof(struct addr), seed);
    t->conn = calloc(max, sizeof *t->conn);
    if (t->conn)
        return OK;
    tcp_free(tp);
    return E_NOMEM;
}

static void drop(struct tcp *t, struct conn *c)
{
    if (t->reading == c->slot)
        t->reading = NONE;
    if (table_get(&t->by_addr, &c->from) == c)
        (void)table_del(&t->by_addr, &c->from);
    loop_del(t->loop, c->fd);
    (void)close(c->fd);
    t->conn[c->slot] = NULL;
    t->stat.open--;
    free(c);
}

void tcp_free(struct tcp **tp)
{
    struct tcp *const t = *tp;
    if (!t)
        return;
    for (size_t i = 0; t->conn && i < t->max; i++)
        if (t->conn[i])
            drop(t, t->conn[i]);
    table_fini(&t->by_addr);
    free(t->conn);
    free(t);
    *tp = NULL;
}

/* Coming */

static size_t free_slot(const struct tcp *t)
{
    for (size_t i = 0; i < t->max; i++)
        if (!t->conn[i])
            return i;
    return NONE;
}

/* One member shall not take the places of all. */
static void make_way(struct tcp *t, uint32_t owner)
{
    struct conn *silent = NULL;
    size_t n = 0;
    for (size_t i = 0; i < t->max; i++) {
        struct conn *const c = t->conn[i];
        if (!c || c->owner != owner)
            continue;
        n++;
        if (!silent || c->heard < silent->heard)
            silent = c;
    }
    if (n < TCP_PER_OWNER)
        return;
    t->stat.silent++;
    drop(t, silent);
}

static bool tune(int fd)
{
    const int on = 1;
    const int unsent = UNSENT_MAX;
    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent) == 0;
}

static bool enter(struct tcp *t, struct conn *c)
{
    if (!tune(c->fd) || table_put(&t->by_addr, &c->from, c) != OK)
        return false;
    if (loop_set(t->loop, c->fd, LOOP_READ, t->tag + c->slot) == OK)
        return true;
    (void)table_del(&t->by_addr, &c->from);
    return false;
}

static struct conn *conn_new(size_t slot, usec now, const struct tcp_call *call)
{
    struct conn *const c = malloc(sizeof *c);
    if (!c)
        return NULL;
    c->fd = call->fd;
    c->from = call->from;
    c->from.proto = ADDR_TCP;
    c->owner = call->owner;
    c->slot = slot;
    c->heard = now;
    c->part = call->len;
    c->head = c->n = 0;
    if (call->len)
        memcpy(c->in, call->bytes, call->len);
    return c;
}

bool tcp_add(struct tcp *t, usec now, const struct tcp_call *call, size_t *slot)
{
    assert(call->len <= PART_MAX);
    struct addr from = call->from;
    from.proto = ADDR_TCP;
    struct conn *const old = table_get(&t->by_addr, &from);
    if (old)
        drop(t, old);
    make_way(t, call->owner);
    const size_t i = free_slot(t);
    struct conn *const c = i == NONE ? NULL : conn_new(i, now, call);
    if (!c || !enter(t, c)) {
        free(c);
        t->stat.refused++;
        return false;
    }
    t->conn[i] = c;
    t->stat.open++;
    t->stat.opened++;
    *slot = i;
    return true;
}

/* In */

bool tcp_read(struct tcp *t, size_t slot)
{
    struct conn *const c = slot < t->max ? t->conn[slot] : NULL;
    if (!c)
        return false;
    memcpy(t->in, c->in, c->part);
    const ssize_t r = recv(c->fd, t->in + c->part, READ_MAX, 0);
    if (r == 0 || (r < 0 && errno != EAGAIN && errno != EINTR)) {
        drop(t, c);
        return false;
    }
    t->reading = slot;
    t->at = 0;
    t->n = c->part + (r > 0 ? (size_t)r : 0);
    c->part = 0;
    return true;
}

static struct pkt *packet(struct tcp *t, usec now, struct pkt_pool *pool, size_t len)
{
    struct pkt *const p = pkt_get(pool);
    t->stat.received++;
    if (!p) {
        t->stat.pool_empty++;
        return NULL;
    }
    memcpy(p->data, t->in + t->at + FRAME_HEAD, len);
    p->len = (uint16_t)len;
    p->at = now;
    p->from = t->conn[t->reading]->from;
    return p;
}

/* The frame that goes on waits for its rest; behind a bad one nothing can be found. */
static void end_reading(struct tcp *t, enum frame why)
{
    struct conn *const c = t->conn[t->reading];
    t->reading = NONE;
    if (why == FRAME_BAD) {
        t->stat.broken++;
        drop(t, c);
        return;
    }
    c->part = t->n - t->at;
    memcpy(c->in, t->in + t->at, c->part);
}

struct pkt *tcp_next(struct tcp *t, usec now, struct pkt_pool *pool)
{
    while (t->reading != NONE) {
        size_t len;
        const enum frame f = frame_read(t->in + t->at, t->n - t->at, PKT_CAP, &len);
        if (f != FRAME_WHOLE) {
            end_reading(t, f);
            break;
        }
        struct pkt *const p = len > 0 ? packet(t, now, pool, len) : NULL;
        t->at += FRAME_HEAD + len;
        if (p)
            return p;
    }
    return NULL;
}

void tcp_heard(struct tcp *t, const struct addr *from, usec now)
{
    struct conn *const c = table_get(&t->by_addr, from);
    if (c)
        c->heard = now;
}

/* Out */

/* One message as frames: heads and bodies by turns. */
struct frames {
    struct iovec part[2 * OUTQ_SEGS];
    uint8_t head[OUTQ_SEGS][FRAME_HEAD];
    size_t n; /* datagrams */
    size_t bytes;
};

static void make_frames(struct frames *f, const struct outq *q, const struct outq_msg *m)
{
    f->n = f->bytes = 0;
    for (uint32_t off = 0; off < m->len && f->n < OUTQ_SEGS; off += m->seg, f->n++) {
        const size_t len = size_min(m->seg, m->len - off);
        put_be16(f->head[f->n], (uint16_t)len);
        f->part[2 * f->n] = (struct iovec){f->head[f->n], FRAME_HEAD};
        f->part[2 * f->n + 1] = (struct iovec){q->buf + m->off + off, len};
        f->bytes += FRAME_HEAD + len;
    }
}

static void put(struct conn *c, const uint8_t *p, size_t n)
{
    if (c->head + c->n + n > sizeof c->out) {
        memmove(c->out, c->out + c->head, c->n);
        c->head = 0;
    }
    assert(c->n + n <= sizeof c->out);
    memcpy(c->out + c->head + c->n, p, n);
    c->n += n;
}

static bool has_room(const struct conn *c, size_t len)
{
    const size_t kept = len <= TCP_SMALL ? 0 : TCP_QUEUE / 8;
    return c->n + FRAME_HEAD + len + kept <= TCP_QUEUE;
}

static void queue_whole(struct tcp *t, struct conn *c, const struct frames *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct iovec *const body = &f->part[2 * i + 1];
        if (!has_room(c, body->iov_len)) {
            t->stat.send_dropped++;
            continue;
        }
        put(c, f->head[i], FRAME_HEAD);
        put(c, body->iov_base, body->iov_len);
        t->stat.sent++;
    }
}

/* The queue is empty: all that is left of them fits. */
static void queue_rest(struct conn *c, const struct frames *f, size_t gone)
{
    for (size_t i = 0; i < 2 * f->n; i++) {
        const struct iovec *const v = &f->part[i];
        if (gone < v->iov_len)
            put(c, (const uint8_t *)v->iov_base + gone, v->iov_len - gone);
        gone -= size_min(gone, v->iov_len);
    }
}

static bool would_wait(void)
{
    return errno == EAGAIN || errno == EINTR || errno == ENOBUFS;
}

/* False: the connection is broken. */
static bool send_now(struct tcp *t, struct conn *c, struct frames *f)
{
    const struct msghdr h = {.msg_iov = f->part, .msg_iovlen = 2 * f->n};
    const ssize_t r = sendmsg(c->fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (r < 0 && !would_wait())
        return false;
    t->stat.sent += f->n;
    if (r == (ssize_t)f->bytes)
        return true;
    queue_rest(c, f, r > 0 ? (size_t)r : 0);
    return loop_set(t->loop, c->fd, LOOP_READ | LOOP_WRITE, t->tag + c->slot) == OK;
}

static void send_to(struct tcp *t, struct conn *c, const struct outq *q, const struct outq_msg *m)
{
    struct frames f;
    make_frames(&f, q, m);
    if (!c)
        t->stat.send_dropped += f.n;
    else if (c->n > 0)
        queue_whole(t, c, &f);
    else if (!send_now(t, c, &f))
        drop(t, c);
}

void tcp_send(struct tcp *t, struct outq *q)
{
    size_t kept = 0;
    for (size_t i = 0; i < q->n; i++) {
        const struct outq_msg *const m = &q->msgs[i];
        if (m->to.proto == ADDR_TCP)
            send_to(t, table_get(&t->by_addr, &m->to), q, m);
        else if (kept++ != i)
            q->msgs[kept - 1] = *m;
    }
    q->n = kept;
}

void tcp_flush(struct tcp *t, size_t slot)
{
    struct conn *const c = slot < t->max ? t->conn[slot] : NULL;
    if (!c || c->n == 0)
        return;
    const ssize_t r = send(c->fd, c->out + c->head, c->n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (r < 0) {
        if (!would_wait())
            drop(t, c);
        return;
    }
    c->head += (size_t)r;
    c->n -= (size_t)r;
    if (c->n > 0)
        return;
    c->head = 0;
    if (loop_set(t->loop, c->fd, LOOP_READ, t->tag + c->slot) != OK)
        drop(t, c);
}

void tcp_sweep(struct tcp *t, usec now)
{
    for (size_t i = 0; t->stat.open > 0 && i < t->max; i++)
        if (t->conn[i] && now - t->conn[i]->heard > TCP_IDLE) {
            t->stat.silent++;
            drop(t, t->conn[i]);
        }
}

const struct tcp_stat *tcp_stat(const struct tcp *t)
{
    return &t->stat;
}
