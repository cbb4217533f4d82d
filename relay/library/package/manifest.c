/* manifest.c - says in JSON what was made, and of what (docs/formats.md). */
#include "relay/library/package/manifest.h"

#include "relay/library/package/dash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define MARK_SHOWN (5 * USEC_SEC) /* at least; a chapter lasts until the next */

static bool path_of(char out[4096], const struct build *b, const char *name)
{
    return snprintf(out, 4096, "%s/%s", b->dir, name) < 4096;
}

/* ---- marks.vtt */

struct cue {
    int64_t at;
    json_t *mark; /* the story's */
};

static int by_time(const void *a, const void *b)
{
    const struct cue *const p = a;
    const struct cue *const q = b;
    return (p->at > q->at) - (p->at < q->at);
}

/* Marks within the lesson, in its order; the caller frees. NULL: no memory. */
static struct cue *sorted_marks(const struct build *b, size_t *n)
{
    const size_t all = json_array_size(b->story->marks);
    struct cue *const c = calloc(all + 1, sizeof *c);
    *n = 0;
    for (size_t i = 0; c && i < all; i++) {
        json_t *const m = json_array_get(b->story->marks, i);
        const json_int_t ms = json_integer_value(json_object_get(m, "clock_ms"));
        if (ms >= 0 && ms <= b->tape->end / 1000)
            c[(*n)++] = (struct cue){.at = (int64_t)ms * 1000, .mark = m};
    }
    if (c && *n > 1)
        qsort(c, *n, sizeof *c, by_time);
    return c;
}

static void put_time(FILE *f, int64_t at)
{
    const long long ms = at / 1000;
    (void)fprintf(f, "%02lld:%02lld:%02lld.%03lld", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60,
                  ms % 1000);
}

/* Text of a cue: no line feed of its own, no markup (WebVTT, 4.2.2). */
static void put_words(FILE *f, const char *s)
{
    for (; *s; s++) {
        if (*s == '&')
            (void)fputs("&amp;", f);
        else if (*s == '<')
            (void)fputs("&lt;", f);
        else if (*s == '>')
            (void)fputs("&gt;", f);
        else
            (void)fputc(*s == '\n' || *s == '\r' ? ' ' : *s, f);
    }
}

static void put_marks(FILE *f, const struct build *b, const struct cue *c, size_t n)
{
    (void)fputs("WEBVTT\n", f);
    for (size_t i = 0; i < n; i++) {
        const char *const text = json_string_value(json_object_get(c[i].mark, "text"));
        const char *const kind = json_string_value(json_object_get(c[i].mark, "kind"));
        const int64_t next = i + 1 < n ? c[i + 1].at : b->tape->end;
        (void)fprintf(f, "\n%zu\n", i + 1);
        put_time(f, c[i].at);
        (void)fputs(" --> ", f);
        put_time(f, usec_max(next, c[i].at + (i + 1 < n ? USEC_MS : MARK_SHOWN)));
        (void)fputc('\n', f);
        put_words(f, text && text[0] ? text : kind && kind[0] ? kind : "*");
        (void)fputc('\n', f);
    }
}

static enum err write_marks(const struct build *b)
{
    char path[4096];
    size_t n = 0;
    struct cue *const c = sorted_marks(b, &n);
    if (!c)
        return E_NOMEM;
    FILE *const f = path_of(path, b, "marks.vtt") ? fopen(path, "w") : NULL;
    bool good = f != NULL;
    if (f) {
        put_marks(f, b, c, n);
        good = !ferror(f);
        good = fclose(f) == 0 && good;
    }
    free(c);
    return good ? OK : E_IO;
}

/* ---- manifest.json: jansson's own failures are all one, lack of memory */

static json_t *json_range(const struct webm_range *r)
{
    return json_pack("[I,I]", (json_int_t)r->from, (json_int_t)r->to);
}

