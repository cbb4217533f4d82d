/* http.c - libcurl's multi interface driven by GLib's descriptors and timers. */
#include "client/http.h"

#include "client/interfaces.h"
#include "client/timer.h"
#include "engine/io/clock.h"

#include <curl/curl.h>
#include <errno.h>
#include <glib-unix.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 5000L
/* Names are not asked for again so soon: the name server may be behind the interface that failed.
 */
#define NAMES_S 3600L
#define STREAM_QUIET_S 25L /* the relay writes a line at least every 10 s */

struct call {
    struct http *http;
    struct call *next;
    uint64_t id;
    CURL *easy;
    struct curl_slist *headers;
    char *sent; /* own copy of the body */
    void (*done)(void *, const struct http_answer *);
    void (*data)(void *, const char *, size_t);
    void *user;
    char *body;
    size_t len;
    bool waiting;             /* to be given to libcurl */
    char way[MULTIHOME_NAME]; /* the interface; "": as the routing table says */
    char error[CURL_ERROR_SIZE];
};

struct http {
    GMainContext *ctx;
    CURLM *multi;
    GSource *timer;
    struct call *calls;
    struct call *cancelled; /* while libcurl was at work: freed when it is not */
    bool inside;            /* libcurl has called us: it takes and gives back no calls now */
    uint64_t last_id;
    char ca[HTTP_TEXT];
    struct multihome *home;
};

static void turn(struct http *h, curl_socket_t fd, int mask);

static gboolean on_ready(gint fd, GIOCondition what, gpointer user)
{
    const int mask = ((what & (G_IO_IN | G_IO_HUP)) ? CURL_CSELECT_IN : 0) |
                     ((what & G_IO_OUT) ? CURL_CSELECT_OUT : 0) |
                     ((what & G_IO_ERR) ? CURL_CSELECT_ERR : 0);
    turn(user, fd, mask);
    return G_SOURCE_CONTINUE;
}

static void unwatch(GSource *source)
{
    if (!source)
        return;
    g_source_destroy(source);
    g_source_unref(source);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket)
{
    (void)easy;
    struct http *const h = user;
    unwatch(socket);
    if (what == CURL_POLL_REMOVE) {
        curl_multi_assign(h->multi, fd, NULL);
        return 0;
    }
    const GIOCondition cond = ((what & CURL_POLL_IN) ? G_IO_IN | G_IO_HUP : 0) |
                              ((what & CURL_POLL_OUT) ? G_IO_OUT : 0) | G_IO_ERR;
    GSource *const source = g_unix_fd_source_new(fd, cond);
    g_source_set_callback(source, G_SOURCE_FUNC(on_ready), h, NULL);
    g_source_attach(source, h->ctx);
    curl_multi_assign(h->multi, fd, source);
    return 0;
}

static int on_timeout_set(CURLM *multi, long ms, void *user)
{
    (void)multi;
    struct http *const h = user;
    g_source_set_ready_time(h->timer, ms < 0 ? -1 : clock_now() + ms * USEC_MS);
    return 0;
}

static gboolean on_timer(gpointer user)
{
    struct http *const h = user;
    g_source_set_ready_time(h->timer, -1);
    turn(h, CURL_SOCKET_TIMEOUT, 0);
    return G_SOURCE_CONTINUE;
}

enum err http_new(struct http **out, GMainContext *ctx, const char *ca_file, struct multihome *home)
{
    struct http *const h = calloc(1, sizeof(*h));
    *out = h;
    if (!h)
        return E_NOMEM;
    h->ctx = ctx;
    h->home = home;
    snprintf(h->ca, sizeof(h->ca), "%s", ca_file ? ca_file : "");
    h->multi = curl_multi_init();
    if (!h->multi) {
        http_free(out);
        return E_NOMEM;
    }
    h->timer = timer_new(ctx, on_timer, h);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timeout_set);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    return OK;
}

static void call_free(struct call *c)
{
    if (c->easy) {
        curl_multi_remove_handle(c->http->multi, c->easy);
        curl_easy_cleanup(c->easy);
    }
    curl_slist_free_all(c->headers);
    free(c->sent);
    free(c->body);
    free(c);
}

static void free_all(struct call **list)
{
    while (*list) {
        struct call *const c = *list;
        *list = c->next;
        call_free(c);
    }
}

