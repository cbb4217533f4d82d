/* sse.h - server-sent events out of a stream of bytes (HTML Living Standard, 9.2.6). */
#pragma once

#include "engine/base/base.h"

#define SSE_LINE_MAX 8192  /* a longer line is dropped whole */
#define SSE_DATA_MAX 16384 /* an event with more data is dropped whole */
#define SSE_NAME_MAX 64

struct sse_event {
    const char *name; /* "message" if the event does not say */
    const char *data; /* its data lines, joined by line feeds */
    size_t len;
};

/* Embedded. The last id is kept over reconnections: it is the Last-Event-ID to send. */
struct sse {
    char line[SSE_LINE_MAX + 1];
    size_t line_len;
    bool line_long; /* being dropped */
    bool after_cr;
    char data[SSE_DATA_MAX + 1];
    size_t data_len;
    bool any_data;
    bool data_long;
    char name[SSE_NAME_MAX];
    char id[SSE_NAME_MAX]; /* of the event in the making */
    char last_id[SSE_NAME_MAX];
    unsigned retry_ms;    /* asked for by the server; 0 = not said */
    uint64_t dropped;     /* events and lines that were too long */
    struct sse_event out; /* what the last sse_next gave */
};

void sse_init(struct sse *s);

/* A new connection: what was half received is forgotten, last_id stays. */
void sse_restart(struct sse *s);

/* Takes bytes from *p, moving it, until an event is complete: true, and *e is valid until the next
 * call. False: all bytes are used up. */
bool sse_next(struct sse *s, const char **p, const char *end, struct sse_event *e);
