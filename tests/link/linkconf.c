#include "tests/link/linkconf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 120
#define FILE_MAX_BYTES 65536
#define WORDS 8
#define THOUSAND 1000u
#define DAY_S 86400u
#define PACKET_BITS (1500u * 8)

enum key { RATE, QUEUE, DELAY, JITTER, LOSS, BURST, REORDER, DUPLICATE, OUTAGE, KEYS };

/* The numbers behind each key and the largest that each may be. */
static const struct {
    const char *name;
    size_t n;
    uint32_t most[3];
} keys[KEYS] = {
    [RATE] = {"rate", 1, {10000000}},
    [QUEUE] = {"queue", 1, {60000}},
    [DELAY] = {"delay", 1, {60000}},
    [JITTER] = {"jitter", 1, {60000}},
    [LOSS] = {"loss", 1, {100}},
    [BURST] = {"burst", 3, {100, 1000000, 1000000}},
    [REORDER] = {"reorder", 2, {100, 60000}},
    [DUPLICATE] = {"duplicate", 1, {100}},
    [OUTAGE] = {"outage", 2, {DAY_S, DAY_S}},
};

struct reader {
    struct linkconf *c;
    const char *file;
    unsigned line;
    char buf[LINE_MAX_BYTES];
    char *word[WORDS];
    size_t n, next; /* words of the line, and the one to read */
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct reader *r, const char *form, ...)
{
    char what[LINKCONF_WHY / 2];
    va_list args;
    va_start(args, form);
    (void)vsnprintf(what, sizeof what, form, args);
    va_end(args);
    (void)snprintf(r->c->why, sizeof r->c->why, "%.80s:%u: %s", r->file, r->line, what);
    return false;
}

static bool take_word(struct reader *r, const char *word)
{
    if (r->next >= r->n || strcmp(r->word[r->next], word) != 0)
        return false;
    r->next++;
    return true;
}

/* A decimal number with at most three places, in thousandths. */
static bool take_number(struct reader *r, uint32_t most, uint64_t *out)
{
    if (r->next == r->n)
        return wrong(r, "a number is missing at the end");
    const char *const word = r->word[r->next++];
    uint64_t v = 0;
    int places = -1;
    for (const char *p = word; *p; p++) {
        if (*p == '.' && places < 0 && p != word && p[1])
            places = 0;
        else if (*p < '0' || *p > '9' || places >= 3 || v > UINT32_MAX)
            return wrong(r, "'%s' is not a number like 12 or 0.125", word);
        else {
            v = v * 10 + (uint64_t)(*p - '0');
            places += places >= 0;
        }
    }
    for (places = places < 0 ? 0 : places; places < 3; places++)
        v *= 10;
    if (v > (uint64_t)most * THOUSAND)
        return wrong(r, "%s is more than %u", word, most);
    *out = v;
    return true;
}

static double share(uint64_t thousandths_of_percent)
{
    return (double)thousandths_of_percent / 100000;
}

/* Thousandths of kbit/s, ms and packets are bit/s, µs and 1/1000 packets. */
static void set(struct path_conf *c, enum key key, const uint64_t v[3])
{
    if (key == RATE)
        c->bps = v[0];
    else if (key == QUEUE)
        c->queue = (usec)v[0];
    else if (key == DELAY)
        c->delay = (usec)v[0];
    else if (key == JITTER)
        c->jitter = (usec)v[0];
    else if (key == LOSS)
        c->loss_good = share(v[0]);
    else if (key == DUPLICATE)
        c->duplicate = share(v[0]);
    else if (key == BURST) {
        c->loss_bad = share(v[0]);
        c->to_good = THOUSAND / (double)v[1];
        c->to_bad = THOUSAND / (double)v[2];
    } else if (key == REORDER) {
        c->reorder = share(v[0]);
        c->reorder_by = (usec)v[1];
    }
}

/* The step that begins at this time, made if there is none; NULL: an error. */
static struct path_step *step_at(struct reader *r, struct path_plan *p, usec at)
{
    struct path_step *const last = &p->steps[p->n - 1];
    if (at == last->at)
        return last;
    if (at < last->at) {
        (void)wrong(r, "this begins before the line above does");
        return NULL;
    }
    if (p->n == PATH_STEPS) {
        (void)wrong(r, "more than %d steps", PATH_STEPS);
        return NULL;
    }
    p->steps[p->n] = *last;
    p->steps[p->n].at = at;
    return &p->steps[p->n++];
}

static bool outage(struct reader *r, struct path_plan *p, const uint64_t v[3])
{
    struct path_step *const from = step_at(r, p, (usec)(v[0] * THOUSAND));
    if (!from)
        return false;
    from->down = true;
    struct path_step *const to = step_at(r, p, (usec)(v[1] * THOUSAND));
    if (!to)
        return false;
    to->down = false;
    return true;
}

static bool apply(struct reader *r, struct path_plan *p, enum key key, usec at, const uint64_t v[3])
{
    if (key == OUTAGE)
        return outage(r, p, v);
    struct path_step *const s = step_at(r, p, at);
    if (s)
        set(&s->conf, key, v);
    return s;
}

static bool take_key(struct reader *r, enum key *key)
{
    for (size_t k = 0; k < KEYS; k++)
        if (take_word(r, keys[k].name)) {
            *key = (enum key)k;
            return true;
        }
    return r->next < r->n ? wrong(r, "nothing is called '%s' here", r->word[r->next])
                          : wrong(r, "what changes is missing at the end");
}

