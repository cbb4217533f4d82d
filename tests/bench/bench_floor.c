/* bench_floor.c - what a sealed packet costs on this machine with nothing around it: AES-GCM by
 * OpenSSL and one sendmsg for each viewer and frame. No relay on sockets can be cheaper. */
#include "tests/bench/bench.h"
#include "tests/bench/sink.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* linux/udp.h, since 4.18 */
#endif

#define NAME "bench_floor"
#define CONTEXTS 400
#define SEALED 1200    /* bytes that the figure of the cipher alone is about */
#define VIDEO 1100     /* bytes of a datagram with a picture */
#define VOICE 110      /* and with 20 ms of voice */
#define HEAD 12        /* RTP header: not encrypted */
#define TAG 16         /* of AES-GCM */
#define BATCH 32       /* messages of one sendmmsg, at most */
#define SEGMENTS 10    /* datagrams of one message, at most */
#define ROUND 9600     /* datagrams, at least, in one round of a way */
#define BURST 400      /* datagrams, at least, between two pauses: a frame to many viewers */
#define SEALS 6000     /* in one round */
#define VIDEO_RATE 183 /* packets a second of the mix: 25 frames of 7.3 */
#define VOICE_RATE 50

struct keyed {
    EVP_CIPHER_CTX *gcm, *ctr;
    EVP_MAC_CTX *mac;
};

/* One way of sending. */
struct way {
    const char *name;
    unsigned messages; /* of one call: above 1 it is sendmmsg */
    unsigned segments; /* datagrams of one message: above 1 by UDP_SEGMENT */
    size_t bytes;      /* of a datagram */
    bool connected;    /* a socket for each destination; the messages of a call go to one of them */
    bool sealed;       /* each datagram is encrypted before */
    bool uneven;       /* a third of the messages has one datagram more: 7 becomes 7.3 */
};

struct bench {
    struct sink *sink;
    int fd;                      /* sends to all */
    int connected[SINK_SOCKETS]; /* sends to one each */
    struct keyed key[CONTEXTS];
    size_t turn; /* of the contexts */
    uint64_t number;
    uint8_t plain[SEALED];
    uint8_t out[BATCH * SEGMENTS * (HEAD + SEALED + TAG)];
};

static void need(bool ok, const char *what)
{
    if (!ok)
        bench_die(NAME, what);
}

static EVP_MAC_CTX *mac_new(const uint8_t key[20])
{
    char digest[] = "SHA1";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *const hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *const c = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    need(c && EVP_MAC_init(c, key, 20, params) == 1, "HMAC-SHA1");
    return c;
}

static void keyed_init(struct keyed *k, size_t number)
{
    uint8_t key[20];
    memset(key, (int)(number & 0xff), sizeof key);
    key[0] = (uint8_t)(number >> 8);
    *k = (struct keyed){.gcm = EVP_CIPHER_CTX_new(), .ctr = EVP_CIPHER_CTX_new()};
    need(k->gcm && EVP_EncryptInit_ex(k->gcm, EVP_aes_128_gcm(), NULL, key, NULL) == 1, "AES-GCM");
    need(k->ctr && EVP_EncryptInit_ex(k->ctr, EVP_aes_128_ctr(), NULL, key, NULL) == 1, "AES-CTR");
    k->mac = mac_new(key);
}

static void keyed_fini(struct keyed *k)
{
    EVP_CIPHER_CTX_free(k->gcm);
    EVP_CIPHER_CTX_free(k->ctr);
    EVP_MAC_CTX_free(k->mac);
}

