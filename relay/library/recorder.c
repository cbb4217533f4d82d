/* recorder.c - reads taps and commands, feeds journals, sends packets home. */
#include "relay/library/recorder.h"

#include "engine/base/table.h"
#include "engine/io/clock.h"
#include "engine/io/loop.h"
#include "engine/io/mailbox.h"
#include "engine/io/thread.h"
#include "engine/journal/journal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS 4096u
#define NOTES 256u
#define BATCH 1024u /* messages of one tap before others have their turn */
#define RETRY USEC_SEC
#define TAG_COMMANDS RECORDER_WORKERS

enum order { ORDER_OPEN, ORDER_EVENT, ORDER_CLOSE, ORDER_STOP };

/* From control. The receiver frees lesson and json. */
struct command {
    enum order order;
    room_id room;
    usec at;
    struct recorder_lesson *lesson;
    char *json;
};

struct lesson {
    struct recorder_lesson conf;
    struct journal *journal; /* NULL: not open yet */
    usec retry_at;           /* to open it */
    uint32_t missed;         /* messages that came before it could be opened */
    bool failing;
    bool closing;
    usec closed_at;
};

/* A stream as a hub named it. */
struct stream {
    room_id room;
    struct tap_open open;
    usec opened_at;
    const struct journal *journal; /* that `number` is of; NULL: not in one yet */
    uint32_t number;
};

struct key {
    uint32_t worker;
    uint32_t track;
};

struct recorder {
    struct recorder_conf conf;
    struct log log;
    struct thread *thread;
    struct loop loop;
    struct mailbox *commands, *notes;
    struct table lessons; /* room_id -> struct lesson */
    struct table streams; /* struct key -> struct stream */
    bool stopping;
    struct recorder_note held[NOTES]; /* that found the mailbox full */
    size_t held_n;
    pthread_mutex_t lock; /* of `shown` */
    struct recorder_stat shown;
    struct recorder_stat stat;
};

/* ---- notes */

static void send_held(struct recorder *r)
{
    size_t sent = 0;
    while (sent < r->held_n && mailbox_send(r->notes, &r->held[sent]))
        sent++;
    r->held_n -= sent;
    memmove(r->held, r->held + sent, r->held_n * sizeof r->held[0]);
    if (sent)
        mailbox_wake(r->notes);
}

/* Nobody reads notes for so long that even this is full: the oldest goes. */
static void tell(struct recorder *r, enum recorder_note_kind kind, room_id room, int error)
{
    if (r->held_n == NOTES)
        memmove(r->held, r->held + 1, --r->held_n * sizeof r->held[0]);
    r->held[r->held_n++] = (struct recorder_note){.kind = kind, .room = room, .error = error};
    send_held(r);
}

/* ---- lessons */

static struct lesson *lesson_of(const struct recorder *r, room_id room)
{
    return table_get(&r->lessons, &room);
}

static void trouble(struct recorder *r, struct lesson *l, int error)
{
    r->stat.errors++;
    if (l->failing)
        return;
    l->failing = true;
    log_error(&r->log, "the recording cannot be written: make room on the disk",
              "room=%u dir=%s error=\"%s\"", (unsigned)l->conf.room, l->conf.dir, strerror(error));
    tell(r, RECORDER_FAILED, l->conf.room, error);
}

static void well(struct recorder *r, struct lesson *l)
{
    if (!l->failing)
        return;
    l->failing = false;
    log_info(&r->log, "the recording is written again", "room=%u", (unsigned)l->conf.room);
    tell(r, RECORDER_WELL, l->conf.room, 0);
}

/* What was missed while the journal could not be opened. */
static void tell_missed(struct lesson *l, usec now)
{
    const struct record_gap g = {.reason = RECORD_GAP_DISK,
                                 .lost = l->missed,
                                 .from = journal_clock(l->journal, l->conf.at)};
    if (l->missed > 0 && journal_gap(l->journal, now, &g) == OK)
        l->missed = 0;
}

