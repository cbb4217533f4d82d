/* http.h - HTTP requests beside everything else on one GLib main context, by libcurl. */
#pragma once

#include "client/multihome.h"

#include <glib.h>

#define HTTP_BODY_MAX (256u * 1024) /* of an answer that is kept */
#define HTTP_TEXT 1024
#define HTTP_LINKS 8192

struct http;

/* `ca_file`: NULL or "" = the system's certificates. `home`: what is known of this machine's
 * interfaces; it is asked and told, and outlives us. Everything happens in `ctx`'s thread. */
MUST_USE enum err http_new(struct http **h, GMainContext *ctx, const char *ca_file,
                           struct multihome *home);
/* Requests under way end without an answer. */
void http_free(struct http **h);

struct http_answer {
    long status;          /* 0 = no answer; `why` says why */
    const char *why;      /* libcurl's words, or of a problem+json: "title: detail (field)" */
    const char *problem;  /* its type behind the last colon, such as "lead-present"; "" = none */
    const char *location; /* "" = none */
    const char *links;    /* values of all Link headers, with commas between them */
    const char *body;     /* ends with a 0 */
    size_t len;
};

struct http_request {
    const char *method; /* "GET", "POST", "DELETE", … */
    const char *url;
    const char *token; /* Bearer; NULL = none */
    const char *type;  /* Content-Type of the body; NULL = no body */
    const char *body;
    const char *header; /* one more header line; NULL = none */
    bool fresh;         /* not over a connection of before: it may lead nowhere by now */
    /* The end of it, exactly once unless cancelled. May start other requests. */
    void (*done)(void *user, const struct http_answer *a);
    /* A stream: bytes as they come, only of an answer 200, which then has no body. May be NULL. */
    void (*data)(void *user, const char *bytes, size_t len);
    void *user;
};

/* Returns a number for http_cancel; 0: no memory, `done` will not be called. A stream has no time
 * limit but is given up when nothing at all comes for 25 s; others have 5 s, and less where this
 * machine has another interface to try, which the next request then takes. */
uint64_t http_start(struct http *h, const struct http_request *r);
/* Streams over this interface end: it leads nowhere any more. */
void http_leave(struct http *h, const char *interface);
/* The address is of this machine itself: no network is needed. */
bool http_on_this_machine(const char *url);
/* Neither done nor data will be called any more. 0 and ended ones are fine. Both calls are allowed
 * from inside of `done` and `data`. */
void http_cancel(struct http *h, uint64_t id);
