#include "relay/node.h"

#include "engine/base/log.h"
#include "engine/io/clock.h"
#include "engine/peer/dtls.h"
#include "relay/control/auth.h"
#include "relay/control/cert.h"
#include "relay/control/control.h"
#include "relay/control/http.h"
#include "relay/library/catalogue.h"
#include "relay/library/package.h"
#include "relay/library/recorder.h"
#include "relay/media/worker.h"
#include "relay/net.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define BURST_BYTES (64 << 10)
#define TAKE_BPS                                                                                   \
    40000000 /* a board at 1080p, a camera in three sizes and slides are half of it                \
              */

enum exit { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_WRONG = 2 };

struct node {
    const struct config *conf;
    struct log log;
    int lock, stop;
    char journal[1100], library[1100];
    char *packager_path;
    struct auth *auth;
    struct catalogue *catalogue;
    struct packager *packager;
    struct dtls_cert *dtls;
    struct worker *worker[CONTROL_WORKERS];
    size_t workers;
    struct recorder *recorder;
    struct control *control;
    struct cert cert;
};

static bool fail(const char *form, ...) PRINTF_LIKE(1, 2);

/* The one line that says what is wrong. */
static bool fail(const char *form, ...)
{
    va_list ap;
    va_start(ap, form);
    (void)fputs("liangshi-relay: ", stderr);
    (void)vfprintf(stderr, form, ap);
    (void)fputc('\n', stderr);
    va_end(ap);
    return false;
}

bool node_make_dir(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return access(path, R_OK | W_OK | X_OK) == 0 ||
               fail("cannot use the directory %s: %s", path, strerror(errno));
    return fail("cannot make the directory %s: %s", path, strerror(errno));
}

static enum log_level level_of(const char *name)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (enum log_level l = LOG_ERROR; l < LOG_DEBUG; l++)
        if (strcmp(names[l], name) == 0)
            return l;
    return LOG_DEBUG;
}

/* Directory, and that no other relay uses it. */
static bool open_data(struct node *n)
{
    char path[1100];
    const char *const data = n->conf->data;
    if (!node_make_dir(data))
        return false;
    text_put(path, sizeof path, "%s/relay.lock", data);
    text_put(n->journal, sizeof n->journal, "%s/journal", data);
    text_put(n->library, sizeof n->library, "%s/library", data);
    n->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (n->lock < 0)
        return fail("cannot open %s: %s", path, strerror(errno));
    if (flock(n->lock, LOCK_EX | LOCK_NB) != 0)
        return fail("another relay uses %s: end it, or give --data another directory", data);
    return node_make_dir(n->journal) && node_make_dir(n->library);
}

static bool open_stores(struct node *n)
{
    char why[256];
    char path[1100];
    text_put(path, sizeof path, "%s/catalogue.db", n->conf->data);
    if (auth_new(&n->auth, n->conf->data, why) != OK)
        return fail("%s", why);
    if (catalogue_open(&n->catalogue, path, why) != OK)
        return fail("%s", why);
    const struct packager_conf pack = {
        .log = &n->log,
        .catalogue = n->catalogue,
        .program = n->packager_path,
        .journal_dir = n->journal,
        .library_dir = n->library,
    };
    return packager_new(&n->packager, &pack) == OK ||
           fail("the catalogue %s cannot be read or written", path);
}

/* Built, the packager stands beside the relay or in a folder below; installed, in PATH. */
static bool find_packager(struct node *n)
{
    static const char *const places[] = {"", "library/", "library/package/"};
    char self[2048];
    const ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    const char *const name = n->conf->packager;
    self[len > 0 ? len : 0] = 0;
    char *const slash = strrchr(self, '/');
    for (size_t i = 0; slash && !strchr(name, '/') && i < ARRAY_LEN(places); i++) {
        char path[4096];
        text_put(path, sizeof path, "%.*s/%s%s", (int)(slash - self), self, places[i], name);
        if (access(path, X_OK) == 0)
            return (n->packager_path = strdup(path)) || fail("no memory");
    }
    return (n->packager_path = strdup(name)) || fail("no memory");
}

/* Media */

static unsigned worker_count(const struct config *c)
{
    const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (c->workers)
        return c->workers;
    const long n = cpus > 2 ? cpus - 1 : cpus > 0 ? cpus : 1; /* control needs little of one */
    return (unsigned)(n < CONTROL_WORKERS ? n : CONTROL_WORKERS);
}