void http_free(struct http **ph)
{
    struct http *const h = *ph;
    if (!h)
        return;
    assert(!h->inside);
    free_all(&h->cancelled);
    free_all(&h->calls);
    if (h->multi)
        curl_multi_cleanup(h->multi);
    unwatch(h->timer);
    free(h);
    *ph = NULL;
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *user)
{
    struct call *const c = user;
    const size_t len = size * n;
    long status = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    if (c->data && status == 200) {
        c->http->inside = true;
        c->data(c->user, bytes, len);
        c->http->inside = false;
        return len;
    }
    if (c->len + len > HTTP_BODY_MAX)
        return 0; /* ends the call with an error */
    char *const grown = realloc(c->body, c->len + len + 1);
    if (!grown)
        return 0;
    memcpy(grown + c->len, bytes, len);
    c->len += len;
    grown[c->len] = 0;
    c->body = grown;
    return len;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *const s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* RFC 9457 in words for people. */
static void read_problem(const struct call *c, char why[HTTP_TEXT], char kind[HTTP_TEXT])
{
    json_t *const o = c->body ? json_loadb(c->body, c->len, 0, NULL) : NULL;
    const char *const type = text_of(o, "type");
    const char *const colon = strrchr(type, ':');
    const char *const field = text_of(o, "field");
    if (json_is_object(o)) {
        snprintf(kind, HTTP_TEXT, "%s", colon ? colon + 1 : type);
        snprintf(why, HTTP_TEXT, "%s%s%s%s%s%s", text_of(o, "title"),
                 *text_of(o, "detail") ? ": " : "", text_of(o, "detail"), *field ? " (" : "", field,
                 *field ? ")" : "");
    }
    json_decref(o);
}

static const char *location_of(CURL *easy)
{
    struct curl_header *h;
    if (curl_easy_header(easy, "Location", 0, CURLH_HEADER, -1, &h) == CURLHE_OK)
        return h->value;
    return "";
}

/* Those that fit. */
static void join_links(CURL *easy, char out[HTTP_LINKS])
{
    struct curl_header *h;
    size_t n = 0;
    out[0] = 0;
    for (size_t i = 0; curl_easy_header(easy, "Link", i, CURLH_HEADER, -1, &h) == CURLHE_OK; i++) {
        const size_t len = strlen(h->value);
        if (n + len + 3 > HTTP_LINKS)
            return;
        n += (size_t)snprintf(out + n, HTTP_LINKS - n, "%s%s", n ? ", " : "", h->value);
    }
}

static struct call *unlink_call(struct http *h, uint64_t id)
{
    for (struct call **p = &h->calls; *p; p = &(*p)->next) {
        if ((*p)->id == id) {
            struct call *const c = *p;
            *p = c->next;
            return c;
        }
    }
    return NULL;
}

static void finish_call(struct http *h, struct call *c, CURLcode code)
{
    char why[HTTP_TEXT] = "";
    char kind[HTTP_TEXT] = "";
    char links[HTTP_LINKS];
    join_links(c->easy, links);
    struct http_answer a = {.why = why,
                            .problem = kind,
                            .links = links,
                            .location = location_of(c->easy),
                            .body = c->body ? c->body : "",
                            .len = c->len};
    (void)unlink_call(h, c->id);
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &a.status);
    if (code != CURLE_OK) {
        a.status = c->data && a.status == 200 ? 200 : 0;
        snprintf(why, sizeof(why), "%s", c->error[0] ? c->error : curl_easy_strerror(code));
    } else if (a.status >= 400) {
        snprintf(why, sizeof(why), "HTTP %ld", a.status);
        read_problem(c, why, kind);
    }
    if (c->done)
        c->done(c->user, &a);
    call_free(c);
}

/* That nobody listens, or that the answer makes no sense, says that the network is there. */
static bool leads_nowhere(const struct call *c, CURLcode code)
{
    long why = 0;
    curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &why);
    return code == CURLE_OPERATION_TIMEDOUT || code == CURLE_COULDNT_RESOLVE_HOST ||
           code == CURLE_INTERFACE_FAILED || (code == CURLE_COULDNT_CONNECT && why != ECONNREFUSED);
}

/* False: its interface is to be left. */
static bool judge(const struct call *c, CURLcode code)
{
    struct multihome *const home = c->http->home;
    long status = 0;
    if (!c->way[0])
        return true;
    if (leads_nowhere(c, code)) {
        multihome_failed(home, c->way, clock_now());
        return false;
    }
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status >= 400)
        multihome_trust(home);
    multihome_worked(home, c->way, clock_now());
    return true;
}

static struct call *stream_over(const struct http *h, const char *interface, uint64_t last)
{
    struct call *c = h->calls;
    while (c && (!c->data || c->id > last || strcmp(c->way, interface) != 0))
        c = c->next;
    return c;
}

void http_leave(struct http *h, const char *interface)
{
    const uint64_t last = h->last_id;
    assert(!h->inside);
    for (struct call *c; interface[0] && (c = stream_over(h, interface, last)) != NULL;)
        finish_call(h, c, CURLE_OPERATION_TIMEDOUT);
}

