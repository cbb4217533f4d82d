#include "engine/io/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

enum err udp_open(struct udp *u, const struct addr *local, int buffer_bytes)
{
    *u = (struct udp){.fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (u->fd < 0)
        return E_IO;
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

void udp_close(struct udp *u)
{
    if (u->fd >= 0)
        close(u->fd);
    u->fd = -1;
}

struct batch {
    struct mmsghdr msg[UDP_BATCH];
    struct iovec iov[UDP_BATCH];
    struct sockaddr_in6 from[UDP_BATCH];
};

static void prepare(struct batch *b, size_t i, void *data, size_t cap)
{
    b->iov[i] = (struct iovec){.iov_base = data, .iov_len = cap};
    b->msg[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &b->from[i],
                                             .msg_namelen = sizeof b->from[i],
                                             .msg_iov = &b->iov[i],
                                             .msg_iovlen = 1}};
}

static void drain(struct udp *u)
{
    uint8_t nowhere[1];
    for (int i = 0; i < UDP_BATCH && recv(u->fd, nowhere, sizeof nowhere, 0) >= 0; i++)
        u->pool_empty++;
}

size_t udp_recv(struct udp *u, usec now, struct pkt_pool *pool, struct pkt *out[UDP_BATCH])
{
    struct batch b;
    struct pkt *got[UDP_BATCH];
    size_t want = 0;
    while (want < UDP_BATCH && (got[want] = pkt_get(pool)) != NULL) {
        prepare(&b, want, got[want]->data, PKT_CAP);
        want++;
    }
    if (want == 0) {
        drain(u);
        return 0;
    }

    const int r = recvmmsg(u->fd, b.msg, (unsigned)want, 0, NULL);
    const size_t came = r > 0 ? (size_t)r : 0;
    size_t n = 0;
    for (size_t i = 0; i < want; i++) {
        if (i >= came || b.msg[i].msg_hdr.msg_flags & MSG_TRUNC) {
            u->truncated += i < came;
            pkt_unref(&got[i]);
            continue;
        }
        got[i]->len = (uint16_t)b.msg[i].msg_len;
        got[i]->at = now;
        got[i]->from = from_sockaddr(&b.from[i]);
        out[n++] = got[i];
    }
    u->received += came;
    return n;
}

static bool send_one(struct udp *u, const struct outq *q, const struct outq_msg *m, bool gso)
{
    struct sockaddr_in6 to = to_sockaddr(&m->to);
    struct iovec iov = {.iov_base = q->buf + m->off, .iov_len = m->len};
    union {
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } ctl;
    struct msghdr h = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov, .msg_iovlen = 1};
    if (gso) {
        memset(&ctl, 0, sizeof ctl);
        h.msg_control = ctl.bytes;
        h.msg_controllen = sizeof ctl.bytes;
        struct cmsghdr *const c = CMSG_FIRSTHDR(&h);
        c->cmsg_level = SOL_UDP;
        c->cmsg_type = UDP_SEGMENT;
        c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        memcpy(CMSG_DATA(c), &m->seg, sizeof m->seg);
    }
    u->calls++;
    return sendmsg(u->fd, &h, 0) >= 0;
}

static void send_split(struct udp *u, const struct outq *q, const struct outq_msg *m)
{
    for (uint32_t off = 0; off < m->len; off += m->seg) {
        struct outq_msg one = *m;
        one.off += off;
        one.len = (uint32_t)size_min(m->seg, m->len - off);
        if (send_one(u, q, &one, false))
            u->sent++;
        else
            u->send_errors++;
    }
}

void udp_send(struct udp *u, const struct outq *q)
{
    for (size_t i = 0; i < q->n; i++) {
        const struct outq_msg *const m = &q->msgs[i];
        if (m->len <= m->seg || u->no_gso) {
            send_split(u, q, m);
            continue;
        }
        const uint32_t datagrams = (m->len + m->seg - 1) / m->seg;
        if (send_one(u, q, m, true)) {
            u->sent += datagrams;
        } else if (errno == EIO || errno == EINVAL || errno == ENOPROTOOPT) {
            u->no_gso = true; /* no checksum offload on the way out */
            send_split(u, q, m);
        } else {
            u->send_errors += datagrams;
        }
    }
}