static bool make_worker(struct node *n, unsigned i)
{
    struct addr bad;
    struct worker_conf w = {
        .hub = {.cert = n->dtls,
                .hubs = worker_count(n->conf),
                .self = i,
                .max_members = n->conf->limits.members_per_worker,
                /* a disk that hangs leaves the viewers the other half */
                .max_lent = n->conf->media_packets / 2,
                .pace_bps = (uint64_t)n->conf->limits.viewer_kbps * 1000,
                .pace_burst = BURST_BYTES,
                .take_bps = TAKE_BPS},
        .packets = n->conf->media_packets,
        .socket_bytes = (int)n->conf->media_socket_kib << 10,
        .level = n->log.level,
        .log_fd = n->log.fd,
    };
    if (clock_seed(w.hub.seed) != OK)
        return fail("the system gives no randomness: %s", strerror(errno));
    for (; w.locals < n->conf->media_count; w.locals++) {
        struct addr *const a = &w.local[w.locals];
        if (!addr_parse(a, n->conf->media[w.locals]))
            return fail("media: not an address: %s", n->conf->media[w.locals]);
        a->port = a->port ? (uint16_t)(a->port + i) : 0;
    }
    if (worker_new(&n->worker[i], &w, &bad) != OK) {
        char text[ADDR_TEXT];
        return fail(errno == EADDRINUSE ? "media: UDP %s is in use: end who uses it, or choose "
                                          "another port with --media (%s)"
                                        : "media: cannot use UDP %s: %s",
                    addr_format(&bad, text), strerror(errno));
    }
    n->workers = i + 1;
    return true;
}

static bool start_media(struct node *n)
{
    if (dtls_cert_new(&n->dtls) != OK)
        return fail("no memory for the media certificate");
    const unsigned count = worker_count(n->conf);
    for (unsigned i = 0; i < count; i++)
        if (!make_worker(n, i))
            return false;
    return worker_start(n->worker, n->workers) || fail("the media threads cannot be started");
}

static bool start_recorder(struct node *n)
{
    struct recorder_conf r = {.workers = n->workers, .level = n->log.level, .log_fd = n->log.fd};
    memcpy(r.worker, n->worker, n->workers * sizeof r.worker[0]);
    return recorder_start(&n->recorder, &r) == OK || fail("the recorder cannot be started");
}

/* What peers are offered: public addresses first, then those of the machine. */
static void candidates(const struct node *n, size_t worker, struct nego_self *self)
{
    *self = (struct nego_self){.fingerprint = dtls_cert_fingerprint(n->dtls), .lite = true};
    for (unsigned i = 0; i < n->conf->media_public_count; i++) {
        struct addr a;
        if (!addr_parse(&a, n->conf->media_public[i]) || self->cands == NEGO_CANDS)
            continue;
        a.port = a.port ? (uint16_t)(a.port + worker) : worker_local(n->worker[worker], 0).port;
        self->cand[self->cands++] = a;
    }
    for (unsigned i = 0; i < n->conf->media_count; i++) {
        const struct addr a = worker_local(n->worker[worker], i);
        self->cands += net_expand(&a, self->cand + self->cands, NEGO_CANDS - self->cands);
    }
}

/* The addresses of TCP as seen from outside; port 0: that of the listener. */
static size_t public_tcp(const struct config *c, uint16_t port, struct addr out[NEGO_CANDS])
{
    const bool own = c->https_public_count > 0;
    char *const *const list = own ? c->https_public : c->media_public;
    const unsigned count = own ? c->https_public_count : c->media_public_count;
    size_t n = 0;
    for (unsigned i = 0; i < count && n < NEGO_CANDS; i++) {
        if (!addr_parse(&out[n], list[i]))
            continue;
        if (!own || out[n].port == 0)
            out[n].port = port;
        n++;
    }
    return n;
}

/* Media goes by TCP too, on a port that a school lets out when it shuts UDP. */
static void announce_tcp(struct node *n, const struct addr *bound)
{
    struct addr list[NEGO_CANDS];
    size_t count = public_tcp(n->conf, bound->port, list);
    count += net_expand(bound, list + count, NEGO_CANDS - count);
    for (size_t i = 0; i < count; i++)
        list[i].proto = ADDR_TCP;
    control_add_candidates(n->control, list, count);
}

/* Control and listeners */

static bool start_control(struct node *n)
{
    struct control_conf c = {
        .log = &n->log,
        .auth = n->auth,
        .catalogue = n->catalogue,
        .packager = n->packager,
        .recorder = n->recorder,
        .workers = n->workers,
        .library_dir = n->library,
        .journal_dir = n->journal,
        .web_dir = n->conf->web,
        .lib_dir = n->conf->lib,
        .connections = n->conf->limits.connections,
        .per_address = n->conf->limits.connections_per_address,
        .members_per_lesson = n->conf->limits.members_per_lesson,
        .lessons_running = n->conf->limits.lessons_running,
        .link_s = n->conf->link_minutes * 60,
    };
    c.turn_s = n->conf->turn_minutes * 60;
    for (; c.turns < n->conf->turn_count && c.turns < CONTROL_TURN; c.turns++) {
        const struct config_turn *const t = &n->conf->turn[c.turns];
        c.turn[c.turns] = (struct control_turn){
            .url = t->url, .secret = t->secret, .username = t->username, .password = t->password};
    }
    for (size_t i = 0; i < n->workers; i++) {
        c.worker[i] = n->worker[i];
        candidates(n, i, &c.self[i]);
    }
    if (clock_seed(c.seed) != OK)
        return fail("the system gives no randomness: %s", strerror(errno));
    return control_new(&n->control, &c) == OK ||
           fail("the lessons that run cannot be loaded from the catalogue");
}

