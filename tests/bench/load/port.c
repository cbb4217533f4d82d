#include "tests/bench/load/port.h"

#include "engine/io/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FIRST_CLIENT 0x7f640001u /* 127.100.0.1 */
#define SEND_BATCH 64
#define INS_MAX (PORT_GRO_BATCH * 64) /* a message of UDP_GRO has at most 64 datagrams */

#ifndef UDP_GRO
#define UDP_GRO 104 /* linux/udp.h, since 5.0 */
#endif

/* Room for IP_PKTINFO, UDP_GRO and SCM_TIMESTAMPNS. */
union control {
    size_t align; /* as a struct cmsghdr begins */
    char room[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(int)) +
              CMSG_SPACE(sizeof(struct timespec))];
};

struct port_batch {
    size_t count, each; /* messages, and bytes of each */
    uint8_t *bytes;
    struct mmsghdr msg[PORT_BATCH];
    struct iovec iov[PORT_BATCH];
    struct sockaddr_in from[PORT_BATCH];
    union control control[PORT_BATCH];
    struct port_in in[INS_MAX];
    size_t ins;
};

/* What came beside the bytes. */
struct extra {
    uint32_t to;
    usec at;
    size_t segment; /* 0: one datagram */
};

enum err port_batch_new(struct port_batch **bp, bool gro)
{
    struct port_batch *const b = *bp = calloc(1, sizeof *b);
    if (!b)
        return E_NOMEM;
    b->count = gro ? PORT_GRO_BATCH : PORT_BATCH;
    b->each = gro ? PORT_GRO_WHOLE : PORT_WHOLE;
    b->bytes = malloc(b->count * b->each);
    if (!b->bytes) {
        port_batch_free(bp);
        return E_NOMEM;
    }
    for (size_t i = 0; i < b->count; i++) {
        b->iov[i].iov_base = b->bytes + i * b->each;
        b->msg[i].msg_hdr = (struct msghdr){.msg_name = &b->from[i],
                                            .msg_iov = &b->iov[i],
                                            .msg_iovlen = 1,
                                            .msg_control = &b->control[i]};
    }
    return OK;
}

void port_batch_free(struct port_batch **bp)
{
    struct port_batch *const b = *bp;
    if (!b)
        return;
    free(b->bytes);
    free(b);
    *bp = NULL;
}

static bool set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static bool prepare(struct port *p)
{
    struct sockaddr_in s = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_ANY)}};
    socklen_t len = sizeof s;
    if (!set_int(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, PORT_BUFFER))
        (void)set_int(p->fd, SOL_SOCKET, SO_RCVBUF, PORT_BUFFER);
    if (!set_int(p->fd, SOL_SOCKET, SO_SNDBUFFORCE, PORT_BUFFER / 16))
        (void)set_int(p->fd, SOL_SOCKET, SO_SNDBUF, PORT_BUFFER / 16);
    if (!set_int(p->fd, IPPROTO_IP, IP_PKTINFO, 1) ||
        (p->stamped && !set_int(p->fd, SOL_SOCKET, SO_TIMESTAMPNS, 1)) ||
        (p->gro && !set_int(p->fd, IPPROTO_UDP, UDP_GRO, 1)) ||
        bind(p->fd, (const struct sockaddr *)&s, sizeof s) != 0 ||
        getsockname(p->fd, (struct sockaddr *)&s, &len) != 0)
        return false;
    p->number = ntohs(s.sin_port);
    return true;
}

enum err port_open(struct port *p, bool stamped, bool gro)
{
    *p = (struct port){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                       .stamped = stamped,
                       .gro = gro};
    if (p->fd < 0)
        return E_IO;
    if (prepare(p))
        return OK;
    const int why = errno;
    port_close(p);
    errno = why;
    return E_IO;
}

void port_close(struct port *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

struct addr port_addr(const struct port *p, uint32_t number)
{
    const uint32_t ip = FIRST_CLIENT + number;
    const uint8_t bytes[4] = {(uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8),
                              (uint8_t)ip};
    return addr_v4(bytes, p->number);
}

static struct addr from_sockaddr(const struct sockaddr_in *s)
{
    uint8_t ip[4];
    memcpy(ip, &s->sin_addr, sizeof ip);
    return addr_v4(ip, ntohs(s->sin_port));
}

/* The kernel stamps with the time of day; `ahead` is how far that is ahead of our clock. */
static struct extra read_extra(struct msghdr *h, usec now, int64_t ahead)
{
    struct extra x = {.to = UINT32_MAX, .at = now};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        struct in_pktinfo info;
        struct timespec t;
        int segment;
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            memcpy(&info, CMSG_DATA(c), sizeof info);
            x.to = ntohl(info.ipi_addr.s_addr) - FIRST_CLIENT;
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            memcpy(&segment, CMSG_DATA(c), sizeof segment);
            x.segment = segment > 0 ? (size_t)segment : 0;
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            memcpy(&t, CMSG_DATA(c), sizeof t);
            x.at = (int64_t)t.tv_sec * USEC_SEC + t.tv_nsec / 1000 - ahead;
        }
    }
    return x;
}

