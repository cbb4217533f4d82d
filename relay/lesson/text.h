/* text.h - what may stand in identifiers, names and remarks, and how times of day are written. */
#pragma once

#include "engine/base/base.h"

#define ID_CAP 33    /* identifier of a lesson, site or resource, with its 0 */
#define SUB_CAP 65   /* who a token is about */
#define NAME_CAP 261 /* 64 characters of UTF-8 */
#define TIME_TEXT 32

/* Writes a text that may be cut at `cap`; always ends with a 0. */
void text_put(char *out, size_t cap, const char *form, ...) PRINTF_LIKE(3, 4);
/* Appends likewise. */
void text_add(char *out, size_t cap, const char *form, ...) PRINTF_LIKE(3, 4);

/* 1 to 32 of A-Z a-z 0-9 _ -, beginning with a letter or digit. */
bool text_is_id(const char *s);
/* `sub` of a token: 1 to 64 printable ASCII characters without space. */
bool text_is_sub(const char *s);
/* UTF-8 of at most `max` characters, no control characters (line feed if `lines`). */
bool text_is_plain(const char *s, size_t max, bool lines);
/* Replaces what is not UTF-8 (or control characters) by '?', and drops a character cut at the end.
 */
void text_repair(char *s);

/* Milliseconds since 1970 as "2026-11-24T01:00:00.000Z". */
const char *text_time(int64_t ms, char out[TIME_TEXT]);
/* RFC 3339 with any offset; false: not a time, or outside 2000 … 2199. */
MUST_USE bool text_time_parse(const char *s, int64_t *ms);
