/* tunlink.c - a weak link for real programs: joins two network namespaces by a TUN device in each
 * and lets IPv4 packets through as a link of links.conf would. netns.py makes the namespaces.
 *
 * The first line on standard output tells that packets pass; then comes one a second, the time
 * counted from the beginning of the link's steps, which SIGUSR1 begins anew. SIGTERM ends it. */
#include "engine/io/clock.h"
#include "engine/io/loop.h"
#include "tests/link/linkconf.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define BATCH 64 /* packets of one device before the other has its turn */
#define MTU 1500

struct options {
    const char *links, *link, *ns[2];
    unsigned long seed;
    bool no_udp;
};

/* One direction, and what passed in the second that runs. */
struct direction {
    struct path path;
    struct wire *wire;
    uint64_t in, out; /* bytes */
    usec queue;       /* longest */
    uint64_t full, lost;
    uint64_t refused; /* by the device at the far end: it is down */
};

enum { UP, DOWN, SIGNALS }; /* a device is named by the direction it feeds: UP in --a */

static struct linkconf conf;
static struct direction ways[2];
static int tuns[2];
static bool no_udp; /* as behind a firewall that lets only TCP through */
static const char *const way_names[2] = {"up", "down"};

static const char usage[] =
    "usage: tunlink --links FILE --link NAME --a VILLAGE_NETNS --b RELAY_NETNS [--seed N] "
    "[--no-udp]";

static bool read_options(struct options *o, int argc, char **argv)
{
    static const struct option known[] = {{"links", required_argument, NULL, 'l'},
                                          {"link", required_argument, NULL, 'n'},
                                          {"a", required_argument, NULL, 'a'},
                                          {"b", required_argument, NULL, 'b'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"no-udp", no_argument, NULL, 'u'},
                                          {0}};
    *o = (struct options){.seed = 1};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        char *end = NULL;
        if (c == 'l')
            o->links = optarg;
        else if (c == 'n')
            o->link = optarg;
        else if (c == 'a' || c == 'b')
            o->ns[c - 'a'] = optarg;
        else if (c == 'u')
            o->no_udp = true;
        else if (c != 's' || (o->seed = strtoul(optarg, &end, 10), end == optarg || *end))
            return false;
    }
    return optind == argc && o->links && o->link && o->ns[0] && o->ns[1];
}

static int fail(const char *what, const char *which)
{
    (void)fprintf(stderr, "tunlink: %s %s: %s\n", what, which, strerror(errno));
    return -1;
}

/* The device in a namespace is called like the other namespace, or the end of its name. */
static void device_name(char out[IFNAMSIZ], const char *other)
{
    const size_t len = strlen(other);
    (void)snprintf(out, IFNAMSIZ, "%s", other + (len < IFNAMSIZ ? 0 : len - IFNAMSIZ + 1));
}

/* Goes into the namespace for good: descriptors of another one stay what they are. */
static int open_tun(const char *ns, const char *other)
{
    char file[256];
    (void)snprintf(file, sizeof file, "/run/netns/%s", ns);
    const int space = open(file, O_RDONLY | O_CLOEXEC);
    if (space < 0 || setns(space, CLONE_NEWNET) < 0)
        return fail("network namespace", ns);
    close(space);
    struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    device_name(r.ifr_name, other);
    if (!if_nametoindex(r.ifr_name))
        return fail("device that netns.py makes,", r.ifr_name);
    const int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0 || ioctl(tun, TUNSETIFF, &r) < 0)
        return fail("TUN device", r.ifr_name);
    return tun;
}

/* Packets that came out of a device enter the link. IPv6 of the kernel itself does not. */
static void take(unsigned way, usec now)
{
    static const struct addr nowhere;
    struct direction *const d = &ways[way];
    uint8_t p[MTU];
    for (unsigned i = 0; i < BATCH; i++) {
        const ssize_t n = read(tuns[way], p, sizeof p);
        if (n <= 0)
            return;
        if (p[0] >> 4 != 4 || (no_udp && p[9] == IPPROTO_UDP))
            continue;
        d->in += (uint64_t)n;
        usec at = 0;
        for (unsigned times = path_pass(&d->path, now, (size_t)n, &at); times > 0; times--)
            wire_put(d->wire, at, &nowhere, &nowhere, p, (size_t)n);
        d->queue = usec_max(d->queue, path_queue(&d->path, now));
    }
}

static void give(unsigned way, usec now)
{
    struct direction *const d = &ways[way];
    for (const struct datagram *g; (g = wire_get(d->wire, now));) {
        if (write(tuns[1 - way], g->data, g->len) == g->len)
            d->out += g->len;
        else
            d->refused++;
    }
}

static double kbps(uint64_t bytes, usec time)
{
    return (double)bytes * 8000 / (double)time;
}