static void try_open(struct recorder *r, struct lesson *l, usec now)
{
    const struct journal_conf c = {.clock = l->conf.clock + (now - l->conf.at),
                                   .wall_us = clock_wall_us()};
    const enum err e = journal_open(&l->journal, l->conf.dir, &c, now);
    if (e != OK) {
        const int error = e == E_NOMEM ? ENOMEM : e == E_STATE ? EBUSY : errno;
        l->retry_at = now + RETRY;
        trouble(r, l, error);
        return;
    }
    tell_missed(l, now);
    well(r, l);
    const struct journal_stat s = journal_stat(l->journal);
    log_info(&r->log, s.resumed ? "a recording goes on" : "a recording begins",
             "room=%u dir=%s cut=%llu", (unsigned)l->conf.room, l->conf.dir,
             (unsigned long long)s.cut);
}

static void begin_lesson(struct recorder *r, const struct recorder_lesson *conf, usec now)
{
    if (lesson_of(r, conf->room))
        return; /* it is open */
    struct lesson *const l = calloc(1, sizeof *l);
    if (l)
        l->conf = *conf;
    if (!l || table_put(&r->lessons, &conf->room, l) != OK) {
        free(l);
        log_error(&r->log, "a lesson is not recorded: no memory", "room=%u", (unsigned)conf->room);
        tell(r, RECORDER_FAILED, conf->room, ENOMEM);
        return;
    }
    try_open(r, l, now);
}

static void forget_streams(struct recorder *r, const struct journal *j)
{
    size_t at = 0;
    for (struct stream *s; (s = table_each(&r->streams, &at));)
        if (s->journal == j)
            s->journal = NULL;
}

static void end_lesson(struct recorder *r, struct lesson *l)
{
    const room_id room = l->conf.room;
    log_info(&r->log, "a recording is complete", "room=%u bytes=%llu", (unsigned)room,
             (unsigned long long)journal_stat(l->journal).bytes);
    forget_streams(r, l->journal);
    journal_free(&l->journal);
    (void)table_del(&r->lessons, &room);
    free(l);
    tell(r, RECORDER_CLOSED, room, 0);
}

/* Tried until the disk has everything. */
static void try_close(struct recorder *r, struct lesson *l, usec now)
{
    if (l->closed_at != USEC_NEVER && journal_end(l->journal, l->closed_at) == OK)
        l->closed_at = USEC_NEVER; /* its record is in the buffer */
    if (l->closed_at == USEC_NEVER && journal_flush(l->journal, now) == OK) {
        end_lesson(r, l);
        return;
    }
    l->retry_at = now + RETRY;
    trouble(r, l, journal_stat(l->journal).last_errno);
}

/* ---- what control says */

static void take_event(const struct recorder *r, const struct command *c)
{
    struct lesson *const l = lesson_of(r, c->room);
    if (!l)
        return;
    const bool kept =
        l->journal && journal_event(l->journal, c->at, c->json, strlen(c->json)) == OK;
    if (!kept && !l->journal)
        l->missed++;
}

static void take_command(struct recorder *r, struct command *c, usec now)
{
    struct lesson *const l = lesson_of(r, c->room);
    switch (c->order) {
    case ORDER_OPEN:
        begin_lesson(r, c->lesson, now);
        break;
    case ORDER_EVENT:
        take_event(r, c);
        break;
    case ORDER_CLOSE:
        if (!l || l->closing)
            break;
        l->closing = true;
        l->closed_at = c->at;
        l->retry_at = now; /* after what the taps still hold */
        break;
    case ORDER_STOP:
        r->stopping = true;
        break;
    }
    free(c->lesson);
    free(c->json);
}

/* ---- what hubs say */

/* What the disk does not take is counted by the journal, and a gap tells of it. */
static void counted(enum err e)
{
    (void)e;
}

static const char *codec_name(uint8_t codec)
{
    switch ((enum nego_codec)codec) {
    case NEGO_OPUS:
        return "opus";
    case NEGO_VP8:
        return "VP8";
    case NEGO_VP9:
        return "VP9";
    case NEGO_NONE:
    default:
        return "";
    }
}

