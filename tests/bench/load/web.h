/* web.h - one HTTP request after the other over a connection that stays open; it blocks. For the
 * threads that do the signalling. */
#pragma once

#include "engine/base/base.h"

#define WEB_TEXT 65536

struct web;

struct web_call {
    const char *method;
    const char *url;
    const char *token; /* Bearer; NULL: none */
    const char *type;  /* of the body; NULL: no body */
    const char *body;
    unsigned seconds; /* at most; 0: ten */
};

struct web_answer {
    long status;        /* 0: none came, `why` says why */
    char why[160];      /* libcurl's words */
    char location[256]; /* "" = none */
    char body[WEB_TEXT];
    size_t len;
};

MUST_USE enum err web_new(struct web **w);
void web_free(struct web **w);

/* The answer ends with a 0 behind its body. What is longer than WEB_TEXT is an error. */
void web_do(struct web *w, const struct web_call *c, struct web_answer *a);
