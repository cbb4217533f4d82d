/* recordings.c - control's side of recording: which lesson is written where, and what becomes of a
 * journal that is whole. */
#include "relay/control/core.h"

#include <stdlib.h>
#include <string.h>

/* The place of the recording in the library, from the first second on. */
static void begin_resource(struct control *c, struct live *v)
{
    struct resource res = {.state = RES_RECORDING, .recorded_at = v->l->started_at};
    if (v->l->resource[0])
        return;
    memcpy(res.id, v->l->id, sizeof res.id);
    memcpy(res.lesson, v->l->id, sizeof res.lesson);
    if (catalogue_resource_save(c->conf.catalogue, &res) == OK)
        memcpy(v->l->resource, res.id, sizeof res.id);
    else
        log_error(c->log, "the recording has no place in the catalogue yet", "lesson=%s", v->l->id);
}

bool recordings_open(struct control *c, struct live *v)
{
    if (!c->conf.recorder || !v->l->record || v->recording || v->l->state != LESSON_RUNNING)
        return true;
    struct recorder_lesson *const l = calloc(1, sizeof *l);
    if (!l)
        return false;
    l->room = v->l->room;
    text_put(l->dir, sizeof l->dir, "%s/%s", c->conf.journal_dir, v->l->id);
    l->clock = lesson_clock(v->l, c->now) * USEC_MS;
    l->at = c->now;
    l->sites = v->l->sites;
    for (size_t i = 0; i < l->sites; i++)
        text_put(l->site[i], sizeof l->site[i], "%s", v->l->site[i].id);
    const bool taken = recorder_open(c->conf.recorder, l);
    free(l);
    if (!taken)
        return false;
    v->recording = v->l->room;
    begin_resource(c, v);
    return true;
}

/* As in the event stream, with the event's name. */
static char *text_of(const json_t *row)
{
    char at[TIME_TEXT];
    json_t *const j =
        json_pack("{s:O, s:O, s:s, s:O, s:O}", "event", json_object_get(row, "kind"), "id",
                  json_object_get(row, "id"), "at",
                  text_time(json_integer_value(json_object_get(row, "at_ms")), at), "clock_ms",
                  json_object_get(row, "clock_ms"), "by", json_object_get(row, "by"));
    if (j)
        (void)json_object_update_missing(j, json_object_get(row, "data"));
    char *const text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    return text;
}

void recordings_event(struct control *c, struct live *v, const json_t *row)
{
    if (!v->recording)
        return;
    char *const text = text_of(row);
    if (!text || !recorder_event(c->conf.recorder, v->recording, c->now, text))
        log_error(c->log, "an event is missing in the journal", "lesson=%s event=%lld", v->l->id,
                  (long long)json_integer_value(json_object_get(row, "id")));
    free(text);
}

void recordings_close(struct control *c, struct live *v)
{
    if (!v->recording || recorder_close(c->conf.recorder, v->recording, c->now))
        v->close_due = false;
    else
        v->close_due = true;
}

void recordings_retry(struct control *c)
{
    size_t at = 0;
    for (struct live *v; c->conf.recorder && (v = table_each(&c->lives, &at));) {
        if (v->close_due)
            recordings_close(c, v);
        if (v->l->room && !v->recording && v->l->state == LESSON_RUNNING && v->l->record &&
            recordings_open(c, v))
            rooms_state(c, v);
    }
}

bool recordings_due(struct control *c)
{
    size_t at = 0;
    for (const struct live *v; c->conf.recorder && (v = table_each(&c->lives, &at));)
        if (v->close_due ||
            (v->l->room && !v->recording && v->l->state == LESSON_RUNNING && v->l->record))
            return true;
    return false;
}

static struct live *recorded(struct control *c, room_id room)
{
    size_t at = 0;
    for (struct live *v; (v = table_each(&c->lives, &at));)
        if (v->recording == room)
            return v;
    return NULL;
}

static void closed(struct control *c, struct live *v)
{
    v->recording = 0;
    begin_resource(c, v);
    log_info(c->log, "the journal is whole", "lesson=%s", v->l->id);
    if (c->conf.packager && v->l->resource[0])
        packager_add(c->conf.packager, v->l->resource);
}

void recordings_notes(struct control *c)
{
    struct recorder_note n;
    while (c->conf.recorder && recorder_note(c->conf.recorder, &n)) {
        struct live *const v = recorded(c, n.room);
        if (!v)
            continue;
        switch (n.kind) {
        case RECORDER_CLOSED:
            closed(c, v);
            break;
        case RECORDER_FAILED:
            log_error(c->log, "the recording is not written: free some disk space, then it goes on",
                      "lesson=%s why=\"%s\"", v->l->id, strerror(n.error));
            break;
        case RECORDER_WELL:
            log_info(c->log, "the recording is written again", "lesson=%s", v->l->id);
            break;
        }
    }
}