static const char *source_name(uint8_t source)
{
    static const char *const names[SRC_COUNT] = {[SRC_VOICE] = "voice",
                                                 [SRC_CAMERA] = "camera",
                                                 [SRC_SLIDES] = "slides",
                                                 [SRC_BOARD] = "board",
                                                 [SRC_CLASS] = "class"};
    return source < SRC_COUNT ? names[source] : "";
}

static struct record_track describe(const struct lesson *l, const struct tap_open *o)
{
    struct record_track t = {.site_no = o->site,
                             .layer = o->layer,
                             .pt = o->pt,
                             .clock_rate = o->clock_rate,
                             .ssrc = o->ssrc,
                             .abs_capture_id = o->abs_capture_id,
                             .level_id = o->level_id,
                             .channels = o->codec == NEGO_OPUS ? 2 : 0};
    (void)snprintf(t.codec, sizeof t.codec, "%s", codec_name(o->codec));
    (void)snprintf(t.source, sizeof t.source, "%s", source_name(o->source));
    if (o->site < l->conf.sites)
        memcpy(t.site, l->conf.site[o->site], sizeof t.site);
    return t;
}

static void take_track(struct recorder *r, const struct key *k, const struct tap_msg *m)
{
    struct stream *s = table_get(&r->streams, k);
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s || table_put(&r->streams, k, s) != OK) {
            free(s);
            log_error(&r->log, "a stream is not recorded: no memory", "room=%u", (unsigned)m->room);
            return;
        }
    }
    *s = (struct stream){.room = m->room, .open = m->open, .opened_at = m->at};
}

/* The stream is in its lesson's journal, now if not before. */
static struct lesson *enlisted(struct recorder *r, struct stream *s)
{
    struct lesson *const l = lesson_of(r, s->room);
    if (!l)
        return NULL;
    if (!l->journal) {
        l->missed++;
        return NULL;
    }
    if (s->journal != l->journal) {
        const struct record_track t = describe(l, &s->open);
        if (journal_track(l->journal, s->opened_at, &t, &s->number) != OK)
            return NULL;
        s->journal = l->journal;
    }
    return l;
}

static void take_end(struct recorder *r, const struct key *k, usec at)
{
    struct stream *const s = table_del(&r->streams, k);
    struct lesson *const l = s ? lesson_of(r, s->room) : NULL;
    /* an end that the disk does not take is missed by nobody */
    if (l && l->journal && s->journal == l->journal)
        counted(journal_track_end(l->journal, at, s->number));
    free(s);
}

static void take_gap(struct recorder *r, const struct tap_msg *m)
{
    size_t at = 0;
    r->stat.missed += m->lost;
    for (struct lesson *l; (l = table_each(&r->lessons, &at));) {
        if (!l->journal || (m->room != 0 && m->room != l->conf.room))
            continue;
        const struct record_gap g = {.reason = RECORD_GAP_MAILBOX,
                                     .lost = m->lost,
                                     .from = journal_clock(l->journal, m->at)};
        counted(journal_gap(l->journal, m->at, &g)); /* refused ones are counted by the journal */
    }
}

static void take_packet(struct recorder *r, const struct key *k, const struct tap_msg *m)
{
    struct stream *const s = table_get(&r->streams, k);
    struct lesson *const l = s ? enlisted(r, s) : NULL;
    if (!l)
        r->stat.strays++;
    else if (journal_pkt(l->journal, m->at, s->number, m->pkt) == OK)
        r->stat.packets++;
}

static void take_report(struct recorder *r, const struct key *k, const struct tap_msg *m)
{
    struct stream *const s = table_get(&r->streams, k);
    struct lesson *const l = s ? enlisted(r, s) : NULL;
    const struct record_sr sr = {.ntp = m->sr.ntp, .ts = m->sr.ts};
    if (l)
        counted(journal_sr(l->journal, m->at, s->number, &sr)); /* another follows in seconds */
}