static bool open_cert(struct node *n)
{
    char why[256];
    char text[NEGO_CANDS][ADDR_TEXT];
    const char *names[NEGO_CANDS];
    struct rng rng;
    uint8_t seed[32];
    struct addr found[NEGO_CANDS];
    if (n->conf->certificate)
        return cert_read(&n->cert, n->conf->key, n->conf->certificate, why) == OK ||
               fail("%s", why);
    const struct addr any = {.port = 1};
    size_t count = net_expand(&any, found, ARRAY_LEN(found));
    for (size_t i = 0; i < count; i++)
        names[i] = addr_ip_text(&found[i], text[i]);
    if (clock_seed(seed) != OK || rng_init(&rng, seed) != OK)
        return fail("the system gives no randomness: %s", strerror(errno));
    const enum err e = cert_self(&n->cert, n->conf->data, names, count, &rng, why);
    rng_fini(&rng);
    return e == OK || fail("%s", why);
}

static bool listen_at(struct node *n, const char *flag, const char *at, bool tls, char *ready)
{
    struct addr a;
    struct addr bound;
    char text[ADDR_TEXT];
    if (!addr_parse(&a, at))
        return fail("%s: not an address: %s", flag, at);
    const enum err e = http_listen(control_http(n->control), &a, tls ? n->cert.key : NULL,
                                   tls ? n->cert.certificate : NULL, &bound);
    if (e == E_FORMAT)
        return fail("HTTPS: the certificate and the key do not belong together, or are not PEM");
    if (e != OK && errno == EADDRINUSE)
        return fail("%s: TCP %s is in use: end who uses it, or choose another port with --%s", flag,
                    at, flag);
    if (e != OK)
        return fail("%s: cannot use TCP %s: %s", flag, at, strerror(errno));
    if (tls)
        announce_tcp(n, &bound);
    text_add(ready, 512, " %s=%s", flag, addr_format(&bound, text));
    return true;
}

static bool listen_all(struct node *n)
{
    char ready[512] = "ready";
    char text[ADDR_TEXT];
    for (unsigned i = 0; i < n->conf->http_count; i++)
        if (!listen_at(n, "http", n->conf->http[i], false, ready))
            return false;
    if (n->conf->https_count && !open_cert(n))
        return false;
    for (unsigned i = 0; i < n->conf->https_count; i++)
        if (!listen_at(n, "https", n->conf->https[i], true, ready))
            return false;
    const struct addr media = worker_local(n->worker[0], 0);
    text_add(ready, sizeof ready, " media=%s pid=%d", addr_format(&media, text), (int)getpid());
    (void)printf("%s\n", ready);
    return fflush(stdout) == 0 || fail("standard output: %s", strerror(errno));
}

/* All threads are started with these blocked; a descriptor tells of them. */
static bool catch_signals(struct node *n)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        n->stop = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return n->stop >= 0 || fail("signals: %s", strerror(errno));
}

/* In the reverse order of starting. */
static void end(struct node *n)
{
    control_free(&n->control);
    recorder_stop(&n->recorder);
    worker_free(n->worker, n->workers);
    packager_free(&n->packager);
    dtls_cert_free(&n->dtls);
    catalogue_close(&n->catalogue);
    auth_free(&n->auth);
    cert_free(&n->cert);
    free(n->packager_path);
    if (n->stop >= 0)
        (void)close(n->stop);
    if (n->lock >= 0)
        (void)close(n->lock);
}

int node_run(const struct config *c)
{
    struct node n = {
        .conf = c,
        .log = {.fd = STDERR_FILENO,
                .level = level_of(c->log_level),
                .wall_us = clock_wall_us(),
                .part = "control"},
        .lock = -1,
        .stop = -1,
    };
    (void)umask(0077); /* what is kept here concerns children */
    bool good = catch_signals(&n) && open_data(&n) && find_packager(&n) && open_stores(&n) &&
                start_media(&n) && start_recorder(&n) && start_control(&n) && listen_all(&n);
    if (good && control_run(n.control, n.stop) != OK)
        good = fail("the control thread cannot go on: %s", strerror(errno));
    end(&n);
    return good ? EXIT_DONE : EXIT_FAILED;
}
