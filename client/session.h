/* session.h - one connection to the relay that comes back by itself, for ever: offer by WHIP or
 * WHEP, ICE, DTLS, media. Silence leads to another path for what goes on (resume.h), any failure to
 * the next try. */
#pragma once

#include "client/http.h"
#include "client/rtc.h"
#include "engine/base/log.h"

/* What all connections of a room share. All of it is used in ctx's thread only. */
struct net {
    GMainContext *ctx;
    struct http *http;
    struct multihome home; /* this machine's interfaces */
    struct rng rng;
    struct dtls_cert *cert;
    struct pkt_pool *pool;
    struct outq out; /* emptied after each call */
    const char *ca;  /* file of who is trusted by TLS; the caller's */
    const struct log *log;
    unsigned by_udp; /* connections that are; while there is one others do without TCP */
};

MUST_USE enum err net_init(struct net *n, GMainContext *ctx, const char *ca_file,
                           const struct log *log);
void net_fini(struct net *n);

struct session_line {
    bool audio;
    bool still;                   /* slides that we receive */
    bool vp9;                     /* a picture that we send: its layers are of one stream */
    size_t layers;                /* of a picture that we send; 0 = one stream */
    const char *rid[NEGO_LAYERS]; /* lowest first */
};

struct session_conf {
    const char *name; /* "publish", "play": for the log */
    const char *relay, *token;
    const char *path; /* "/whip/L7?sources=camera" */
    bool publish;     /* lines are sent, else received */
    struct session_line line[NEGO_MEDIA];
    size_t lines;
    /* Pictures are looked for; may be NULL. */
    void (*turn)(void *user);
    /* A received picture is due. Must not free the session. */
    void (*item)(void *user, size_t line, const struct recvtrack_item *it);
    /* The connection is open, or no longer. */
    void (*open)(void *user, bool open);
    /* Nothing has been heard for a while; another path is looked for. NULL = not to be told. */
    void (*quiet)(void *user);
    /* The relay refused for good and we never were in: say so and end. NULL `why`: the lesson is
     * over. */
    void (*refused)(void *user, const char *why);
    void *user;
};

struct session;

/* Connects at once. The texts of the configuration are copied. */
MUST_USE enum err session_new(struct session **s, struct net *net, const struct session_conf *c);
/* Ends at once. Say goodbye with session_leave before. */
void session_free(struct session **s);

/* NULL unless open. After sending call session_flush. */
struct rtc *session_rtc(struct session *s);
void session_flush(struct session *s);

/* The last known counters; zero before the first connection. bytes_* go on over reconnections. */
void session_stat(const struct session *s, struct rtc_stat *out);
/* Something else saw that the relay may be gone: be quicker to believe it. */
void session_suspect(struct session *s);
/* Says goodbye to the relay and stays away. `done` when the relay has answered or 1 s has passed.
 */
void session_leave(struct session *s);
bool session_left(const struct session *s);
