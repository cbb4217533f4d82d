/* http.h - requests in, answers and streams out: libmicrohttpd on the control thread's own loop. */
#pragma once

#include "engine/base/addr.h"
#include "engine/base/log.h"
#include "relay/control/gate.h"
#include "relay/control/route.h"
#include "relay/lesson/role.h"

struct MHD_Connection;
struct MHD_Response;
struct http;

#define HTTP_BODY_MAX 65536
#define HTTP_LISTENERS GATE_LISTENERS

/* One request, whole; lives until its answer has been sent. */
struct request {
    struct MHD_Connection *conn;
    const char *method;
    const char *path; /* decoded, without the query */
    char *body;       /* with a 0 behind it */
    size_t body_len;
    bool too_large;
    struct route route;
    struct claims claims; /* once the token was checked */
    struct problem problem;
    /* the answer */
    unsigned status;
    struct MHD_Response *response;
};

/* Fills in the answer by one of answer_…; called on the thread of http_run. */
typedef void http_handler(void *ctx, struct request *r);

/* Somebody has come to the port with media; the descriptor is the caller's of it. */
typedef void http_call(void *ctx, const struct guest *g);

struct http_conf {
    unsigned connections, per_address;
    http_handler *handler;
    http_call *call;
    void *ctx;
    struct log *log;
};

MUST_USE enum err http_new(struct http **h, const struct http_conf *c);
/* Ends all connections; streams must have been ended before (stream_end). */
void http_free(struct http **h);

/* Listens; key and certificate (PEM) make it HTTPS, NULL: plain. `bound` gets the real port.
 * E_IO: errno says why. */
MUST_USE enum err http_listen(struct http *h, const struct addr *at, const char *key,
                              const char *cert, struct addr *bound);
/* Descriptors for the loop; -1 past the last. */
int http_fd(const struct http *h, size_t i);
/* Does what is due. Call it when a descriptor is readable, when http_next is over, and after
 * stream_put. */
void http_run(struct http *h, usec now);
/* When http_run must be called even if nothing comes. */
usec http_next(const struct http *h, usec now);
size_t http_connections(const struct http *h);
const struct gate_stat *http_gate(const struct http *h);

/* Of the request; NULL: absent. */
const char *request_query(const struct request *r, const char *name);
const char *request_header(const struct request *r, const char *name);
bool request_is_local(const struct request *r); /* from this machine */
/* The body as an object, with its content type checked; NULL: a problem is set. */
json_t *request_json(struct request *r);
/* Checks the content type (parameters are passed over). */
bool request_is(struct request *r, const char *type);

/* Answers. The last one counts; without one the problem of the request is the answer. */
void answer_json(struct request *r, unsigned status, json_t *j); /* takes the reference */
void answer_text(struct request *r, unsigned status, const char *type, const char *text);
void answer_empty(struct request *r, unsigned status);
void answer_response(struct request *r, unsigned status, struct MHD_Response *response);
void answer_header(struct request *r, const char *name, const char *value);

/* An endless answer that is written bit by bit. */
struct stream;
/* The request's answer becomes a stream of this type; NULL: no memory. `owner` is told to the
 * reaper when the reader has gone. */
struct stream *answer_stream(struct request *r, const char *type,
                             void (*gone)(void *ctx, void *owner), void *ctx, void *owner);
/* Appends. False: more than STREAM_MAX waits, the reader is cut off. */
bool stream_put(struct stream *s, const char *text, size_t len);
void stream_end(struct stream *s);

#define STREAM_MAX (1 << 20)