/* What happened since the last line. */
static void tell(usec now, usec time)
{
    (void)printf("{\"t\": %.3f", (double)(now - ways[UP].path.began) / USEC_SEC);
    for (unsigned i = 0; i < 2; i++) {
        struct direction *const d = &ways[i];
        struct path *const p = &d->path;
        path_tick(p, now);
        (void)printf(", \"%s\": {\"rate_kbps\": %.3f, \"outage\": %s, \"in_kbps\": %.1f, "
                     "\"out_kbps\": %.1f, \"queue_ms\": %.1f, \"queue_max_ms\": %.1f, "
                     "\"dropped\": %lu, \"lost\": %lu, \"refused\": %lu}",
                     way_names[i], (double)p->conf.bps / 1000, p->down ? "true" : "false",
                     kbps(d->in, time), kbps(d->out, time), (double)path_queue(p, now) / USEC_MS,
                     (double)d->queue / USEC_MS, p->full - d->full,
                     p->lost - d->lost - (p->full - d->full), d->refused);
        d->in = d->out = d->refused = 0;
        d->queue = path_queue(p, now);
        d->full = p->full;
        d->lost = p->lost;
    }
    (void)printf("}\n");
}

/* False: it is time to go. */
static bool signalled(int fd, const struct linkconf_link *l)
{
    struct signalfd_siginfo s;
    if (read(fd, &s, sizeof s) != sizeof s)
        return true;
    if (s.ssi_signo != SIGUSR1)
        return false;
    const usec now = clock_now();
    path_follow(&ways[UP].path, &l->up, now);
    path_follow(&ways[DOWN].path, &l->down, now);
    return true;
}

static void run(struct loop *loop, int signals, const struct linkconf_link *l)
{
    for (usec now = clock_now(), told = now, next = now + USEC_SEC;;) {
        const usec due = usec_min(wire_next(ways[UP].wire), wire_next(ways[DOWN].wire));
        struct loop_ready ready[3];
        const size_t n = loop_wait(loop, now, usec_min(due, next), ready, 3);
        now = clock_now();
        for (size_t i = 0; i < n; i++) {
            if (ready[i].tag != SIGNALS)
                take((unsigned)ready[i].tag, now);
            else if (!signalled(signals, l))
                return;
        }
        give(UP, now);
        give(DOWN, now);
        if (now >= next) {
            tell(now, now - told);
            told = now;
            next = usec_max(next + USEC_SEC, now);
        }
    }
}

static int signal_fd(void)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGTERM);
    sigaddset(&s, SIGINT);
    sigaddset(&s, SIGUSR1);
    return sigprocmask(SIG_BLOCK, &s, NULL) < 0 ? -1 : signalfd(-1, &s, SFD_NONBLOCK | SFD_CLOEXEC);
}

static bool set_up(struct loop *loop, int signals, const struct options *o)
{
    if (signals < 0 || loop_init(loop) != OK)
        return false;
    for (unsigned i = 0; i < 2; i++) {
        ways[i].wire = wire_new();
        tuns[i] = open_tun(o->ns[i], o->ns[1 - i]);
        if (!ways[i].wire || tuns[i] < 0 || loop_set(loop, tuns[i], LOOP_READ, i) != OK)
            return false;
    }
    return loop_set(loop, signals, LOOP_READ, SIGNALS) == OK;
}

int main(int argc, char **argv)
{
    struct options o;
    if (!read_options(&o, argc, argv)) {
        (void)fprintf(stderr, "%s\n", usage);
        return 2;
    }
    no_udp = o.no_udp;
    const struct linkconf_link *l = NULL;
    if (!linkconf_read(&conf, o.links) || !(l = linkconf_find(&conf, o.link))) {
        (void)fprintf(stderr, "tunlink: %s\n", conf.why);
        return 2;
    }
    struct loop loop;
    const int signals = signal_fd();
    if (!set_up(&loop, signals, &o))
        return 1;
    struct rng
        rngs[2]; /* one each: what one direction loses does not hang on the other's packets */
    for (unsigned i = 0; i < 2; i++) {
        uint8_t seed[32] = {(uint8_t)i};
        memcpy(seed + 1, &o.seed, sizeof o.seed);
        if (rng_init(&rngs[i], seed) != OK)
            return 1;
        path_init(&ways[i].path, &(struct path_conf){0}, &rngs[i]);
        path_follow(&ways[i].path, i == UP ? &l->up : &l->down, clock_now());
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    (void)printf("{\"link\": \"%s\", \"seed\": %lu}\n", l->name, o.seed);
    run(&loop, signals, l);
    for (unsigned i = 0; i < 2; i++) {
        wire_free(&ways[i].wire);
        rng_fini(&rngs[i]);
        close(tuns[i]);
    }
    close(signals);
    loop_fini(&loop);
    return 0;
}