/* Header, ciphertext of `len` bytes, tag. */
static bool seal_gcm(struct bench *b, const struct keyed *k, uint8_t *out, size_t len)
{
    uint8_t iv[12] = {0};
    int n = 0;
    b->number++;
    memcpy(iv + 4, &b->number, sizeof b->number);
    memcpy(out, &b->number, sizeof b->number);
    return EVP_EncryptInit_ex(k->gcm, NULL, NULL, NULL, iv) == 1 &&
           EVP_EncryptUpdate(k->gcm, NULL, &n, out, HEAD) == 1 &&
           EVP_EncryptUpdate(k->gcm, out + HEAD, &n, b->plain, (int)len) == 1 &&
           EVP_EncryptFinal_ex(k->gcm, out + HEAD + len, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(k->gcm, EVP_CTRL_AEAD_GET_TAG, TAG, out + HEAD + len) == 1;
}

static bool seal_cm(struct bench *b, const struct keyed *k, uint8_t *out, size_t len)
{
    uint8_t iv[16] = {0};
    int n = 0;
    size_t tag = 0;
    b->number++;
    memcpy(iv + 4, &b->number, sizeof b->number);
    memcpy(out, &b->number, sizeof b->number);
    return EVP_EncryptInit_ex(k->ctr, NULL, NULL, NULL, iv) == 1 &&
           EVP_EncryptUpdate(k->ctr, out + HEAD, &n, b->plain, (int)len) == 1 &&
           EVP_MAC_init(k->mac, NULL, 0, NULL) == 1 &&
           EVP_MAC_update(k->mac, out, HEAD + len) == 1 &&
           EVP_MAC_final(k->mac, out + HEAD + len, &tag, 20) == 1;
}

static const struct keyed *next_key(struct bench *b)
{
    b->turn = b->turn + 1 < CONTEXTS ? b->turn + 1 : 0;
    return &b->key[b->turn];
}

/* Microseconds for one packet. */
static double time_seal(struct bench *b, bool gcm)
{
    const double start = bench_cpu_us();
    for (unsigned i = 0; i < SEALS; i++) {
        const struct keyed *const k = next_key(b);
        need(gcm ? seal_gcm(b, k, b->out, SEALED) : seal_cm(b, k, b->out, SEALED), "sealing");
    }
    return (bench_cpu_us() - start) / SEALS;
}

/* What one sendmmsg takes. */
struct call {
    struct mmsghdr msg[BATCH];
    struct iovec iov[BATCH];
    _Alignas(struct cmsghdr) char ctl[BATCH][CMSG_SPACE(sizeof(uint16_t))];
};

static void say_segment(struct msghdr *h, void *ctl, size_t len, uint16_t bytes)
{
    memset(ctl, 0, len);
    h->msg_control = ctl;
    h->msg_controllen = len;
    struct cmsghdr *const c = CMSG_FIRSTHDR(h);
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof bytes);
    memcpy(CMSG_DATA(c), &bytes, sizeof bytes);
}

static void fill_message(struct bench *b, struct call *c, const struct way *w, unsigned i,
                         unsigned datagrams, size_t dest)
{
    uint8_t *const at = b->out + (size_t)i * SEGMENTS * (HEAD + SEALED + TAG);
    const struct keyed *const k = w->sealed ? next_key(b) : NULL;
    for (unsigned d = 0; k && d < datagrams; d++)
        need(seal_gcm(b, k, at + d * w->bytes, w->bytes - HEAD - TAG), "sealing");
    c->iov[i] = (struct iovec){.iov_base = at, .iov_len = datagrams * w->bytes};
    struct msghdr *const h = &c->msg[i].msg_hdr;
    *h = (struct msghdr){.msg_iov = &c->iov[i], .msg_iovlen = 1};
    if (!w->connected) {
        h->msg_name = &b->sink->addr[dest];
        h->msg_namelen = sizeof b->sink->addr[dest];
    }
    if (datagrams > 1)
        say_segment(h, c->ctl[i], sizeof c->ctl[i], (uint16_t)w->bytes);
}

