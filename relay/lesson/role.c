#include "relay/lesson/role.h"

#include <string.h>

static const struct {
    const char *name;
    unsigned may;
} roles[ROLE_COUNT] = {
    [ROLE_NONE] = {"none", 0},
    [ROLE_LEAD] = {"lead", MAY_CREATE | MAY_CONTROL | MAY_PUBLISH_LEAD | MAY_PLAY | MAY_PLAY_SITES |
                               MAY_JOIN_EARLY | MAY_EVENTS | MAY_HAND_ANY | MAY_MARK |
                               MAY_MARK_PUBLIC | MAY_MESSAGE_ALL | MAY_MESSAGE_LEAD |
                               MAY_MESSAGE_SITE | MAY_LIBRARY | MAY_SEE_MEMBERS | MAY_SEE_TALLY},
    [ROLE_ASSISTANT] = {"assistant", MAY_PUBLISH_CLASS | MAY_PLAY | MAY_PLAY_SITES |
                                         MAY_JOIN_EARLY | MAY_EVENTS | MAY_HAND | MAY_RELEASE |
                                         MAY_MARK | MAY_MARK_PUBLIC | MAY_MESSAGE_ALL |
                                         MAY_MESSAGE_LEAD | MAY_VOTE | MAY_LIBRARY},
    [ROLE_OBSERVER] = {"observer", MAY_PLAY | MAY_PLAY_SITES | MAY_EVENTS | MAY_MARK | MAY_LIBRARY |
                                       MAY_SEE_TALLY},
    [ROLE_STUDENT] = {"student",
                      MAY_PLAY | MAY_EVENTS | MAY_MARK | MAY_MESSAGE_LEAD | MAY_VOTE | MAY_LIBRARY},
    [ROLE_TECHNICIAN] = {"technician", MAY_EVENTS | MAY_MESSAGE_LEAD | MAY_MESSAGE_SITE |
                                           MAY_METRICS | MAY_SEE_ALL | MAY_SEE_MEMBERS},
    [ROLE_ADMIN] = {"admin", MAY_CREATE | MAY_CONTROL | MAY_PLAY | MAY_PLAY_SITES | MAY_JOIN_EARLY |
                                 MAY_EVENTS | MAY_MARK | MAY_MARK_PUBLIC | MAY_MESSAGE_ALL |
                                 MAY_MESSAGE_LEAD | MAY_MESSAGE_SITE | MAY_LIBRARY | MAY_METRICS |
                                 MAY_SEE_ALL | MAY_SEE_MEMBERS | MAY_SEE_TALLY},
};

const char *role_name(enum role r)
{
    return roles[r].name;
}

enum role role_named(const char *name)
{
    for (enum role r = ROLE_LEAD; r < ROLE_COUNT; r++)
        if (strcmp(name, roles[r].name) == 0)
            return r;
    return ROLE_NONE;
}

bool role_may(enum role r, enum right right)
{
    return (roles[r].may & (unsigned)right) != 0;
}

bool role_check(const struct claims *c, enum right right, struct problem *p)
{
    return role_may(c->role, right) ||
           problem_set(p, P_WRONG_ROLE, NULL, "not as %s", role_name(c->role));
}

json_t *role_can(const struct claims *c)
{
    static const struct {
        unsigned right;
        const char *word;
    } words[] = {
        {MAY_CREATE, "create"},
        {MAY_CONTROL, "control"},
        {MAY_PUBLISH_LEAD, "publish:camera"},
        {MAY_PUBLISH_LEAD, "publish:slides"},
        {MAY_PUBLISH_LEAD, "publish:board"},
        {MAY_PUBLISH_CLASS, "publish:class"},
        {MAY_PLAY, "play"},
        {MAY_PLAY_SITES, "play:sites"},
        {MAY_EVENTS, "events"},
        {MAY_HAND | MAY_HAND_ANY, "hand"},
        {MAY_MARK, "mark"},
        {MAY_MESSAGE_LEAD, "message"},
        {MAY_VOTE, "vote"},
        {MAY_LIBRARY, "library"},
        {MAY_METRICS, "metrics"},
    };
    json_t *const a = json_array();
    for (size_t i = 0; a && i < ARRAY_LEN(words); i++)
        if (roles[c->role].may & words[i].right)
            (void)json_array_append_new(a, json_string(words[i].word));
    return a;
}

json_t *claims_by(const struct claims *c)
{
    return json_pack("{s:s, s:s, s:s, s:s?}", "sub", c->sub, "name", c->name, "role",
                     role_name(c->role), "site", c->site[0] ? c->site : NULL);
}
