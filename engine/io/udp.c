#include "engine/io/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REFUSALS 64 /* of messages with segments, with none that passed between them */

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* linux/udp.h, since 4.18 */
#endif

static struct sockaddr_in6 to_sockaddr(const struct addr *a)
{
    struct sockaddr_in6 s = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
    memcpy(&s.sin6_addr, a->ip, 16);
    return s;
}

static struct addr from_sockaddr(const struct sockaddr_in6 *s)
{
    return addr_v6((const uint8_t *)&s->sin6_addr, ntohs(s->sin6_port));
}

static bool set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/* What the next call may fill, made ready once: a call that brings one packet costs one. */
struct udp_box {
    struct mmsghdr msg[UDP_BATCH];
    struct iovec iov[UDP_BATCH];
    struct sockaddr_in6 from[UDP_BATCH];
    struct pkt *pkt[UDP_BATCH]; /* the first `n` */
    size_t n;
};

void udp_close(struct udp *u)
{
    for (size_t i = 0; u->box && i < u->box->n; i++)
        pkt_unref(&u->box->pkt[i]);
    free(u->box);
    u->box = NULL;
    if (u->fd >= 0)
        close(u->fd);
    u->fd = -1;
}

enum err udp_open(struct udp *u, const struct addr *local, int buffer_bytes)
{
    *u = (struct udp){.fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                      .box = calloc(1, sizeof(struct udp_box))};
    if (u->fd < 0 || !u->box) {
        udp_close(u);
        return E_IO;
    }
    /* A burst of a whole frame to every viewer must fit. The FORCE forms need a privilege; without
     * it the system's limit applies, which serves small schools. */
    if (!set_int(u->fd, SOL_SOCKET, SO_RCVBUFFORCE, buffer_bytes))
        (void)set_int(u->fd, SOL_SOCKET, SO_RCVBUF, buffer_bytes);
    if (!set_int(u->fd, SOL_SOCKET, SO_SNDBUFFORCE, buffer_bytes))
        (void)set_int(u->fd, SOL_SOCKET, SO_SNDBUF, buffer_bytes);

    struct sockaddr_in6 s = to_sockaddr(local);
    socklen_t len = sizeof s;
    if (set_int(u->fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) &&
        bind(u->fd, (const struct sockaddr *)&s, sizeof s) == 0 &&
        getsockname(u->fd, (struct sockaddr *)&s, &len) == 0) {
        u->local = from_sockaddr(&s);
        return OK;
    }
    const int why = errno;
    udp_close(u);
    errno = why;
    return E_IO;
}

static void put(struct udp_box *b, size_t i, struct pkt *p)
{
    b->pkt[i] = p;
    b->iov[i] = (struct iovec){.iov_base = p->data, .iov_len = PKT_CAP};
    b->msg[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &b->from[i],
                                             .msg_namelen = sizeof b->from[i],
                                             .msg_iov = &b->iov[i],
                                             .msg_iovlen = 1}};
}

/* The places before `taken` are empty: others' packets come there, or the last ones. */
static void refill(struct udp_box *b, size_t taken, struct pkt_pool *pool)
{
    for (size_t i = 0; i < taken; i++) {
        struct pkt *p = pkt_get(pool);
        if (!p && b->n > taken)
            p = b->pkt[--b->n];
        if (!p) {
            b->n = i;
            return;
        }
        put(b, i, p);
    }
    for (struct pkt *p; b->n < UDP_BATCH && (p = pkt_get(pool)) != NULL; b->n++)
        put(b, b->n, p);
}

static void drain(struct udp *u)
{
    uint8_t nowhere[1];
    for (int i = 0; i < UDP_BATCH && recv(u->fd, nowhere, sizeof nowhere, 0) >= 0; i++)
        u->pool_empty++;
}

size_t udp_recv(struct udp *u, usec now, struct pkt_pool *pool, struct pkt *out[UDP_BATCH])
{
    struct udp_box *const b = u->box;
    refill(b, 0, pool);
    if (b->n == 0) {
        drain(u);
        return 0;
    }
    const int r = recvmmsg(u->fd, b->msg, (unsigned)b->n, 0, NULL);
    const size_t came = r > 0 ? (size_t)r : 0;
    size_t n = 0;
    for (size_t i = 0; i < came; i++) {
        struct pkt *p = b->pkt[i];
        if (b->msg[i].msg_hdr.msg_flags & MSG_TRUNC) {
            u->truncated++;
            pkt_unref(&p);
            continue;
        }
        p->len = (uint16_t)b->msg[i].msg_len;
        p->at = now;
        p->from = from_sockaddr(&b->from[i]);
        out[n++] = p;
    }
    u->received += came;
    refill(b, came, pool);
    return n;
}

