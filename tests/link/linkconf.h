/* linkconf.h - descriptions of links, read from a file: one for the simulator and for real
 * programs. Its language stands at the head of links.conf. */
#pragma once

#include "tests/link/path.h"

#define LINKCONF_LINKS 40
#define LINKCONF_NAME 24
#define LINKCONF_WHY 200

struct linkconf_link {
    char name[LINKCONF_NAME];
    struct path_plan up, down;
};

struct linkconf {
    struct linkconf_link links[LINKCONF_LINKS];
    size_t n;
    char why[LINKCONF_WHY]; /* "FILE:LINE: what is wrong" */
};

/* False: `why` says what is wrong with the text. `file` is its name there. */
MUST_USE bool linkconf_parse(struct linkconf *c, const char *file, const char *text, size_t len);

/* The same from a file. */
MUST_USE bool linkconf_read(struct linkconf *c, const char *file);

/* NULL and `why` if there is none of this name. */
const struct linkconf_link *linkconf_find(struct linkconf *c, const char *name);