static void take_tap(struct recorder *r, uint32_t worker, struct tap_msg *m)
{
    const struct key k = {.worker = worker, .track = m->track};
    switch (m->kind) {
    case TAP_TRACK:
        take_track(r, &k, m);
        break;
    case TAP_RTP:
        take_packet(r, &k, m);
        worker_home(r->conf.worker[worker], m->pkt);
        break;
    case TAP_SR:
        take_report(r, &k, m);
        break;
    case TAP_END:
        take_end(r, &k, m->at);
        break;
    case TAP_GAP:
        take_gap(r, m);
        break;
    }
}

/* True: there is more. */
static bool drain_tap(struct recorder *r, uint32_t worker)
{
    struct tap_msg m;
    unsigned n = 0;
    while (n < BATCH && worker_tap(r->conf.worker[worker], &m)) {
        take_tap(r, worker, &m);
        n++;
    }
    if (n > 0)
        worker_home_wake(r->conf.worker[worker]);
    return n == BATCH;
}

static bool drain_taps(struct recorder *r)
{
    bool more = false;
    for (uint32_t i = 0; i < r->conf.workers; i++)
        more |= drain_tap(r, i);
    return more;
}

/* ---- the thread */

static void drain_commands(struct recorder *r, usec now)
{
    struct command c;
    while (mailbox_recv(r->commands, &c))
        take_command(r, &c, now);
}

static void tick_lesson(struct recorder *r, struct lesson *l, usec now)
{
    if (!l->journal && now >= l->retry_at)
        try_open(r, l, now);
    if (!l->journal || now < journal_next(l->journal))
        return;
    if (journal_tick(l->journal, now) != OK)
        trouble(r, l, journal_stat(l->journal).last_errno);
    else if (journal_stat(l->journal).last_errno == 0)
        well(r, l);
}

/* One lesson that is closing and due; a round ends at most one, since that changes the table. */
static struct lesson *closing(struct recorder *r, usec now)
{
    size_t at = 0;
    for (struct lesson *l; (l = table_each(&r->lessons, &at));)
        if (l->closing && l->journal && now >= l->retry_at)
            return l;
    return NULL;
}

static void tick(struct recorder *r, usec now)
{
    size_t at = 0;
    for (struct lesson *l; (l = table_each(&r->lessons, &at));)
        tick_lesson(r, l, now);
    for (struct lesson *l; (l = closing(r, now));)
        try_close(r, l, now);
    r->stat.worst_us = usec_max(r->stat.worst_us, clock_now() - now);
    if (r->held_n > 0)
        send_held(r);
}

static usec next(const struct recorder *r, usec now)
{
    usec t = r->held_n > 0 ? now + RETRY : USEC_NEVER;
    size_t at = 0;
    for (const struct lesson *l; (l = table_each(&r->lessons, &at));) {
        if (l->journal)
            t = usec_min(t, journal_next(l->journal));
        if (!l->journal || l->closing)
            t = usec_min(t, l->retry_at);
    }
    return t;
}

static void show_stat(struct recorder *r)
{
    struct recorder_stat *const s = &r->stat;
    size_t at = 0;
    s->bytes = s->dropped = 0;
    s->lessons = s->failing = 0;
    for (const struct lesson *l; (l = table_each(&r->lessons, &at));) {
        const struct journal_stat j =
            l->journal ? journal_stat(l->journal) : (struct journal_stat){0};
        s->bytes += j.bytes;
        s->dropped += j.dropped + l->missed;
        s->lessons++;
        s->failing += l->failing;
    }
    (void)pthread_mutex_lock(&r->lock);
    r->shown = *s;
    (void)pthread_mutex_unlock(&r->lock);
}

static void body(void *arg)
{
    struct recorder *const r = arg;
    while (!r->stopping) {
        struct loop_ready ready[RECORDER_WORKERS + 1];
        usec now = clock_now();
        r->log.wall_us = clock_wall_us();
        drain_commands(r, now);
        const bool more = drain_taps(r);
        now = clock_now();
        tick(r, now);
        show_stat(r);
        const usec until = more || r->stopping ? now : next(r, now);
        (void)loop_wait(&r->loop, now, until, ready, ARRAY_LEN(ready));
    }
    bool more = true;
    while (more)
        more = drain_taps(r);
    tick(r, clock_now()); /* closes what is to be closed */
}

