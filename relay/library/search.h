/* search.h - text as the full-text index takes it: a word of Chinese is a phrase of characters. */
#pragma once

#include "engine/base/base.h"

/* Writes `text` with a space around each Chinese, Japanese or Korean character. Returns false when
 * it does not fit; out then holds what did. */
bool search_spread(const char *text, char *out, size_t cap);

/* An FTS5 query that finds every word of what somebody typed, the last as a beginning. Words of
 * Chinese are found wherever they stand, also two characters. False: nothing to search for, or too
 * long. */
MUST_USE bool search_query(const char *typed, char *out, size_t cap);
