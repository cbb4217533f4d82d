/* library.c - the library's calls, its media, and the web pages. */
#include "relay/control/core.h"
#include "relay/lesson/want.h"
#include "relay/library/serve.h"

#include <stdlib.h>
#include <string.h>

/* The resource of the route, if this person may see it. */
static struct live *resource_of(struct control *c, struct request *r, struct resource *res)
{
    if (!role_check(&r->claims, MAY_LIBRARY, &r->problem))
        return NULL;
    const enum err e = catalogue_resource(c->conf.catalogue, r->route.id, res);
    if (e != OK) {
        problem_set(&r->problem, e == E_STATE ? P_NOT_FOUND : P_UNAVAILABLE, NULL,
                    e == E_STATE ? "no resource %s" : "the catalogue cannot be read (%s)",
                    r->route.id);
        return NULL;
    }
    struct live *const v = live_get(c, res->lesson, &r->problem);
    return v && lesson_admits(v->l, &r->claims, &r->problem) ? v : NULL;
}

static void grant_path(struct control *c, const char *id, char out[128], int64_t *exp)
{
    char grant[GRANT_CAP];
    /* the same for a while, so that browsers' caches serve */
    const int64_t step = c->conf.link_s / 8 > 0 ? c->conf.link_s / 8 : 1;
    *exp = (c->wall_ms / 1000 / step + 1) * step + c->conf.link_s;
    auth_grant(c->conf.auth, id, *exp, grant);
    text_put(out, 128, "/media/%s/%s/", grant, id);
}

static json_t *poster_json(struct control *c, const struct resource *res)
{
    char base[128];
    int64_t exp;
    if (!res->poster[0] || res->state != RES_READY)
        return json_null();
    grant_path(c, res->id, base, &exp);
    return json_sprintf("%s%s", base, res->poster);
}

static json_t *position_json(struct control *c, const char *sub, const char *id)
{
    int64_t ms;
    int64_t at;
    const enum err e = catalogue_position(c->conf.catalogue, sub, id, &ms, &at);
    return e == OK ? json_integer(ms) : json_null();
}

static json_t *resource_json(struct control *c, const struct live *v, const struct resource *res,
                             const struct claims *who)
{
    static const char *const shown[] = {"title",   "subject",   "grade", "type",
                                        "teacher", "lead_site", "points"};
    char at[TIME_TEXT];
    json_t *const j =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:o, s:o}", "id", res->id, "lesson",
                  res->lesson, "recorded_at", text_time(res->recorded_at, at), "duration_ms",
                  (json_int_t)res->duration_ms, "bytes", (json_int_t)res->bytes, "state",
                  resource_state_name(res->state), "detail", res->detail, "poster",
                  poster_json(c, res), "position_ms", position_json(c, who->sub, res->id));
    for (size_t i = 0; j && i < ARRAY_LEN(shown); i++)
        (void)json_object_set(j, shown[i], json_object_get(v->l->meta, shown[i]));
    return j;
}

static bool number_of(const struct request *r, const char *name, int64_t lo, int64_t hi, int64_t *n,
                      struct problem *p)
{
    char *end;
    const char *const s = request_query(r, name);
    if (!s)
        return true;
    *n = strtoll(s, &end, 10);
    return (*s && !*end && *n >= lo && *n <= hi) ||
           problem_set(p, P_INVALID, name, "%s must be a number from %lld to %lld", name,
                       (long long)lo, (long long)hi);
}

static bool resource_query(const struct request *r, struct resource_query *q, struct problem *p)
{
    const struct claims *const who = &r->claims;
    const bool one = who->lesson[0] && strcmp(who->lesson, "*") != 0;
    *q = (struct resource_query){
        .typed = request_query(r, "q"),
        .lesson = request_query(r, "lesson"),
        .subject = request_query(r, "subject"),
        .grade = request_query(r, "grade"),
        .limit = 50,
    };
    if (q->typed && !text_is_plain(q->typed, 200, false))
        return problem_set(p, P_INVALID, "q", "q must be a text of at most 200 characters");
    if (one && q->lesson && strcmp(q->lesson, who->lesson) != 0)
        return problem_set(p, P_WRONG_LESSON, "lesson", "the token is good for lesson %s",
                           who->lesson);
    if (one)
        q->lesson = who->lesson;
    else if (!who->lesson[0] && !role_may(who->role, MAY_SEE_ALL))
        q->site = who->site;
    return number_of(r, "limit", 1, 500, &q->limit, p) &&
           number_of(r, "offset", 0, INT32_MAX, &q->offset, p);
}