static bool send_call(struct bench *b, struct call *c, const struct way *w, unsigned n, size_t dest)
{
    const int fd = w->connected ? b->connected[dest] : b->fd;
    if (n > 1)
        return sendmmsg(fd, c->msg, n, 0) == (int)n;
    const struct msghdr *const h = &c->msg[0].msg_hdr;
    if (h->msg_control)
        return sendmsg(fd, h, 0) > 0;
    return sendto(fd, h->msg_iov->iov_base, h->msg_iov->iov_len, 0, h->msg_name, h->msg_namelen) >
           0;
}

static unsigned datagrams_of(const struct way *w, unsigned message)
{
    return w->segments + (w->uneven && message % 3 == 2);
}

/* Once to all destinations; returns how many datagrams that were. */
static unsigned pass(struct bench *b, const struct way *w)
{
    struct call c;
    unsigned sent = 0;
    unsigned dest = 0;
    while (dest < SINK_SOCKETS) {
        const unsigned n = w->messages;
        for (unsigned i = 0; i < n; i++) {
            const unsigned to = w->connected ? dest : (dest + i) % SINK_SOCKETS;
            const unsigned datagrams = datagrams_of(w, dest + i);
            fill_message(b, &c, w, i, datagrams, to);
            sent += datagrams;
        }
        need(send_call(b, &c, w, n, dest), w->name);
        dest += w->connected ? 1 : n;
    }
    return sent;
}

/* To all destinations, often enough for a burst. */
static unsigned burst(struct bench *b, const struct way *w)
{
    unsigned sent = 0;
    while (sent < BURST)
        sent += pass(b, w);
    return sent;
}

/* Microseconds for one datagram. The sink empties its sockets between the bursts, off the clock. */
static double time_way(struct bench *b, const struct way *w)
{
    double cpu = 0;
    uint64_t sent = 0;
    while (sent < ROUND) {
        const double start = bench_cpu_us();
        const unsigned n = burst(b, w);
        cpu += bench_cpu_us() - start;
        sent += n;
        sink_settle(b->sink, n);
    }
    return cpu / (double)sent;
}

static int socket_to(const struct sockaddr_in *to)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int bytes = 8 << 20;
    need(fd >= 0, "socket");
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    need(!to || connect(fd, (const struct sockaddr *)to, sizeof *to) == 0, "connect");
    return fd;
}

static struct bench *bench_new(void)
{
    unsigned first = 0;
    unsigned last = 0;
    bench_cpus(&first, &last);
    struct bench *const b = calloc(1, sizeof *b);
    need(b, "memory");
    b->sink = sink_start(last);
    need(b->sink, "starting the receiver");
    need(bench_pin(first), "pinning to a CPU");
    if (first == last)
        (void)fprintf(stderr, NAME ": one CPU only: sender and receiver disturb each other\n");
    b->fd = socket_to(NULL);
    for (size_t i = 0; i < SINK_SOCKETS; i++)
        b->connected[i] = socket_to(&b->sink->addr[i]);
    for (size_t i = 0; i < CONTEXTS; i++)
        keyed_init(&b->key[i], i);
    errno = 0;
    return b;
}

static void bench_free(struct bench *b)
{
    sink_stop(&b->sink);
    for (size_t i = 0; i < CONTEXTS; i++)
        keyed_fini(&b->key[i]);
    free(b);
}

/* -- the floor ---------------------------------------------------------------------------------*/

enum figure { GCM, CM, GSO5, GSO7, GSO8, GSO10, VIDEO5, VIDEO7, VOICE1, FIGURES };

static const char *const figure_name[FIGURES] = {
    [GCM] = "AES-128-GCM, 1200 bytes, 400 contexts",
    [CM] = "AES-128-CTR + HMAC-SHA1, 1200 bytes, 400 contexts",
    [GSO5] = "sendmsg, UDP_SEGMENT x5, 1100 bytes, 64 destinations",
    [GSO7] = "sendmsg, UDP_SEGMENT x7",
    [GSO8] = "sendmsg, UDP_SEGMENT x8",
    [GSO10] = "sendmsg, UDP_SEGMENT x10",
    [VIDEO5] = "video packet: sealed and sent, frames of 5",
    [VIDEO7] = "video packet: sealed and sent, frames of 7.3",
    [VOICE1] = "voice packet: sealed and sent, 110 bytes",
};

