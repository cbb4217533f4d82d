/* slots.h - the words for what a connection sends or shows: sources and slots. */
#pragma once

#include "relay/lesson/lesson.h"

const char *source_name(enum source s);
/* enum source by its name, SRC_COUNT: none such. The voice has no name in a request. */
enum source source_named(const char *name, size_t len);

/* "camera,slides" of a publisher in this role: which source each of `lines` video lines is.
 * NULL: the defaults. False: a problem with `sources[n]` is set. */
MUST_USE bool sources_parse(const char *list, enum role role, size_t lines, uint8_t out[NEGO_MEDIA],
                            struct problem *p);

/* One word, at position `i` of the request's list. */
MUST_USE bool slot_parse(const char *word, size_t len, const struct lesson *l, size_t i,
                         struct slot *out, struct problem *p);
/* "camera,floor" for `lines` video lines; what the list does not say is off. NULL: camera, slides.
 * `sites`: may the viewer see rooms of its own choice? */
MUST_USE bool slots_parse(const char *list, const struct lesson *l, size_t lines, bool sites,
                          struct slot out[NEGO_MEDIA], struct problem *p);
/* The word that slot_parse reads; `out` has room for SLOT_TEXT. */
const char *slot_text(const struct slot *s, const struct lesson *l, char *out);

#define SLOT_TEXT (ID_CAP + 8)