/* Messages for one system call. */
struct sending {
    struct mmsghdr msg[UDP_BATCH];
    struct iovec iov[UDP_BATCH];
    struct sockaddr_in6 to[UDP_BATCH];
    _Alignas(struct cmsghdr) char ctl[UDP_BATCH][CMSG_SPACE(sizeof(uint16_t))];
};

static void set_segment(struct msghdr *h, void *ctl, size_t len, uint16_t seg)
{
    memset(ctl, 0, len);
    h->msg_control = ctl;
    h->msg_controllen = len;
    struct cmsghdr *const c = CMSG_FIRSTHDR(h);
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    memcpy(CMSG_DATA(c), &seg, sizeof seg);
}

static void add(struct sending *b, size_t i, const struct outq *q, const struct outq_msg *m)
{
    b->to[i] = to_sockaddr(&m->to);
    b->iov[i] = (struct iovec){.iov_base = q->buf + m->off, .iov_len = m->len};
    b->msg[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &b->to[i],
                                             .msg_namelen = sizeof b->to[i],
                                             .msg_iov = &b->iov[i],
                                             .msg_iovlen = 1}};
    if (m->len > m->seg)
        set_segment(&b->msg[i].msg_hdr, b->ctl[i], sizeof b->ctl[i], m->seg);
}

static size_t datagrams_of(const struct outq_msg *m)
{
    return (m->len + m->seg - 1) / m->seg;
}

/* Sends up to n; returns how many messages went. Fewer: errno is the next one's. */
static size_t send_batch(struct udp *u, const struct outq *q, const struct outq_msg *m, size_t n)
{
    struct sending b;
    for (size_t i = 0; i < n; i++)
        add(&b, i, q, &m[i]);
    u->calls++;
    const int r = sendmmsg(u->fd, b.msg, (unsigned)n, 0);
    const size_t done = r > 0 ? (size_t)r : 0;
    for (size_t i = 0; i < done; i++) {
        u->sent += datagrams_of(&m[i]);
        if (m[i].len > m[i].seg)
            u->refused = 0;
    }
    return done;
}

static void send_split(struct udp *u, const struct outq *q, const struct outq_msg *m)
{
    for (uint32_t off = 0; off < m->len; off += m->seg) {
        struct outq_msg one = *m;
        one.off += off;
        one.len = (uint32_t)size_min(m->seg, m->len - off);
        u->send_errors += send_batch(u, q, &one, 1) == 0;
    }
}

/* How many messages from m on may be handed to one call: none that has to be split first. */
static size_t together(const struct udp *u, const struct outq_msg *m, size_t left)
{
    size_t n = 0;
    while (n < left && n < UDP_BATCH && !(u->no_gso && m[n].len > m[n].seg))
        n++;
    return n;
}

/* EIO, ENOPROTOOPT: no checksum offload on the way out, for nobody. EINVAL: the same with some
 * kernels, or one destination's path is too narrow for the segment, which is that one's affair. */
static bool refuses_gso(struct udp *u, int why)
{
    if (why != EIO && why != ENOPROTOOPT && why != EINVAL && why != EMSGSIZE)
        return false;
    if (why == EIO || why == ENOPROTOOPT || ++u->refused >= REFUSALS)
        u->no_gso = true;
    return true;
}

void udp_send(struct udp *u, const struct outq *q)
{
    for (size_t i = 0; i < q->n;) {
        const size_t n = together(u, &q->msgs[i], q->n - i);
        if (n == 0) {
            send_split(u, q, &q->msgs[i++]);
            continue;
        }
        const size_t done = send_batch(u, q, &q->msgs[i], n);
        i += done;
        if (done > 0)
            continue; /* if one was refused, the next call says why */
        const struct outq_msg *const m = &q->msgs[i++];
        if (m->len > m->seg && refuses_gso(u, errno))
            send_split(u, q, m);
        else
            u->send_errors += datagrams_of(m);
    }
}