static const struct way floor_way[FIGURES] = {
    [GSO5] = {"GSO x5", .messages = 1, .segments = 5, .bytes = VIDEO},
    [GSO7] = {"GSO x7", .messages = 1, .segments = 7, .bytes = VIDEO},
    [GSO8] = {"GSO x8", .messages = 1, .segments = 8, .bytes = VIDEO},
    [GSO10] = {"GSO x10", .messages = 1, .segments = 10, .bytes = VIDEO},
    [VIDEO5] = {"video x5", .messages = 1, .segments = 5, .bytes = VIDEO, .sealed = true},
    [VIDEO7] = {"video x7.3", .messages = 1, .segments = 7, .bytes = VIDEO, .sealed = true,
                .uneven = true},
    [VOICE1] = {"voice", .messages = 1, .segments = 1, .bytes = VOICE, .sealed = true},
};

static void measure_floor(struct bench *b, struct bench_figure f[FIGURES], unsigned rounds)
{
    for (unsigned r = 0; r < rounds + 1; r++) {
        for (enum figure i = 0; i < FIGURES; i++) {
            const bool cipher = i == GCM || i == CM;
            const double us = cipher ? time_seal(b, i == GCM) : time_way(b, &floor_way[i]);
            if (r > 0) /* the first one warms up */
                bench_keep(&f[i], us);
        }
    }
}

static double mix(double video, double voice)
{
    return (VIDEO_RATE * video + VOICE_RATE * voice) / (VIDEO_RATE + VOICE_RATE);
}

static void print_json(struct bench_figure f[FIGURES], uint64_t sent, uint64_t lost,
                       double (*value)(struct bench_figure *), const char *end)
{
    (void)printf("\"seal_gcm_us\":%.4f,\"seal_cm_us\":%.4f,\"gso5_us\":%.4f,\"gso7_us\":%.4f,"
                 "\"gso8_us\":%.4f,\"gso10_us\":%.4f,\"video5_floor_us\":%.4f,"
                 "\"video_floor_us\":%.4f,\"voice_floor_us\":%.4f,\"mix_floor_us\":%.4f,"
                 "\"lost\":%.5f%s",
                 value(&f[GCM]), value(&f[CM]), value(&f[GSO5]), value(&f[GSO7]), value(&f[GSO8]),
                 value(&f[GSO10]), value(&f[VIDEO5]), value(&f[VIDEO7]), value(&f[VOICE1]),
                 mix(value(&f[VIDEO7]), value(&f[VOICE1])), sent ? (double)lost / (double)sent : 0,
                 end);
}

static void print_floor(struct bench_figure f[FIGURES])
{
    (void)printf("%-58s %8s %8s\n", "CPU us per packet, of the sending thread", "median", "least");
    for (enum figure i = 0; i < FIGURES; i++)
        (void)printf("%-58s %8.3f %8.3f\n", figure_name[i], bench_median(&f[i]),
                     bench_least(&f[i]));
    (void)printf("%-58s %8.3f %8.3f\n", "mix of 183 video and 50 voice packets a second",
                 mix(bench_median(&f[VIDEO7]), bench_median(&f[VOICE1])),
                 mix(bench_least(&f[VIDEO7]), bench_least(&f[VOICE1])));
}

static void run_floor(struct bench *b, unsigned rounds, bool json)
{
    static struct bench_figure f[FIGURES];
    measure_floor(b, f, rounds);
    if (!json) {
        print_floor(f);
        (void)printf("lost on the way: %.4f %%\n", 100 * sink_loss(b->sink));
        return;
    }
    (void)printf("{");
    print_json(f, b->sink->sent, b->sink->lost, bench_median, ",\"least\":{");
    print_json(f, b->sink->sent, b->sink->lost, bench_least, "}}\n");
}

