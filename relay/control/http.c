#include "relay/control/http.h"

#include "relay/lesson/want.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_S 30
#define FLOOD (16 * HTTP_BODY_MAX) /* a body that goes on so long is not read to its end */

struct http {
    struct http_conf conf;
    struct MHD_Daemon *daemon[HTTP_LISTENERS];
    int fd[HTTP_LISTENERS];
    size_t n;
    struct gate *gate;
};

enum err http_new(struct http **h, const struct http_conf *c)
{
    *h = calloc(1, sizeof **h);
    if (!*h)
        return E_NOMEM;
    (*h)->conf = *c;
    const enum err e = gate_new(&(*h)->gate, c->per_address);
    if (e != OK)
        http_free(h);
    return e;
}

void http_free(struct http **h)
{
    if (!*h)
        return;
    for (size_t i = 0; i < (*h)->n; i++)
        MHD_stop_daemon((*h)->daemon[i]);
    gate_free(&(*h)->gate);
    free(*h);
    *h = NULL;
}

/* Requests */

static struct request *request_new(struct MHD_Connection *conn, const char *path,
                                   const char *method)
{
    struct request *const r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->conn = conn;
    r->path = path;
    r->method = method;
    const char *const length = request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    r->too_large = length && strtoull(length, NULL, 10) > HTTP_BODY_MAX;
    return r;
}

static void request_free(struct request *r)
{
    if (r->response)
        MHD_destroy_response(r->response);
    free(r->body);
    free(r);
}

/* False: no memory, or a flood: the connection is cut. */
static bool add_body(struct request *r, const char *p, size_t len)
{
    if (r->body_len + len > HTTP_BODY_MAX) {
        r->too_large = true;
        r->body_len += len;
        return r->body_len <= FLOOD;
    }
    char *const body = realloc(r->body, r->body_len + len + 1);
    if (!body)
        return false;
    r->body = body;
    memcpy(body + r->body_len, p, len);
    r->body_len += len;
    body[r->body_len] = 0;
    return true;
}

const char *request_query(const struct request *r, const char *name)
{
    return MHD_lookup_connection_value(r->conn, MHD_GET_ARGUMENT_KIND, name);
}

const char *request_header(const struct request *r, const char *name)
{
    return MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, name);
}

bool request_is_local(const struct request *r)
{
    const union MHD_ConnectionInfo *const info =
        MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || !info->client_addr)
        return false;
    struct sockaddr_in6 a;
    if (info->client_addr->sa_family != AF_INET6)
        return false; /* our sockets are all of IPv6 */
    memcpy(&a, info->client_addr, sizeof a);
    return IN6_IS_ADDR_LOOPBACK(&a.sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&a.sin6_addr) && a.sin6_addr.s6_addr[12] == 127);
}

bool request_is(struct request *r, const char *type)
{
    const char *const given = request_header(r, MHD_HTTP_HEADER_CONTENT_TYPE);
    const size_t n = given ? strcspn(given, "; \t") : 0;
    return (n == strlen(type) && strncasecmp(given, type, n) == 0) ||
           problem_set(&r->problem, P_WRONG_TYPE, MHD_HTTP_HEADER_CONTENT_TYPE, "must be %s", type);
}

/* Answers */

void answer_response(struct request *r, unsigned status, struct MHD_Response *response)
{
    if (r->response)
        MHD_destroy_response(r->response);
    r->response = response;
    r->status = status;
}

void answer_header(struct request *r, const char *name, const char *value)
{
    if (r->response)
        (void)MHD_add_response_header(r->response, name, value);
}

static void answer_owned(struct request *r, unsigned status, const char *type, char *text)
{
    answer_response(r, status,
                    MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE));
    answer_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    answer_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
}

void answer_json(struct request *r, unsigned status, json_t *j)
{
    char *const text = j ? json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(j);
    if (text)
        answer_owned(r, status, "application/json", text);
    else
        problem_set(&r->problem, P_INTERNAL, NULL, "no memory");
}

void answer_text(struct request *r, unsigned status, const char *type, const char *text)
{
    char *const copy = strdup(text);
    if (copy)
        answer_owned(r, status, type, copy);
}

