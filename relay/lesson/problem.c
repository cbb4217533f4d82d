#include "relay/lesson/problem.h"

#include "relay/lesson/text.h"

#include <stdarg.h>
#include <stdio.h>

struct kind {
    unsigned status;
    const char *name;
    const char *title;
};

static const struct kind kinds[P_COUNT] = {
    [P_NONE] = {200, "none", "No problem"},
    [P_BAD_REQUEST] = {400, "bad-request", "Not a request as it should be"},
    [P_BAD_JSON] = {400, "bad-json", "The body is not a JSON object"},
    [P_NO_TOKEN] = {401, "no-token", "A token is needed"},
    [P_BAD_TOKEN] = {401, "bad-token", "Not a token of this node"},
    [P_TOKEN_EXPIRED] = {401, "token-expired", "The token has expired"},
    [P_WRONG_LESSON] = {403, "wrong-lesson", "The token is good for another lesson"},
    [P_WRONG_SITE] = {403, "wrong-site", "The site has not this part in the lesson"},
    [P_WRONG_ROLE] = {403, "wrong-role", "The role may not do this"},
    [P_BAD_GRANT] = {403, "bad-grant", "Not a link of this node"},
    [P_GRANT_EXPIRED] = {403, "grant-expired", "The link has expired"},
    [P_NOT_FOUND] = {404, "not-found", "Not found"},
    [P_WRONG_METHOD] = {405, "wrong-method", "Not with this method"},
    [P_LESSON_EXISTS] = {409, "lesson-exists", "There is a lesson with this id"},
    [P_NOT_RUNNING] = {409, "lesson-not-running", "The lesson has not been started"},
    [P_LESSON_ENDED] = {409, "lesson-ended", "The lesson has ended"},
    [P_LESSON_STARTED] = {409, "lesson-started", "The lesson has been started"},
    [P_LEAD_PRESENT] = {409, "lead-present", "Another lead teaches this lesson"},
    [P_SOURCE_TAKEN] = {409, "source-taken", "Another connection publishes this"},
    [P_POLL_CLOSED] = {409, "poll-closed", "The poll is closed"},
    [P_ETAG] = {412, "etag-mismatch", "Another ICE session is in force"},
    [P_TOO_LARGE] = {413, "too-large", "The body is too large"},
    [P_WRONG_TYPE] = {415, "wrong-type", "Another content type is wanted"},
    [P_BAD_RANGE] = {416, "bad-range", "The range is outside the file"},
    [P_INVALID] = {422, "invalid", "Not a valid value"},
    [P_BAD_SDP] = {422, "bad-sdp", "The session description cannot be used"},
    [P_UNKNOWN_SOURCE] = {422, "unknown-source", "No such source"},
    [P_UNKNOWN_SLOT] = {422, "unknown-slot", "No such slot"},
    [P_UNKNOWN_SITE] = {422, "unknown-site", "No such site in the lesson"},
    [P_TOO_MANY] = {429, "too-many", "Too many"},
    [P_INTERNAL] = {500, "internal", "The relay failed"},
    [P_UNAVAILABLE] = {503, "unavailable", "Not now"},
    [P_DISK_FULL] = {507, "disk-full", "There is no room to keep it"},
};

bool problem_set(struct problem *p, enum problem_kind kind, const char *field, const char *detail,
                 ...)
{
    if (p->kind != P_NONE)
        return false;
    p->kind = kind;
    text_put(p->field, sizeof p->field, "%s", field ? field : "");
    va_list ap;
    va_start(ap, detail);
    (void)vsnprintf(p->detail, sizeof p->detail, detail, ap);
    va_end(ap);
    text_repair(p->field); /* cut, or echoed from the request: must be UTF-8 to be JSON */
    text_repair(p->detail);
    return false;
}

unsigned problem_status(enum problem_kind kind)
{
    return kinds[kind].status;
}

const char *problem_name(enum problem_kind kind)
{
    return kinds[kind].name;
}

json_t *problem_json(const struct problem *p)
{
    char type[64];
    text_put(type, sizeof type, "urn:liangshi:problem:%s", kinds[p->kind].name);
    json_t *const j = json_pack("{s:s, s:s, s:i, s:s}", "type", type, "title", kinds[p->kind].title,
                                "status", (int)kinds[p->kind].status, "detail", p->detail);
    if (j && p->field[0])
        (void)json_object_set_new(j, "field", json_string(p->field));
    return j;
}
