/* serve.h - what HTTP says about parts of files, validators and types. */
#pragma once

#include "engine/base/base.h"

enum range_kind { RANGE_WHOLE, RANGE_PART, RANGE_BAD };

/* What a Range header asks of a file (RFC 9110 14.2). Forms that are not understood and lists of
 * ranges count as none: the whole file is a legal answer. */
enum range_kind serve_range(const char *header, uint64_t size, uint64_t *from, uint64_t *len);

/* Is the validator among those of an If-None-Match header (RFC 9110 13.1.2)? */
bool serve_matches(const char *header, const char *etag);

/* "video/webm" by the ending of a name; "application/octet-stream" for others. */
const char *serve_type(const char *file);
