#include "relay/lesson/want.h"

#include "relay/lesson/text.h"

#include <stdio.h>
#include <string.h>

json_t *want_body(const char *body, size_t len, struct problem *p)
{
    json_error_t e;
    json_t *const j = json_loadb(body ? body : "", len, JSON_REJECT_DUPLICATES, &e);
    if (!j) {
        problem_set(p, P_BAD_JSON, NULL, "line %d, column %d: %s", e.line, e.column, e.text);
        return NULL;
    }
    if (!json_is_object(j)) {
        problem_set(p, P_BAD_JSON, NULL, "the body must be a JSON object");
        json_decref(j);
        return NULL;
    }
    return j;
}

void want_init(struct want *w, const json_t *obj, const char *at, struct problem *p)
{
    *w = (struct want){.obj = obj, .at = at, .p = p};
}

bool want_bad(struct want *w, const char *key, enum problem_kind kind, const char *what)
{
    char field[64];
    text_put(field, sizeof field, "%s%s", w->at, key);
    return problem_set(w->p, kind, field, "%s%s %s", w->at, key, what);
}

const json_t *want_any(struct want *w, const char *key)
{
    assert(w->n < WANT_KEYS);
    w->asked[w->n++] = key;
    const json_t *const v = json_object_get(w->obj, key);
    return json_is_null(v) ? NULL : v;
}

bool want_has(const struct want *w, const char *key)
{
    return json_object_get(w->obj, key) != NULL;
}

const char *want_text(struct want *w, const char *key, size_t chars, bool lines, const char *def)
{
    char what[64];
    const json_t *const v = want_any(w, key);
    const char *const s = json_string_value(v);
    if (!v && def)
        return def;
    if (s && text_is_plain(s, chars, lines) && (def || s[0]))
        return s;
    text_put(what, sizeof what, "must be a text of %d to %zu characters", def ? 0 : 1, chars);
    want_bad(w, key, P_INVALID, v ? what : "is missing");
    return def ? def : "";
}

const char *want_id(struct want *w, const char *key, const char *def)
{
    const json_t *const v = want_any(w, key);
    const char *const s = json_string_value(v);
    if (!v && def)
        return def;
    if (s && text_is_id(s))
        return s;
    want_bad(w, key, P_INVALID,
             v ? "must be 1 to 32 of A-Z a-z 0-9 _ -, the first a letter or digit" : "is missing");
    return def ? def : "";
}

int64_t want_int(struct want *w, const char *key, int64_t lo, int64_t hi, int64_t def)
{
    char what[96];
    const json_t *const v = want_any(w, key);
    if (!v)
        return def;
    const int64_t n = json_integer_value(v);
    if (json_is_integer(v) && n >= lo && n <= hi)
        return n;
    text_put(what, sizeof what, "must be a whole number from %lld to %lld", (long long)lo,
             (long long)hi);
    want_bad(w, key, P_INVALID, what);
    return def;
}

int64_t want_int_required(struct want *w, const char *key, int64_t lo, int64_t hi)
{
    if (!json_object_get(w->obj, key))
        want_bad(w, key, P_INVALID, "is missing");
    return want_int(w, key, lo, hi, lo);
}

bool want_bool(struct want *w, const char *key, bool def)
{
    const json_t *const v = want_any(w, key);
    if (!v)
        return def;
    if (json_is_boolean(v))
        return json_is_true(v);
    want_bad(w, key, P_INVALID, "must be true or false");
    return def;
}

bool want_bool_required(struct want *w, const char *key)
{
    if (!json_object_get(w->obj, key))
        want_bad(w, key, P_INVALID, "is missing");
    return want_bool(w, key, false);
}

size_t want_word(struct want *w, const char *key, const char *const *names, size_t n, size_t def)
{
    char what[160] = "must be one of:";
    const json_t *const v = want_any(w, key);
    const char *const s = json_string_value(v);
    if (!v && def < n)
        return def;
    for (size_t i = 0; i < n; i++) {
        if (s && strcmp(s, names[i]) == 0)
            return i;
        text_add(what, sizeof what, " %s", names[i]);
    }
    want_bad(w, key, P_INVALID, v ? what : "is missing");
    return def < n ? def : 0;
}

const json_t *want_array(struct want *w, const char *key, size_t lo, size_t hi, bool required)
{
    char what[96];
    const json_t *const v = want_any(w, key);
    if (!v && !required)
        return NULL;
    if (json_is_array(v) && json_array_size(v) >= lo && json_array_size(v) <= hi)
        return v;
    text_put(what, sizeof what, "must be a list of %zu to %zu members", lo, hi);
    want_bad(w, key, P_INVALID, v ? what : "is missing");
    return NULL;
}

bool want_done(struct want *w)
{
    const char *key;
    json_t *v;
    /* jansson's iteration wants a mutable object, though it only reads: no integer is meant */
    json_t *const obj =
        json_incref((json_t *)(uintptr_t)w->obj); /* NOLINT(performance-no-int-to-ptr) */
    json_object_foreach(obj, key, v)
    {
        bool known = false;
        for (size_t i = 0; i < w->n; i++)
            known |= strcmp(key, w->asked[i]) == 0;
        if (!known)
            want_bad(w, key, P_INVALID, "is not a member that is known here");
    }
    json_decref(obj);
    return w->p->kind == P_NONE;
}
