#include "relay/control/slots.h"

#include <string.h>

static const char *const names[SRC_COUNT] = {"voice", "camera", "slides", "board", "class"};

const char *source_name(enum source s)
{
    return names[s];
}

static bool is_word(const char *word, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(word, name, len) == 0;
}

enum source source_named(const char *name, size_t len)
{
    for (enum source s = SRC_CAMERA; s < SRC_COUNT; s++)
        if (is_word(name, len, names[s]))
            return s;
    return SRC_COUNT;
}

static bool role_has(enum role role, enum source s)
{
    return role == ROLE_LEAD ? s != SRC_CLASS : s == SRC_CLASS;
}

/* The next word of a comma-separated list; false at its end. An empty list has no words. */
static bool next_word(const char **list, const char **word, size_t *len)
{
    if (!**list)
        return false;
    *word = *list;
    *len = strcspn(*list, ",");
    *list += *len + ((*list)[*len] == ',');
    return true;
}

static bool source_ok(const char *word, size_t len, enum role role, const char *field,
                      struct problem *p)
{
    const enum source s = source_named(word, len);
    if (s == SRC_COUNT)
        return problem_set(p, P_UNKNOWN_SOURCE, field,
                           "\"%.*s\": sources are camera, slides, board and class",
                           (int)size_min(len, 64), word);
    return role_has(role, s) || problem_set(p, P_WRONG_ROLE, field, "%s cannot be published as %s",
                                            names[s], role_name(role));
}

bool sources_parse(const char *list, enum role role, size_t lines, uint8_t out[NEGO_MEDIA],
                   struct problem *p)
{
    const bool said = list && *list;
    if (!said)
        list = role == ROLE_LEAD ? "camera,slides,board" : "class";
    unsigned seen = 0;
    size_t n = 0;
    const char *word;
    size_t len;
    while (next_word(&list, &word, &len)) {
        char field[24];
        text_put(field, sizeof field, "sources[%zu]", n);
        if (!source_ok(word, len, role, field, p))
            return false;
        const enum source s = source_named(word, len);
        if (seen & 1u << s)
            return problem_set(p, P_INVALID, field, "%s is named twice", names[s]);
        seen |= 1u << s;
        if (n < lines)
            out[n] = (uint8_t)s;
        n++;
    }
    if (n < lines || (said && n > lines))
        return problem_set(p, P_INVALID, "sources", "%zu sources for %zu video lines", n, lines);
    return true;
}

static bool slot_of_site(const char *word, size_t len, const struct lesson *l, const char *field,
                         struct slot *out, struct problem *p)
{
    char id[ID_CAP] = "";
    if (len < sizeof id)
        memcpy(id, word, len);
    id[size_min(len, sizeof id - 1)] = 0;
    const uint8_t site = lesson_site(l, id);
    if (site == SITE_NONE)
        return problem_set(p, P_UNKNOWN_SITE, field, "\"%.*s\" does not take part in lesson %s",
                           (int)size_min(len, 64), word, l->id);
    *out = (struct slot){.kind = SLOT_SITE, .site = site};
    return true;
}

static bool slot_of_wall(const char *word, size_t len, const struct lesson *l, const char *field,
                         struct slot *out, struct problem *p)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n = word[i] >= '0' && word[i] <= '9' && n < 1000 ? n * 10 + (size_t)(word[i] - '0') : 10000;
    if (n == 0 || n >= l->sites)
        return problem_set(p, P_UNKNOWN_SLOT, field, "\"wall/%.*s\": the lesson has %zu points",
                           (int)size_min(len, 16), word, l->sites - 1);
    *out = (struct slot){.kind = SLOT_SITE, .site = (uint8_t)n, .small = true};
    return true;
}

bool slot_parse(const char *word, size_t len, const struct lesson *l, size_t i, struct slot *out,
                struct problem *p)
{
    char field[24];
    text_put(field, sizeof field, "slots[%zu]", i);
    *out = (struct slot){.kind = SLOT_OFF};
    const enum source s = source_named(word, len);
    if (s < SRC_CLASS)
        *out = (struct slot){.kind = SLOT_SOURCE, .source = (uint8_t)s};
    else if (is_word(word, len, "floor"))
        *out = (struct slot){.kind = SLOT_FLOOR};
    else if (len > 5 && memcmp(word, "site/", 5) == 0)
        return slot_of_site(word + 5, len - 5, l, field, out, p);
    else if (len > 5 && memcmp(word, "wall/", 5) == 0)
        return slot_of_wall(word + 5, len - 5, l, field, out, p);
    else if (!is_word(word, len, "off"))
        return problem_set(p, P_UNKNOWN_SLOT, field,
                           "\"%.*s\": slots are camera, slides, board, floor, site/ID, wall/N, off",
                           (int)size_min(len, 64), word);
    return true;
}

bool slots_parse(const char *list, const struct lesson *l, size_t lines, bool sites,
                 struct slot out[NEGO_MEDIA], struct problem *p)
{
    const bool said = list && *list;
    if (!said)
        list = "camera,slides";
    size_t n = 0;
    const char *word;
    size_t len;
    for (size_t i = 0; i < NEGO_MEDIA; i++)
        out[i] = (struct slot){.kind = SLOT_OFF};
    for (; next_word(&list, &word, &len); n++) {
        struct slot s;
        char field[24];
        text_put(field, sizeof field, "slots[%zu]", n);
        if (!slot_parse(word, len, l, n, &s, p))
            return false;
        if (s.kind == SLOT_SITE && !sites)
            return problem_set(p, P_WRONG_ROLE, field, "not this slot in your role");
        if (n < lines)
            out[n] = s;
        else if (said)
            return problem_set(p, P_UNKNOWN_SLOT, field, "the offer has %zu video lines", lines);
    }
    return true;
}

const char *slot_text(const struct slot *s, const struct lesson *l, char *out)
{
    if (s->kind == SLOT_SOURCE)
        text_put(out, SLOT_TEXT, "%s", names[s->source]);
    else if (s->kind == SLOT_FLOOR)
        text_put(out, SLOT_TEXT, "floor");
    else if (s->kind == SLOT_SITE && s->small)
        text_put(out, SLOT_TEXT, "wall/%u", s->site);
    else if (s->kind == SLOT_SITE)
        text_put(out, SLOT_TEXT, "site/%s", l->site[s->site].id);
    else
        text_put(out, SLOT_TEXT, "off");
    return out;
}