static bool take_values(struct reader *r, enum key key, uint64_t v[3])
{
    for (size_t i = 0; i < keys[key].n; i++)
        if (!take_number(r, keys[key].most[i], &v[i]))
            return false;
    if (r->next < r->n)
        return wrong(r, "'%s' is too much", r->word[r->next]);
    if (key == BURST && (v[1] < THOUSAND || v[2] < THOUSAND))
        return wrong(r, "a burst and a gap have at least one packet");
    if (key == OUTAGE && v[0] >= v[1])
        return wrong(r, "the outage ends before it begins");
    return true;
}

/* [at SECONDS] [up|down] KEY NUMBER… */
static bool setting(struct reader *r)
{
    if (r->c->n == 0)
        return wrong(r, "'link NAME' must come first");
    struct linkconf_link *const l = &r->c->links[r->c->n - 1];
    uint64_t at = 0;
    const bool timed = take_word(r, "at");
    if (timed && !take_number(r, DAY_S, &at))
        return false;
    const bool up = take_word(r, "up");
    const bool down = !up && take_word(r, "down");
    enum key key = KEYS;
    uint64_t v[3] = {0};
    if (!take_key(r, &key) || !take_values(r, key, v))
        return false;
    if (timed && key == OUTAGE)
        return wrong(r, "an outage has its own times");
    const usec when = (usec)(at * THOUSAND);
    return (down || apply(r, &l->up, key, when, v)) && (up || apply(r, &l->down, key, when, v));
}

static bool whole(struct reader *r, const struct path_plan *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct path_conf *const c = &p->steps[i].conf;
        if (c->bps && c->queue < (usec)(PACKET_BITS * USEC_SEC / c->bps))
            return wrong(r,
                         "link %s above: its queue does not hold a packet of 1500 bytes at %.3f "
                         "kbit/s",
                         r->c->links[r->c->n - 1].name, (double)c->bps / THOUSAND);
    }
    return true;
}

/* The end of a link's lines. */
static bool finished(struct reader *r)
{
    if (r->c->n == 0)
        return true;
    const struct linkconf_link *const l = &r->c->links[r->c->n - 1];
    return whole(r, &l->up) && whole(r, &l->down);
}

static const struct linkconf_link *find(const struct linkconf *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->links[i].name, name) == 0)
            return &c->links[i];
    return NULL;
}

static bool begin(struct reader *r)
{
    if (!finished(r))
        return false;
    if (r->n != 2)
        return wrong(r, "'link' wants one name");
    const char *const name = r->word[1];
    if (strlen(name) >= LINKCONF_NAME)
        return wrong(r, "the name is longer than %d characters", LINKCONF_NAME - 1);
    if (find(r->c, name))
        return wrong(r, "there is a link %s already", name);
    if (r->c->n == LINKCONF_LINKS)
        return wrong(r, "more than %d links", LINKCONF_LINKS);
    struct linkconf_link *const l = &r->c->links[r->c->n++];
    *l = (struct linkconf_link){.up.n = 1, .down.n = 1};
    memcpy(l->name, name, strlen(name) + 1);
    return true;
}

/* Cuts the line into words, without its comment. */
static bool split(struct reader *r, const char *text, size_t len)
{
    const char *const comment = memchr(text, '#', len);
    if (comment)
        len = (size_t)(comment - text);
    if (len >= sizeof r->buf)
        return wrong(r, "longer than %zu bytes", sizeof r->buf - 1);
    memcpy(r->buf, text, len);
    r->buf[len] = '\0';
    r->n = r->next = 0;
    for (size_t i = 0; i < len; i++) {
        char *const c = &r->buf[i];
        if (*c == ' ' || *c == '\t') {
            *c = '\0';
            continue;
        }
        if (*c < ' ' || *c > '~')
            return wrong(r, "byte %u of the line is no plain text", (unsigned)i + 1);
        if (i > 0 && c[-1])
            continue;
        if (r->n == WORDS)
            return wrong(r, "more than %d words", WORDS);
        r->word[r->n++] = c;
    }
    return true;
}

bool linkconf_parse(struct linkconf *c, const char *file, const char *text, size_t len)
{
    struct reader r = {.c = c, .file = file};
    c->n = 0;
    c->why[0] = '\0';
    for (const char *const end = text + len; text < end;) {
        const char *const stop = memchr(text, '\n', (size_t)(end - text));
        r.line++;
        if (!split(&r, text, (size_t)((stop ? stop : end) - text)))
            return false;
        if (take_word(&r, "link") ? !begin(&r) : r.n && !setting(&r))
            return false;
        text = stop ? stop + 1 : end;
    }
    return finished(&r);
}

bool linkconf_read(struct linkconf *c, const char *file)
{
    static char text[FILE_MAX_BYTES];
    FILE *const f = fopen(file, "rb");
    const size_t n = f ? fread(text, 1, sizeof text, f) : 0;
    const bool good = f && !ferror(f) && n < sizeof text;
    if (f)
        (void)fclose(f);
    if (good)
        return linkconf_parse(c, file, text, n);
    (void)snprintf(c->why, sizeof c->why, "%.120s: cannot be read, or is too long", file);
    return false;
}

const struct linkconf_link *linkconf_find(struct linkconf *c, const char *name)
{
    const struct linkconf_link *const l = find(c, name);
    if (!l)
        (void)snprintf(c->why, sizeof c->why, "there is no link %.40s", name);
    return l;
}