/* -- what was tried ----------------------------------------------------------------------------*/

static const struct way tried[] = {
    {"sendto for each packet", .messages = 1, .segments = 1, .bytes = VIDEO},
    {"send, connected sockets", .messages = 1, .segments = 1, .bytes = VIDEO, .connected = true},
    {"sendmmsg(32)", .messages = 32, .segments = 1, .bytes = VIDEO},
    {"sendmmsg(8), connected sockets", .messages = 8, .segments = 1, .bytes = VIDEO,
     .connected = true},
    {"sendmsg, UDP_SEGMENT x5", .messages = 1, .segments = 5, .bytes = VIDEO},
    {"sendmsg, UDP_SEGMENT x5, connected sockets", .messages = 1, .segments = 5, .bytes = VIDEO,
     .connected = true},
    {"sendmsg, UDP_SEGMENT x8", .messages = 1, .segments = 8, .bytes = VIDEO},
    {"sendmsg, UDP_SEGMENT x8, connected sockets", .messages = 1, .segments = 8, .bytes = VIDEO,
     .connected = true},
    {"sendmsg, UDP_SEGMENT x10", .messages = 1, .segments = 10, .bytes = VIDEO},
    {"sendmsg, UDP_SEGMENT x10, connected sockets", .messages = 1, .segments = 10, .bytes = VIDEO,
     .connected = true},
    {"sendmmsg(16), each UDP_SEGMENT x5", .messages = 16, .segments = 5, .bytes = VIDEO},
    {"voice: sendto for each", .messages = 1, .segments = 1, .bytes = VOICE},
    {"voice: send, connected sockets", .messages = 1, .segments = 1, .bytes = VOICE,
     .connected = true},
    {"voice: sendmmsg(32)", .messages = 32, .segments = 1, .bytes = VOICE},
};

static void run_ab(struct bench *b, unsigned rounds)
{
    static struct bench_figure f[ARRAY_LEN(tried)];
    for (unsigned r = 0; r < rounds + 1; r++) {
        for (size_t i = 0; i < ARRAY_LEN(tried); i++) {
            const double us = time_way(b, &tried[i]);
            if (r > 0)
                bench_keep(&f[i], us);
        }
    }
    (void)printf("%-46s %8s %8s\n", "CPU us per datagram, unsealed, 64 destinations", "median",
                 "least");
    for (size_t i = 0; i < ARRAY_LEN(tried); i++)
        (void)printf("%-46s %8.3f %8.3f\n", tried[i].name, bench_median(&f[i]), bench_least(&f[i]));
    (void)printf("lost on the way: %.4f %%\n", 100 * sink_loss(b->sink));
}

static const char usage[] =
    "usage: bench_floor [--json] [--ab] [--rounds N]\n"
    "  CPU time per packet of AES and of sendmsg with UDP_SEGMENT on loopback: the floor of this\n"
    "  machine. The receiver runs on another CPU, without UDP_GRO, and is not counted.\n"
    "  --json      one object, in microseconds\n"
    "  --ab        ways of sending, side by side\n"
    "  --rounds N  how often each figure is taken, in turn with the others (default 15)\n";

int main(int argc, char **argv)
{
    bool json = false;
    bool ab = false;
    unsigned rounds = 15;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[i], "--ab") == 0) {
            ab = true;
        } else if (strcmp(argv[i], "--rounds") == 0) {
            i++;
            rounds = bench_number(NAME, "--rounds", argv[i], 1, BENCH_ROUNDS);
        } else {
            (void)fputs(usage, stderr);
            return 2;
        }
    }
    struct bench *const b = bench_new();
    if (ab)
        run_ab(b, rounds);
    else
        run_floor(b, rounds, json);
    bench_free(b);
    return 0;
}