/* ---- life */

static enum err prepare(struct recorder *r)
{
    enum err e = loop_init(&r->loop);
    if (e == OK)
        e = mailbox_new(&r->commands, COMMANDS, sizeof(struct command));
    if (e == OK)
        e = mailbox_new(&r->notes, NOTES, sizeof(struct recorder_note));
    if (e == OK)
        e = loop_set(&r->loop, mailbox_fd(r->commands), LOOP_READ, TAG_COMMANDS);
    for (size_t i = 0; e == OK && i < r->conf.workers; i++)
        e = loop_set(&r->loop, worker_tap_fd(r->conf.worker[i]), LOOP_READ, i);
    return e;
}

static void release(struct recorder **rp)
{
    struct recorder *const r = *rp;
    *rp = NULL;
    struct command c;
    while (r->commands && mailbox_recv(r->commands, &c)) {
        free(c.lesson);
        free(c.json);
    }
    size_t at = 0;
    for (struct lesson *l; (l = table_each(&r->lessons, &at)); free(l))
        journal_free(&l->journal);
    at = 0;
    for (struct stream *s; (s = table_each(&r->streams, &at));)
        free(s);
    table_fini(&r->lessons);
    table_fini(&r->streams);
    mailbox_free(&r->commands);
    mailbox_free(&r->notes);
    loop_fini(&r->loop);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

enum err recorder_start(struct recorder **out, const struct recorder_conf *c)
{
    assert(c->workers <= RECORDER_WORKERS);
    struct recorder *r = calloc(1, sizeof *r);
    if (!r)
        return E_NOMEM;
    r->conf = *c;
    r->log = (struct log){.fd = c->log_fd, .level = c->level, .part = "recorder"};
    r->loop.epoll = -1;
    (void)pthread_mutex_init(&r->lock, NULL);
    /* keys are numbers of our own making: no seed is needed */
    table_init(&r->lessons, sizeof(room_id), 1);
    table_init(&r->streams, sizeof(struct key), 1);
    enum err e = prepare(r);
    if (e == OK)
        e = thread_start(&r->thread, "recorder", body, r);
    if (e != OK) {
        const int saved = errno;
        release(&r);
        errno = saved;
        return e;
    }
    *out = r;
    return OK;
}

void recorder_stop(struct recorder **rp)
{
    struct recorder *const r = *rp;
    if (!r)
        return;
    const struct command stop = {.order = ORDER_STOP};
    while (!mailbox_send(r->commands, &stop))
        (void)sched_yield(); /* full: the thread is at work on it */
    mailbox_wake(r->commands);
    thread_join(&r->thread);
    release(rp);
}

/* ---- control's side */

static bool post(struct recorder *r, struct command *c)
{
    if (!mailbox_send(r->commands, c)) {
        free(c->lesson);
        free(c->json);
        return false;
    }
    mailbox_wake(r->commands);
    return true;
}

bool recorder_open(struct recorder *r, const struct recorder_lesson *l)
{
    struct command c = {.order = ORDER_OPEN, .room = l->room, .lesson = malloc(sizeof *l)};
    if (!c.lesson)
        return false;
    *c.lesson = *l;
    return post(r, &c);
}

bool recorder_event(struct recorder *r, room_id room, usec at, const char *json)
{
    struct command c = {.order = ORDER_EVENT, .room = room, .at = at, .json = strdup(json)};
    return c.json && post(r, &c);
}

bool recorder_close(struct recorder *r, room_id room, usec at)
{
    struct command c = {.order = ORDER_CLOSE, .room = room, .at = at};
    return post(r, &c);
}

bool recorder_note(struct recorder *r, struct recorder_note *n)
{
    return mailbox_recv(r->notes, n);
}

int recorder_note_fd(const struct recorder *r)
{
    return mailbox_fd(r->notes);
}

void recorder_stat(struct recorder *r, struct recorder_stat *out)
{
    (void)pthread_mutex_lock(&r->lock);
    *out = r->shown;
    (void)pthread_mutex_unlock(&r->lock);
}