static json_t *json_track(const struct build_track *t)
{
    json_t *const j = json_pack(
        "{s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:I, s:o, s:o}", "file",
        t->name, "source", t->source, "site", t->site, "site_number", (int)t->site_no, "layer",
        (int)t->layer, "mime", dash_mime(t), "codec", dash_codec(t), "start_ms",
        (json_int_t)(t->file.start / 1000), "end_ms", (json_int_t)(t->file.end / 1000), "frames",
        (json_int_t)t->file.frames, "bytes", (json_int_t)t->file.bytes, "sha256", t->sha256,
        "bandwidth", (json_int_t)dash_bandwidth(t), "head", json_range(&t->file.head), "index",
        json_range(&t->file.index));
    json_t *const loss =
        json_pack("{s:I, s:I, s:I}", "holes", (json_int_t)t->frames.holes, "broken_frames",
                  (json_int_t)t->frames.broken, "dropped_frames", (json_int_t)t->frames.dropped);
    if (loss)
        (void)json_object_update_new(j, loss);
    if (t->codec == TAPE_OPUS)
        (void)json_object_set_new(j, "channels", json_integer(t->channels));
    else
        (void)json_object_update_new(
            j, json_pack("{s:i, s:i}", "width", (int)t->file.width, "height", (int)t->file.height));
    return j;
}

static json_t *json_tracks(const struct build *b)
{
    json_t *const list = json_array();
    for (size_t i = 0; i < b->tracks; i++)
        if (b->track[i].frames.n > 0)
            (void)json_array_append_new(list, json_track(&b->track[i]));
    return list;
}

static json_t *json_view(const struct build *b, const struct dash_view *v)
{
    json_t *const video = json_array();
    for (size_t i = 0; i < b->tracks; i++)
        if (dash_shows(v, &b->track[i]))
            (void)json_array_append_new(video, json_string(b->track[i].name));
    return json_pack("{s:s, s:s, s:o, s:s?}", "name", v->name, "dash", v->file, "video", video,
                     "audio", v->voice ? v->voice->name : NULL);
}

static json_t *json_stills(const struct build *b)
{
    json_t *const list = json_array();
    for (size_t i = 0; i < b->stills.n; i++) {
        const struct still *const s = &b->stills.still[i];
        (void)json_array_append_new(
            list, json_pack("{s:I, s:s, s:i, s:i}", "at_ms", (json_int_t)(s->at / 1000), "file",
                            s->name, "width", (int)s->width, "height", (int)s->height));
    }
    return list;
}

static const char *gap_reason(uint8_t reason)
{
    static const char *const names[] = {[RECORD_GAP_RESTART] = "restart",
                                        [RECORD_GAP_DISK] = "disk",
                                        [RECORD_GAP_MAILBOX] = "mailbox",
                                        [RECORD_GAP_CUT] = "cut"};
    return reason < ARRAY_LEN(names) && names[reason] ? names[reason] : "unknown";
}

static json_t *json_gaps(const struct build *b)
{
    json_t *const list = json_array();
    for (size_t i = 0; i < b->tape->gaps; i++) {
        const struct tape_gap *const g = &b->tape->gap[i];
        (void)json_array_append_new(
            list, json_pack("{s:s, s:I, s:I, s:I}", "reason", gap_reason(g->gap.reason), "from_ms",
                            (json_int_t)(g->gap.from / 1000), "to_ms", (json_int_t)(g->at / 1000),
                            "lost", (json_int_t)g->gap.lost));
    }
    return list;
}

static json_t *json_journal(const struct build *b)
{
    const struct jreader_stat s = jreader_stat(b->tape->reader);
    return json_pack("{s:I, s:I, s:I, s:i, s:I, s:I, s:b}", "records", (json_int_t)s.records,
                     "bytes", (json_int_t)s.bytes, "skipped_bytes", (json_int_t)s.skipped, "holes",
                     (int)s.holes, "torn_bytes", (json_int_t)s.torn, "ignored",
                     (json_int_t)b->tape->ignored + (json_int_t)b->story->ignored, "closed",
                     (int)b->tape->closed);
}

static json_t *json_marks(const struct build *b)
{
    size_t n = 0;
    struct cue *const c = sorted_marks(b, &n);
    json_t *const list = json_array();
    for (size_t i = 0; c && i < n; i++)
        (void)json_array_append(list, c[i].mark);
    free(c);
    return list;
}