void answer_empty(struct request *r, unsigned status)
{
    answer_response(r, status, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
    answer_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
}

json_t *request_json(struct request *r)
{
    if (!request_is(r, "application/json"))
        return NULL;
    return want_body(r->body, r->body_len, &r->problem);
}

static const char *retry_after(enum problem_kind kind)
{
    if (kind == P_SOURCE_TAKEN || kind == P_TOO_MANY || kind == P_LEAD_PRESENT)
        return "1";
    return kind == P_UNAVAILABLE || kind == P_DISK_FULL ? "5" : NULL;
}

static void answer_problem(struct request *r)
{
    const struct problem *const p = &r->problem;
    json_t *const j = problem_json(p);
    char *const text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    if (!text)
        return;
    const unsigned status = problem_status(p->kind);
    answer_owned(r, status, "application/problem+json", text);
    if (status == MHD_HTTP_UNAUTHORIZED)
        answer_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                      p->kind == P_NO_TOKEN ? "Bearer" : "Bearer error=\"invalid_token\"");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        answer_header(r, MHD_HTTP_HEADER_ALLOW, r->route.allow);
    if (retry_after(p->kind))
        answer_header(r, MHD_HTTP_HEADER_RETRY_AFTER, retry_after(p->kind));
}

static void decide(struct http *h, struct request *r)
{
    if (r->too_large)
        problem_set(&r->problem, P_TOO_LARGE, NULL, "at most %d bytes are read", HTTP_BODY_MAX);
    else
        h->conf.handler(h->conf.ctx, r);
    if (r->problem.kind == P_NONE && !r->response)
        problem_set(&r->problem, P_INTERNAL, NULL, "no answer");
    if (r->problem.kind != P_NONE)
        answer_problem(r);
}

/* The callbacks of libmicrohttpd */

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **state)
{
    (void)version;
    struct request *r = *state;
    if (!r) {
        r = *state = request_new(conn, url, method);
        if (!r)
            return MHD_NO;
        if (!r->too_large)
            return MHD_YES; /* the body comes with the next calls */
    } else if (*len) {
        const bool good = add_body(r, data, *len);
        *len = 0;
        return good ? MHD_YES : MHD_NO;
    }
    decide(cls, r);
    return r->response ? MHD_queue_response(conn, r->status, r->response) : MHD_NO;
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)conn;
    (void)code;
    if (*state)
        request_free(*state);
    *state = NULL;
}

/* What the library has to say is of interest to developers only; it may quote what peers sent. */
static void on_log(void *cls, const char *form, va_list ap) PRINTF_LIKE(2, 0);

static void on_log(void *cls, const char *form, va_list ap)
{
    struct http *const h = cls;
    char line[256];
    (void)vsnprintf(line, sizeof line, form, ap);
    line[strcspn(line, "\r\n")] = 0;
    log_debug(h->conf.log, "http", "note=\"%s\"", line);
}

/* Listening */

enum err http_listen(struct http *h, const struct addr *at, const char *key, const char *cert,
                     struct addr *bound)
{
    if (h->n == HTTP_LISTENERS)
        return E_LIMIT;
    const unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_IPv6 |
                           MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME | (key ? MHD_USE_TLS : 0);
    struct MHD_Daemon *const d = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log, h,
        MHD_OPTION_CONNECTION_LIMIT, h->conf.connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        h->conf.per_address, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        key ? MHD_OPTION_HTTPS_MEM_KEY : MHD_OPTION_END, key, MHD_OPTION_HTTPS_MEM_CERT, cert,
        MHD_OPTION_END);
    if (!d) {
        errno = EINVAL; /* certificate and key do not fit each other */
        return E_FORMAT;
    }
    const enum err e = gate_listen(h->gate, at, key != NULL, bound);
    if (e != OK) {
        const int why = errno;
        MHD_stop_daemon(d);
        errno = why;
        return e;
    }
    h->fd[h->n] = MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    h->daemon[h->n++] = d;
    return OK;
}

int http_fd(const struct http *h, size_t i)
{
    if (i == h->n)
        return gate_fd(h->gate);
    return i < h->n ? h->fd[i] : -1;
}

