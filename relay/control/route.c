#include "relay/control/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In a pattern: :i an identifier, :s a session, :n a number, :g a grant, * the rest. */
struct row {
    const char *method;
    const char *pattern;
    enum call call;
};

static const struct row rows[] = {
    {"GET", "/healthz", CALL_HEALTH},
    {"GET", "/readyz", CALL_READY},
    {"GET", "/metrics", CALL_METRICS},
    {"GET", "/api/v1/me", CALL_ME},
    {"POST", "/api/v1/tickets", CALL_TICKET},
    {"POST", "/api/v1/lessons", CALL_LESSON_CREATE},
    {"GET", "/api/v1/lessons", CALL_LESSON_LIST},
    {"GET", "/api/v1/lessons/:i", CALL_LESSON_GET},
    {"PATCH", "/api/v1/lessons/:i", CALL_LESSON_PATCH},
    {"POST", "/api/v1/lessons/:i/start", CALL_LESSON_START},
    {"POST", "/api/v1/lessons/:i/end", CALL_LESSON_END},
    {"GET", "/api/v1/lessons/:i/state", CALL_LESSON_STATE},
    {"GET", "/api/v1/lessons/:i/events", CALL_EVENTS},
    {"POST", "/api/v1/lessons/:i/hand", CALL_HAND},
    {"POST", "/api/v1/lessons/:i/floor", CALL_FLOOR},
    {"POST", "/api/v1/lessons/:i/mode", CALL_MODE},
    {"POST", "/api/v1/lessons/:i/marks", CALL_MARK},
    {"GET", "/api/v1/lessons/:i/marks", CALL_MARK_LIST},
    {"POST", "/api/v1/lessons/:i/messages", CALL_MESSAGE},
    {"GET", "/api/v1/lessons/:i/messages", CALL_MESSAGE_LIST},
    {"POST", "/api/v1/lessons/:i/polls", CALL_POLL},
    {"GET", "/api/v1/lessons/:i/polls", CALL_POLL_LIST},
    {"POST", "/api/v1/lessons/:i/polls/:n/votes", CALL_POLL_VOTE},
    {"POST", "/api/v1/lessons/:i/polls/:n/close", CALL_POLL_CLOSE},
    {"GET", "/api/v1/resources", CALL_RESOURCE_LIST},
    {"GET", "/api/v1/resources/:i", CALL_RESOURCE_GET},
    {"GET", "/api/v1/resources/:i/manifest", CALL_RESOURCE_MANIFEST},
    {"GET", "/api/v1/resources/:i/position", CALL_POSITION_GET},
    {"PUT", "/api/v1/resources/:i/position", CALL_POSITION_PUT},
    {"POST", "/whip/:i", CALL_WHIP},
    {"PATCH", "/whip/:i/:s", CALL_SESSION_PATCH},
    {"DELETE", "/whip/:i/:s", CALL_SESSION_DELETE},
    {"POST", "/whep/:i", CALL_WHEP},
    {"PATCH", "/whep/:i/:s", CALL_SESSION_PATCH},
    {"DELETE", "/whep/:i/:s", CALL_SESSION_DELETE},
    {"PUT", "/whep/:i/:s/slots", CALL_SLOTS_PUT},
    {"GET", "/media/:g/:i/*", CALL_MEDIA},
    {"GET", "/lib/*", CALL_LIB},
};

static bool take_number(const char *part, size_t len, int64_t *n)
{
    char *end;
    if (len == 0 || len > 18 || part[0] < '0' || part[0] > '9')
        return false;
    *n = strtoll(part, &end, 10);
    return end == part + len;
}

static bool take_text(const char *part, size_t len, char *out, size_t cap)
{
    if (len == 0 || len >= cap)
        return false;
    memcpy(out, part, len);
    out[len] = 0;
    return true;
}

static bool take(struct route *r, char kind, const char *part, size_t len)
{
    switch (kind) {
    case 'i':
        return take_text(part, len, r->id, sizeof r->id) && text_is_id(r->id);
    case 's':
        return take_text(part, len, r->session, sizeof r->session);
    case 'g':
        return take_text(part, len, r->grant, sizeof r->grant);
    default:
        return take_number(part, len, &r->number);
    }
}

static bool match(struct route *r, const char *pattern, const char *path)
{
    while (*pattern) {
        if (*pattern == '*') {
            r->file = path;
            return true;
        }
        if (*pattern == ':') {
            const size_t len = strcspn(path, "/");
            if (!take(r, pattern[1], path, len))
                return false;
            pattern += 2;
            path += len;
            continue;
        }
        if (*pattern++ != *path++)
            return false;
    }
    return *path == 0;
}

bool route_file_ok(const char *file)
{
    if (!*file || strlen(file) > 255 || strchr(file, '\\'))
        return false;
    for (const char *part = file;;) {
        const size_t len = strcspn(part, "/");
        if (len == 0 || part[0] == '.')
            return false;
        if (!part[len])
            return true;
        part += len + 1;
    }
}

static void allow(struct route *r, const char *method)
{
    const bool get = strcmp(method, "GET") == 0;
    text_add(r->allow, sizeof r->allow, "%s%s", method, get ? ", HEAD, " : ", ");
}

static bool same_method(const char *method, const char *row)
{
    return strcmp(method, row) == 0 || (strcmp(method, "HEAD") == 0 && strcmp(row, "GET") == 0);
}

static bool is_reserved(const char *path)
{
    static const char *const first[] = {"/api/", "/whip/", "/whep/", "/media/", "/lib/"};
    for (size_t i = 0; i < ARRAY_LEN(first); i++)
        if (strncmp(path, first[i], strlen(first[i])) == 0)
            return true;
    return false;
}

/* Any other path is a file of the web directory; route_file_ok is asked when it is served. */
static void add_page(struct route *r, const char *method, const char *path, bool *found)
{
    if (path[0] != '/' || is_reserved(path))
        return;
    allow(r, "GET");
    if (!same_method(method, "GET"))
        return;
    r->call = CALL_PAGE;
    r->file = path + 1;
    *found = true;
}

bool route_find(struct route *r, const char *method, const char *path, struct problem *p)
{
    *r = (struct route){.call = CALL_COUNT, .file = ""};
    bool found = false;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct route here = {.file = ""};
        if (found || !match(&here, rows[i].pattern, path))
            continue;
        allow(r, rows[i].method);
        if (!same_method(method, rows[i].method))
            continue;
        memcpy(here.allow, r->allow, sizeof here.allow);
        *r = here;
        r->call = rows[i].call;
        r->play = strncmp(path, "/whep/", 6) == 0;
        found = true;
    }
    if (!found && !r->allow[0])
        add_page(r, method, path, &found);
    if (found)
        return true;
    if (!r->allow[0])
        return problem_set(p, P_NOT_FOUND, NULL, "no such path");
    (void)strcat(r->allow, "OPTIONS"); /* there is room: the longest list is 37 characters */
    r->call = CALL_OPTIONS;
    return strcmp(method, "OPTIONS") == 0 ||
           problem_set(p, P_WRONG_METHOD, NULL, "allowed here: %s", r->allow);
}
