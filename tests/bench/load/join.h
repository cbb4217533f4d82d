/* join.h - threads that speak with the server while the media thread goes on: each takes one
 * request to connect or to leave after the other. */
#pragma once

#include "engine/peer/nego.h"
#include "tests/bench/load/options.h"

#define JOIN_THREADS 16

enum join_kind { JOIN_PUBLISH, JOIN_VIEW, JOIN_LEAVE };

/* A request; who made it owns it again when join_done gave it back. */
struct join_job {
    enum join_kind kind;
    unsigned lesson;   /* from 0 */
    const char *token; /* relay */
    struct addr addr;  /* of ours: where media will be sent from */
    char session[256]; /* JOIN_LEAVE: of which; else filled */
    void *user;
    /* filled */
    bool ok;
    char why[512];
    usec asked_at;    /* when the request left */
    struct nego nego; /* as agreed */
    struct join_job *next;
};

struct join;

/* What all threads need. `cert` must outlive them. */
MUST_USE enum err join_new(struct join **j, const struct options *o, const struct dtls_cert *cert);
/* Requests that wait are dropped and freed; those under way are waited for. */
void join_free(struct join **j);

/* Janus: makes the session that all connections belong to. False: `why`. Relay: nothing. */
MUST_USE bool join_begin(struct join *j, char *why, size_t cap);

void join_ask(struct join *j, struct join_job *job);
/* One that is done, or NULL. join_fd becomes readable when there is one. */
struct join_job *join_done(struct join *j);
int join_fd(const struct join *j);