static void rfc3339(char out[40], int64_t wall_us)
{
    const time_t s = (time_t)(wall_us / USEC_SEC);
    struct tm tm;
    out[0] = 0;
    if (!gmtime_r(&s, &tm) || strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        return;
    const size_t n = strlen(out);
    (void)snprintf(out + n, 40 - n, ".%03dZ", (int)(wall_us / 1000 % 1000));
}

/* One file of the folder as it stands there. */
static json_t *json_file(const struct build *b, const char *name, const char *sha256)
{
    char path[4096];
    char sum[BUILD_SHA256];
    struct stat st;
    if (!path_of(path, b, name) || stat(path, &st) != 0)
        return NULL;
    if (!sha256[0] && build_sha256(sum, path) != OK)
        return NULL;
    return json_pack("{s:s, s:I, s:s}", "name", name, "bytes", (json_int_t)st.st_size, "sha256",
                     sha256[0] ? sha256 : sum);
}

static json_t *json_files(const struct build *b, const struct dash_view *view, size_t views)
{
    json_t *const list = json_array();
    bool good = true;
    for (size_t i = 0; i < b->tracks; i++)
        if (b->track[i].frames.n > 0)
            good &=
                !json_array_append_new(list, json_file(b, b->track[i].name, b->track[i].sha256));
    for (size_t i = 0; i < b->stills.n; i++)
        good &= !json_array_append_new(list, json_file(b, b->stills.still[i].name, ""));
    for (size_t i = 0; i < views; i++)
        good &= !json_array_append_new(list, json_file(b, view[i].file, ""));
    good &= !json_array_append_new(list, json_file(b, "marks.vtt", ""));
    if (b->poster)
        good &= !json_array_append_new(list, json_file(b, "poster.jpg", ""));
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *json_views(const struct build *b, json_t *top, const struct dash_view *view,
                          size_t views)
{
    json_t *const list = json_array();
    for (size_t i = 0; i < views; i++) {
        (void)json_array_append_new(list, json_view(b, &view[i]));
        if (view[i].site_no == 0) /* "camera", "slides", "board": what a page looks for first */
            (void)json_object_set_new(top, view[i].name, json_string(view[i].file));
    }
    return list;
}

static json_t *manifest(const struct build *b, const struct dash_view *view, size_t views)
{
    char when[40];
    rfc3339(when, jreader_wall_zero(b->tape->reader));
    json_t *const top =
        json_pack("{s:i, s:s, s:I, s:n, s:n, s:n, s:O?, s:s, s:s?, s:s?}", "version", 1,
                  "recorded_at", when, "duration_ms", (json_int_t)(b->tape->end / 1000), "camera",
                  "slides", "board", "lesson", b->story->lesson, "chapters", "marks.vtt", "poster",
                  b->poster ? "poster.jpg" : NULL, "stills_missing_element", b->no_stills);
    if (!top)
        return NULL;
    const struct {
        const char *key;
        json_t *value;
    } part[] = {{"views", json_views(b, top, view, views)},
                {"tracks", json_tracks(b)},
                {"stills", json_stills(b)},
                {"marks", json_marks(b)},
                {"gaps", json_gaps(b)},
                {"journal", json_journal(b)},
                {"files", json_files(b, view, views)}};
    bool good = true;
    for (size_t i = 0; i < ARRAY_LEN(part); i++)
        good &= json_object_set_new(top, part[i].key, part[i].value) == 0;
    if (good)
        return top;
    json_decref(top);
    return NULL;
}

static enum err write_views(const struct build *b, const struct dash_view *view, size_t views,
                            char failed[BUILD_NAME])
{
    char path[4096];
    for (size_t i = 0; i < views; i++) {
        memcpy(failed, view[i].file, BUILD_NAME);
        const enum err e = path_of(path, b, view[i].file) ? dash_write(path, b, &view[i]) : E_LIMIT;
        if (e != OK)
            return e;
    }
    return OK;
}

static enum err write_json(const struct build *b, const struct dash_view *view, size_t views)
{
    char path[4096];
    json_t *const j = manifest(b, view, views);
    if (!j)
        return E_NOMEM;
    const bool good = path_of(path, b, "manifest.json") &&
                      json_dump_file(j, path, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0;
    json_decref(j);
    return good ? OK : E_IO;
}

enum err manifest_write(const struct build *b, char failed[BUILD_NAME])
{
    static struct dash_view view[DASH_VIEWS];
    const size_t views = dash_views(view, b);
    enum err e = write_views(b, view, views, failed);
    if (e != OK)
        return e;
    (void)snprintf(failed, BUILD_NAME, "marks.vtt");
    e = write_marks(b);
    if (e != OK)
        return e;
    (void)snprintf(failed, BUILD_NAME, "manifest.json");
    return write_json(b, view, views);
}