void api_resource_list(struct control *c, struct request *r)
{
    struct resource_query q;
    int64_t total = 0;
    if (!role_check(&r->claims, MAY_LIBRARY, &r->problem) || !resource_query(r, &q, &r->problem))
        return;
    json_t *const ids = json_array();
    json_t *const list = json_array();
    if (catalogue_resources(c->conf.catalogue, &q, ids, &total) != OK)
        problem_set(&r->problem, P_UNAVAILABLE, NULL, "the catalogue cannot be read");
    for (size_t i = 0; r->problem.kind == P_NONE && i < json_array_size(ids); i++) {
        struct resource res;
        struct problem none = {.kind = P_NONE};
        const char *const id = json_string_value(json_array_get(ids, i));
        struct live *const v = catalogue_resource(c->conf.catalogue, id, &res) == OK
                                   ? live_get(c, res.lesson, &none)
                                   : NULL;
        if (v && lesson_admits(v->l, &r->claims, &none))
            (void)json_array_append_new(list, resource_json(c, v, &res, &r->claims));
    }
    json_decref(ids);
    answer_json(r, 200, json_pack("{s:I, s:o}", "total", (json_int_t)total, "resources", list));
    live_forget(c);
}

void api_resource_get(struct control *c, struct request *r)
{
    struct resource res;
    struct live *const v = resource_of(c, r, &res);
    if (v)
        answer_json(r, 200, resource_json(c, v, &res, &r->claims));
}

/* The DASH manifest that a page without wishes of its own plays. */
static const char *main_view(const json_t *manifest)
{
    static const char *const views[] = {"camera", "slides", "board"};
    for (size_t i = 0; i < ARRAY_LEN(views); i++) {
        const char *const file = json_string_value(json_object_get(manifest, views[i]));
        if (file)
            return file;
    }
    return NULL;
}

void api_resource_manifest(struct control *c, struct request *r)
{
    struct resource res;
    char base[128];
    char at[TIME_TEXT];
    char path[4096];
    int64_t exp;
    if (!resource_of(c, r, &res))
        return;
    if (res.state != RES_READY) {
        problem_set(&r->problem, P_NOT_FOUND, NULL, "the resource is %s",
                    resource_state_name(res.state));
        return;
    }
    text_put(path, sizeof path, "%s/%s/manifest.json", c->conf.library_dir, res.id);
    json_t *const manifest = json_load_file(path, 0, NULL);
    if (!manifest) {
        problem_set(&r->problem, P_NOT_FOUND, NULL, "the resource's manifest cannot be read");
        return;
    }
    grant_path(c, res.id, base, &exp);
    const char *const dash = main_view(manifest);
    answer_json(r, 200,
                json_pack("{s:s, s:s, s:o, s:o}", "base", base, "expires_at",
                          text_time(exp * 1000, at), "dash",
                          dash ? json_sprintf("%s%s", base, dash) : json_null(), "manifest",
                          manifest));
}

static void answer_position(struct request *r, int64_t ms, int64_t at, bool known)
{
    if (known) {
        char text[TIME_TEXT];
        answer_json(r, 200,
                    json_pack("{s:I, s:s}", "position_ms", (json_int_t)ms, "updated_at",
                              text_time(at, text)));
    } else
        answer_json(r, 200, json_pack("{s:n, s:n}", "position_ms", "updated_at"));
}

void api_position_get(struct control *c, struct request *r)
{
    struct resource res;
    int64_t ms;
    int64_t at;
    if (!resource_of(c, r, &res))
        return;
    const enum err e = catalogue_position(c->conf.catalogue, r->claims.sub, res.id, &ms, &at);
    answer_position(r, ms, at, e == OK);
}

void api_position_put(struct control *c, struct request *r)
{
    struct want w;
    struct resource res;
    json_t *const body = resource_of(c, r, &res) ? request_json(r) : NULL;
    if (!body)
        return;
    want_init(&w, body, "", &r->problem);
    const int64_t ms = want_int_required(&w, "position_ms", 0, 24LL * 3600 * 1000);
    if (want_done(&w)) {
        const enum err e =
            catalogue_position_put(c->conf.catalogue, r->claims.sub, res.id, ms, c->wall_ms);
        if (e == OK)
            answer_position(r, ms, c->wall_ms, true);
        else
            problem_set(&r->problem, e == E_LIMIT ? P_DISK_FULL : P_UNAVAILABLE, NULL,
                        "it could not be written to the catalogue");
    }
    json_decref(body);
}

void api_media(struct control *c, struct request *r)
{
    char dir[4096];
    if (!auth_grant_check(c->conf.auth, r->route.grant, r->route.id, c->wall_ms / 1000,
                          &r->problem))
        return;
    text_put(dir, sizeof dir, "%s/%s", c->conf.library_dir, r->route.id);
    serve_file(r, dir, r->route.file, "private, max-age=3600");
}

static void page_headers(struct request *r)
{
    static const char policy[] =
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
        "style-src 'self' 'unsafe-inline'; script-src 'self'; worker-src 'self' blob:; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    answer_header(r, "Content-Security-Policy", policy);
    answer_header(r, "Referrer-Policy", "no-referrer");
    answer_header(r, "Permissions-Policy",
                  "camera=(self), microphone=(self), display-capture=(self)");
}

void api_lib(struct control *c, struct request *r)
{
    serve_file(r, c->conf.lib_dir, r->route.file, "no-cache");
}

void api_page(struct control *c, struct request *r)
{
    serve_file(r, c->conf.web_dir, r->route.file[0] ? r->route.file : "index.html", "no-cache");
    page_headers(r);
}
