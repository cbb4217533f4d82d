#include "tests/bench/sink.h"

#include "tests/bench/bench.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH 64
#define PATIENCE_US 100000.0

static bool open_socket(struct sockaddr_in *a, int *fd)
{
    const int bytes = 4 << 20;
    socklen_t len = sizeof *a;
    *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    *fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return false;
    if (setsockopt(*fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        (void)setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    return bind(*fd, (const struct sockaddr *)a, sizeof *a) == 0 &&
           getsockname(*fd, (struct sockaddr *)a, &len) == 0;
}

static unsigned empty(int fd)
{
    static uint8_t data[BATCH][2048];
    static struct iovec iov[BATCH];
    static struct mmsghdr msg[BATCH];
    for (size_t i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){.iov_base = data[i], .iov_len = sizeof data[i]};
        msg[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
    }
    const int n = recvmmsg(fd, msg, BATCH, MSG_DONTWAIT, NULL);
    return n > 0 ? (unsigned)n : 0;
}

/* Waits as a load client does: by epoll, over all sockets. */
static _Noreturn void receive(const struct sink *s, const int fd[SINK_SOCKETS])
{
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < SINK_SOCKETS; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd[i]};
        if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd[i], &e) != 0)
            _exit(EXIT_FAILURE);
    }
    struct epoll_event ready[SINK_SOCKETS];
    for (;;) {
        const int n = epoll_wait(epoll, ready, SINK_SOCKETS, -1);
        for (int i = 0; i < n; i++)
            atomic_fetch_add_explicit(s->received, empty(ready[i].data.fd), memory_order_release);
    }
}

static bool start_process(struct sink *s, const int fd[SINK_SOCKETS], unsigned cpu)
{
    const pid_t parent = getpid();
    s->pid = fork();
    if (s->pid != 0)
        return s->pid > 0;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || !bench_pin(cpu))
        _exit(EXIT_FAILURE);
    receive(s, fd);
}

static bool open_all(struct sink *s, int fd[SINK_SOCKETS])
{
    for (size_t i = 0; i < SINK_SOCKETS; i++)
        if (!open_socket(&s->addr[i], &fd[i]))
            return false;
    s->received =
        mmap(NULL, sizeof *s->received, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return s->received != MAP_FAILED;
}

struct sink *sink_start(unsigned cpu)
{
    int fd[SINK_SOCKETS];
    struct sink *const s = calloc(1, sizeof *s);
    memset(fd, -1, sizeof fd);
    const bool ok = s && open_all(s, fd) && start_process(s, fd, cpu);
    const int why = errno;
    for (size_t i = 0; i < SINK_SOCKETS; i++)
        if (fd[i] >= 0)
            (void)close(fd[i]);
    errno = why;
    if (ok)
        return s;
    free(s);
    return NULL;
}

void sink_stop(struct sink **sp)
{
    struct sink *const s = *sp;
    if (!s)
        return;
    *sp = NULL;
    (void)kill(s->pid, SIGKILL);
    (void)waitpid(s->pid, NULL, 0);
    (void)munmap(s->received, sizeof *s->received);
    free(s);
}

void sink_settle(struct sink *s, uint64_t n)
{
    const double end = bench_wall_us() + PATIENCE_US;
    s->sent += n;
    while (atomic_load_explicit(s->received, memory_order_acquire) + s->lost < s->sent) {
        if (bench_wall_us() > end) {
            s->lost = s->sent - atomic_load_explicit(s->received, memory_order_acquire);
            return;
        }
        (void)sched_yield();
    }
}

double sink_loss(const struct sink *s)
{
    return s->sent ? (double)s->lost / (double)s->sent : 0;
}