static void put_in(struct port_batch *b, size_t i, const struct extra *x, size_t cap)
{
    const struct addr from = from_sockaddr(&b->from[i]);
    const size_t len = b->msg[i].msg_len;
    const size_t step = x->segment ? x->segment : len;
    for (size_t off = 0; off < len && b->ins < INS_MAX; off += step) {
        const size_t n = size_min(step, len - off);
        const size_t kept = off < cap ? size_min(n, cap - off) : 0;
        b->in[b->ins++] = (struct port_in){.to = x->to,
                                           .from = from,
                                           .at = x->at,
                                           .data = (uint8_t *)b->iov[i].iov_base + off,
                                           .kept = kept,
                                           .len = n};
    }
}

size_t port_recv(struct port *p, struct port_batch *b, bool whole, bool *full)
{
    const size_t cap = whole || p->gro ? b->each : PORT_SHORT;
    for (size_t i = 0; i < b->count; i++) {
        b->iov[i].iov_len = cap;
        b->msg[i].msg_hdr.msg_namelen = sizeof b->from[i];
        b->msg[i].msg_hdr.msg_controllen = sizeof b->control[i];
    }
    /* MSG_TRUNC: msg_len is the length on the way, not what was copied. */
    const int n = recvmmsg(p->fd, b->msg, (unsigned)b->count, MSG_DONTWAIT | MSG_TRUNC, NULL);
    const usec now = clock_now();
    const int64_t ahead = p->stamped ? clock_wall_us() - now : 0;
    b->ins = 0;
    for (int i = 0; i < n; i++) {
        const struct extra x = read_extra(&b->msg[i].msg_hdr, now, ahead);
        put_in(b, (size_t)i, &x, cap);
    }
    *full = n == (int)b->count;
    return b->ins;
}

struct port_in *port_batch_in(struct port_batch *b)
{
    return b->in;
}

/* RFC 1122 3.2.1.3: what comes from 127/8 never leaves the machine; Linux refuses to send it. */
static void put_source(union control *c, struct msghdr *h, const struct addr *from)
{
    struct in_pktinfo info = {0};
    memcpy(&info.ipi_spec_dst, from->ip + 12, 4);
    memset(c, 0, sizeof *c);
    h->msg_control = c;
    h->msg_controllen = CMSG_SPACE(sizeof info);
    struct cmsghdr *const m = CMSG_FIRSTHDR(h);
    m->cmsg_level = IPPROTO_IP;
    m->cmsg_type = IP_PKTINFO;
    m->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(m), &info, sizeof info);
}

static void send_some(struct port *p, struct mmsghdr *msg, unsigned n)
{
    for (unsigned done = 0; done < n;) {
        const int r = sendmmsg(p->fd, msg + done, n - done, MSG_DONTWAIT);
        if (r > 0)
            done += (unsigned)r;
        else if (errno != EINTR)
            done++; /* this one is lost, as on a full network */
    }
}

void port_send(struct port *p, const struct addr *from, struct outq *q)
{
    struct mmsghdr msg[SEND_BATCH];
    struct iovec iov[SEND_BATCH];
    struct sockaddr_in to[SEND_BATCH];
    union control control;
    struct msghdr source = {0};
    put_source(&control, &source, from);
    unsigned n = 0;
    for (size_t i = 0; i < q->n; i++) {
        const struct outq_msg *const m = &q->msgs[i];
        to[n] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(m->to.port)};
        memcpy(&to[n].sin_addr, m->to.ip + 12, 4);
        iov[n] = (struct iovec){.iov_base = q->buf + m->off, .iov_len = m->len};
        msg[n].msg_hdr = source;
        msg[n].msg_hdr.msg_name = &to[n];
        msg[n].msg_hdr.msg_namelen = sizeof to[n];
        msg[n].msg_hdr.msg_iov = &iov[n];
        msg[n].msg_hdr.msg_iovlen = 1;
        if (++n == SEND_BATCH) {
            send_some(p, msg, n);
            n = 0;
        }
    }
    send_some(p, msg, n);
    outq_clear(q);
}
