/* sse.c - lines into fields, fields into events. */
#include "client/sse.h"

#include <stdlib.h>
#include <string.h>

void sse_init(struct sse *s)
{
    memset(s, 0, sizeof(*s));
}

void sse_restart(struct sse *s)
{
    s->line_len = 0;
    s->line_long = false;
    s->after_cr = false;
    s->data_len = 0;
    s->any_data = false;
    s->data_long = false;
    s->name[0] = 0;
    strcpy(s->id, s->last_id);
}

static void set_text(char out[SSE_NAME_MAX], const char *value, size_t len)
{
    if (len >= SSE_NAME_MAX || memchr(value, 0, len))
        return;
    memcpy(out, value, len);
    out[len] = 0;
}

static void add_data(struct sse *s, const char *value, size_t len)
{
    const size_t need = s->data_len + s->any_data + len;
    if (s->data_long || need > SSE_DATA_MAX) {
        s->data_long = true;
        return;
    }
    if (s->any_data)
        s->data[s->data_len++] = '\n';
    memcpy(s->data + s->data_len, value, len);
    s->data_len += len;
    s->any_data = true;
}

static void set_retry(struct sse *s, const char *value, size_t len)
{
    if (len == 0 || len > 6 || strspn(value, "0123456789") < len)
        return;
    s->retry_ms = (unsigned)strtoul(value, NULL, 10);
}

static bool is_field(const char *name, const char *line, size_t len)
{
    return strlen(name) == len && memcmp(name, line, len) == 0;
}

static void take_field(struct sse *s)
{
    s->line[s->line_len] = 0;
    const char *const colon = memchr(s->line, ':', s->line_len);
    const size_t name = colon ? (size_t)(colon - s->line) : s->line_len;
    const char *value = colon ? colon + 1 : s->line + s->line_len;
    if (*value == ' ')
        value++;
    const size_t len = (size_t)(s->line + s->line_len - value);
    if (is_field("data", s->line, name))
        add_data(s, value, len);
    else if (is_field("event", s->line, name))
        set_text(s->name, value, len);
    else if (is_field("id", s->line, name))
        set_text(s->id, value, len);
    else if (is_field("retry", s->line, name))
        set_retry(s, value, len);
}

/* An empty line: the event is complete. Without data it is none (but its id counts). */
static bool dispatch(struct sse *s, struct sse_event *e)
{
    strcpy(s->last_id, s->id);
    const bool good = s->any_data && !s->data_long;
    s->dropped += s->data_long;
    s->data[s->data_len] = 0;
    *e = (struct sse_event){
        .name = s->name[0] ? s->name : "message", .data = s->data, .len = s->data_len};
    s->data_len = 0;
    s->any_data = false;
    s->data_long = false;
    return good;
}

static bool end_line(struct sse *s, struct sse_event *e)
{
    bool complete = false;
    if (s->line_long)
        s->dropped++;
    else if (s->line_len == 0)
        complete = dispatch(s, e);
    else
        take_field(s);
    const bool blank = s->line_len == 0 && !s->line_long;
    s->line_len = 0;
    s->line_long = false;
    if (blank && !complete)
        s->name[0] = 0;
    return complete;
}

static void add_char(struct sse *s, char c)
{
    if (s->line_len < SSE_LINE_MAX)
        s->line[s->line_len++] = c;
    else
        s->line_long = true;
}

bool sse_next(struct sse *s, const char **p, const char *end, struct sse_event *e)
{
    if (s->out.name == s->name)
        s->name[0] = 0; /* of the event given last, which the caller has read by now */
    s->out.name = NULL;
    while (*p < end) {
        const char c = *(*p)++;
        const bool second = c == '\n' && s->after_cr; /* the end of a CR LF, already taken */
        s->after_cr = c == '\r';
        if (second)
            continue;
        if (c != '\n' && c != '\r') {
            add_char(s, c);
        } else if (end_line(s, e)) {
            s->out = *e;
            return true;
        }
    }
    return false;
}