static void finish_calls(struct http *h)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left)) != NULL;) {
        struct call *c = NULL;
        char way[MULTIHOME_NAME];
        if (m->msg != CURLMSG_DONE)
            continue;
        const CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
        memcpy(way, c->way, sizeof way);
        const bool good = judge(c, code);
        finish_call(h, c, code);
        if (!good)
            http_leave(h, way);
    }
}

bool http_on_this_machine(const char *url)
{
    const char *const host = strstr(url, "://");
    return host && (strncmp(host + 3, "127.", 4) == 0 || strncmp(host + 3, "[::1]", 5) == 0 ||
                    strncmp(host + 3, "localhost", 9) == 0);
}

static struct call *next_waiting(const struct http *h)
{
    struct call *c = h->calls;
    while (c && !c->waiting)
        c = c->next;
    return c;
}

static bool hand_over(struct call *c)
{
    c->waiting = false;
    return curl_multi_add_handle(c->http->multi, c->easy) == CURLM_OK;
}

/* Calls that were made and cancelled from inside libcurl. */
static void catch_up(struct http *h)
{
    free_all(&h->cancelled);
    for (struct call *c; (c = next_waiting(h)) != NULL;)
        if (!hand_over(c))
            finish_call(h, c, CURLE_OUT_OF_MEMORY);
}

static void turn(struct http *h, curl_socket_t fd, int mask)
{
    int running;
    curl_multi_socket_action(h->multi, fd, mask, &running);
    catch_up(h);
    finish_calls(h);
}

static bool add_header(struct call *c, const char *name, const char *value)
{
    if (!value)
        return true;
    char *const line = g_strdup_printf("%s%s", name, value);
    struct curl_slist *const grown = curl_slist_append(c->headers, line);
    g_free(line);
    if (grown)
        c->headers = grown;
    return grown != NULL;
}

static void set_limits(struct call *c, long ms)
{
    curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, ms);
    if (!c->data) {
        curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, ms);
        return;
    }
    curl_easy_setopt(c->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c->easy, CURLOPT_LOW_SPEED_TIME, STREAM_QUIET_S);
    curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPALIVE, 1L);
}

/* Returns how long it may take, ms. */
static long choose_way(struct call *c, const struct http_request *r)
{
    char option[MULTIHOME_NAME + 4];
    if (http_on_this_machine(r->url))
        return TIMEOUT_MS;
    interfaces_refresh(c->http->home);
    const struct multihome_choice choice = multihome_choose(c->http->home, clock_now());
    if (!choice.name[0])
        return TIMEOUT_MS;
    (void)snprintf(c->way, sizeof c->way, "%s", choice.name);
    (void)snprintf(option, sizeof option, "if!%s", choice.name);
    curl_easy_setopt(c->easy, CURLOPT_INTERFACE, option);
    if (choice.fresh)
        curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L);
    if (choice.patience == 0)
        return TIMEOUT_MS; /* nothing works: perhaps the name has another address by now */
    curl_easy_setopt(c->easy, CURLOPT_DNS_CACHE_TIMEOUT, NAMES_S);
    return (long)(choice.patience / USEC_MS);
}

static bool set_up(struct call *c, const struct http_request *r)
{
    c->easy = curl_easy_init();
    if (!c->easy || !add_header(c, "Authorization: Bearer ", r->token) ||
        !add_header(c, "Content-Type: ", r->type) || !add_header(c, "", r->header) ||
        !add_header(c, "Expect:", ""))
        return false;
    curl_easy_setopt(c->easy, CURLOPT_URL, r->url);
    curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
    curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    if (c->http->ca[0])
        curl_easy_setopt(c->easy, CURLOPT_CAINFO, c->http->ca);
    curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, r->fresh ? 1L : 0L);
    set_limits(c, choose_way(c, r));
    if (strcmp(r->method, "GET") == 0)
        return true;
    curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, r->method);
    if (!r->body)
        return true;
    c->sent = strdup(r->body);
    curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->sent);
    return c->sent != NULL;
}

uint64_t http_start(struct http *h, const struct http_request *r)
{
    struct call *const c = calloc(1, sizeof(*c));
    if (!c)
        return 0;
    c->http = h;
    c->id = ++h->last_id;
    c->done = r->done;
    c->data = r->data;
    c->user = r->user;
    c->waiting = h->inside;
    if (!set_up(c, r) || (!c->waiting && !hand_over(c))) {
        call_free(c);
        return 0;
    }
    c->next = h->calls;
    h->calls = c;
    return c->id;
}

void http_cancel(struct http *h, uint64_t id)
{
    struct call *const c = unlink_call(h, id);
    if (!c)
        return;
    if (!h->inside) {
        call_free(c);
        return;
    }
    c->data = NULL;
    c->done = NULL;
    c->next = h->cancelled;
    h->cancelled = c;
}
