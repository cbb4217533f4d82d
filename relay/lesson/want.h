/* want.h - takes a JSON object of a request apart: types, bounds, and nothing unknown. */
#pragma once

#include "relay/lesson/problem.h"

#define WANT_KEYS 16

/* One object. After the members were asked for, want_done refuses the rest. Once there is a
 * problem, every question answers with its default. */
struct want {
    const json_t *obj;
    const char *at; /* path of the object, "" or "points[2]." */
    struct problem *p;
    const char *asked[WANT_KEYS];
    size_t n;
};

/* Parses a body. NULL and a problem: not JSON, or not an object. The caller decrefs. */
json_t *want_body(const char *body, size_t len, struct problem *p);

void want_init(struct want *w, const json_t *obj, const char *at, struct problem *p);

/* The member, NULL if it is absent (or null). */
const json_t *want_any(struct want *w, const char *key);
bool want_has(const struct want *w, const char *key);
/* `chars`: most characters; `lines`: line feeds may be in it. def NULL: required. */
const char *want_text(struct want *w, const char *key, size_t chars, bool lines, const char *def);
const char *want_id(struct want *w, const char *key, const char *def);
int64_t want_int(struct want *w, const char *key, int64_t lo, int64_t hi, int64_t def);
/* As want_int, but the member is required. */
int64_t want_int_required(struct want *w, const char *key, int64_t lo, int64_t hi);
bool want_bool(struct want *w, const char *key, bool def);
bool want_bool_required(struct want *w, const char *key);
/* The number of the word in names[]; def names n: required. */
size_t want_word(struct want *w, const char *key, const char *const *names, size_t n, size_t def);
/* An array of lo … hi members, NULL if absent and not required. */
const json_t *want_array(struct want *w, const char *key, size_t lo, size_t hi, bool required);
/* Refuses members nobody asked for. True: no problem at all. */
bool want_done(struct want *w);
/* A problem of a member: always false. */
bool want_bad(struct want *w, const char *key, enum problem_kind kind, const char *what);