static size_t connections(const struct http *h, size_t i)
{
    return MHD_get_daemon_info(h->daemon[i], MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

static void let_in(struct http *h, const struct guest *g)
{
    if (g->call)
        h->conf.call(h->conf.ctx, g);
    else /* a refused one is closed by the library */
        (void)MHD_add_connection(h->daemon[g->listener], g->fd, (const struct sockaddr *)&g->from,
                                 sizeof g->from);
}

void http_run(struct http *h, usec now)
{
    struct guest g;
    gate_turn(h->gate, now);
    for (size_t i = 0; i < h->n; i++)
        gate_open(h->gate, now, i, connections(h, i) < h->conf.connections);
    while (gate_guest(h->gate, now, &g))
        let_in(h, &g);
    for (size_t i = 0; i < h->n; i++)
        (void)MHD_run(h->daemon[i]);
}

usec http_next(const struct http *h, usec now)
{
    usec next = gate_next(h->gate);
    for (size_t i = 0; i < h->n; i++) {
        MHD_UNSIGNED_LONG_LONG ms;
        if (MHD_get_timeout(h->daemon[i], &ms) == MHD_YES)
            next = usec_min(next, now + (usec)ms * USEC_MS);
    }
    return next;
}

size_t http_connections(const struct http *h)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n; i++)
        n += connections(h, i);
    return n;
}

const struct gate_stat *http_gate(const struct http *h)
{
    return gate_stat(h->gate);
}

/* Streams */

struct stream {
    struct MHD_Connection *conn;
    char *text;
    size_t len, sent, cap;
    bool suspended, ending;
    void (*gone)(void *ctx, void *owner);
    void *ctx, *owner;
};

static ssize_t on_read(void *cls, uint64_t pos, char *buf, size_t max)
{
    (void)pos;
    struct stream *const s = cls;
    const size_t n = size_min(max, s->len - s->sent);
    if (n == 0 && s->ending)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == 0) {
        s->suspended = true;
        MHD_suspend_connection(s->conn);
        return 0;
    }
    memcpy(buf, s->text + s->sent, n);
    s->sent += n;
    if (s->sent == s->len)
        s->sent = s->len = 0;
    return (ssize_t)n;
}

static void on_gone(void *cls)
{
    struct stream *const s = cls;
    s->gone(s->ctx, s->owner);
    free(s->text);
    free(s);
}

struct stream *answer_stream(struct request *r, const char *type,
                             void (*gone)(void *ctx, void *owner), void *ctx, void *owner)
{
    struct stream *const s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    *s = (struct stream){.conn = r->conn, .gone = gone, .ctx = ctx, .owner = owner};
    struct MHD_Response *const response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, on_read, s, on_gone);
    if (!response) {
        free(s);
        return NULL;
    }
    answer_response(r, MHD_HTTP_OK, response);
    answer_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    answer_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    answer_header(r, "X-Accel-Buffering", "no");
    return s;
}

static void wake(struct stream *s)
{
    if (s->suspended)
        MHD_resume_connection(s->conn);
    s->suspended = false;
}

static bool make_room(struct stream *s, size_t len)
{
    if (s->sent) {
        memmove(s->text, s->text + s->sent, s->len - s->sent);
        s->len -= s->sent;
        s->sent = 0;
    }
    if (s->len + len <= s->cap)
        return true;
    if (s->len + len > STREAM_MAX)
        return false;
    size_t cap = s->cap ? s->cap : 4096;
    while (cap < s->len + len)
        cap *= 2;
    char *const text = realloc(s->text, cap);
    if (!text)
        return false;
    s->text = text;
    s->cap = cap;
    return true;
}

bool stream_put(struct stream *s, const char *text, size_t len)
{
    if (s->ending)
        return false;
    if (!make_room(s, len)) {
        s->len = s->sent = 0;
        stream_end(s);
        return false;
    }
    memcpy(s->text + s->len, text, len);
    s->len += len;
    wake(s);
    return true;
}

void stream_end(struct stream *s)
{
    s->ending = true;
    wake(s);
}
