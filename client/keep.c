/* keep.c - messages to a journal. */
#include "client/keep.h"

#include "engine/io/clock.h"
#include "engine/io/mailbox.h"
#include "engine/io/thread.h"
#include "engine/journal/journal.h"
#include "engine/wire/rtp.h"

#include <glib.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define BOX 2048 /* packets: a second of everything that a room sends, and more */
#define MAP_EVERY USEC_SEC

enum kind { KEEP_TRACK, KEEP_PACKET, KEEP_END };

struct message {
    enum kind kind;
    size_t stream;
    usec at;
    union {
        struct record_track track;
        struct {
            struct pkt pkt;
            uint8_t bytes[PKT_CAP]; /* of pkt */
        };
    };
};

struct stream {
    uint32_t number; /* in the journal; 0 = not begun */
    uint8_t capture_id;
    usec mapped; /* when the last clock mapping was written */
};

struct keep {
    struct journal *journal;
    struct mailbox *box;
    struct thread *thread;
    const struct log *log;
    struct message out; /* of the sender's side */
    struct message in;  /* of the thread */
    struct stream stream[KEEP_STREAMS];
    bool failing;
};

static void begin_track(struct keep *k, const struct message *m)
{
    struct stream *const s = &k->stream[m->stream];
    enum err e = OK;
    if (s->number)
        e = journal_track_end(k->journal, m->at, s->number);
    *s = (struct stream){.capture_id = m->track.abs_capture_id};
    if (e == OK || e == E_LIMIT)
        e = journal_track(k->journal, m->at, &m->track, &s->number);
    if (e != OK)
        s->number = 0; /* its packets are left out until it begins anew */
}

/* Where a time stamp is in time, by the packet's own capture time. */
static void map_clock(struct keep *k, struct stream *s, const struct message *m)
{
    struct record_sr sr = {.ts = m->pkt.rtp.ts};
    if (s->mapped && m->at - s->mapped < MAP_EVERY)
        return;
    if (!s->capture_id || !rtp_abs_capture(&m->pkt, s->capture_id, &sr.ntp))
        return;
    if (journal_sr(k->journal, m->at, s->number, &sr) == OK)
        s->mapped = m->at;
}

static void write_packet(struct keep *k, const struct message *m)
{
    struct stream *const s = &k->stream[m->stream];
    if (!s->number)
        return;
    map_clock(k, s, m);
    if (journal_pkt(k->journal, m->at, s->number, &m->pkt) != OK)
        k->failing = true; /* a gap in the journal tells of it, journal_stat counts it */
}

static bool take(struct keep *k)
{
    switch (k->in.kind) {
    case KEEP_TRACK:
        begin_track(k, &k->in);
        return true;
    case KEEP_PACKET:
        k->in.pkt.data = k->in.bytes;
        write_packet(k, &k->in);
        return true;
    case KEEP_END:
    default:
        return false;
    }
}

static void tick(struct keep *k)
{
    const bool bad = journal_tick(k->journal, clock_now()) != OK;
    if (bad && !k->failing)
        log_error(k->log, "the room's own copy cannot be written: is the disk full?", "errno=%d",
                  journal_stat(k->journal).last_errno);
    k->failing = bad;
}

static int wait_ms(const struct keep *k)
{
    const usec next = journal_next(k->journal);
    if (next == USEC_NEVER)
        return -1;
    return (int)(usec_max(next - clock_now(), 0) / USEC_MS) + 1;
}

static void body(void *arg)
{
    struct keep *const k = arg;
    struct pollfd p = {.fd = mailbox_fd(k->box), .events = POLLIN};
    for (bool going = true; going;) {
        poll(&p, 1, wait_ms(k));
        while (going && mailbox_recv(k->box, &k->in))
            going = take(k);
        tick(k);
    }
}

enum err keep_new(struct keep **out, const char *dir, const struct log *log)
{
    struct keep *const k = calloc(1, sizeof(*k));
    *out = k;
    if (!k)
        return E_NOMEM;
    k->log = log;
    const struct journal_conf c = {.wall_us = clock_wall_us()};
    enum err e = g_mkdir_with_parents(dir, 0700) == 0 ? OK : E_IO;
    if (e == OK)
        e = journal_open(&k->journal, dir, &c, clock_now());
    if (e == OK)
        e = mailbox_new(&k->box, BOX, sizeof(struct message));
    if (e == OK)
        e = thread_start(&k->thread, "keep", body, k);
    if (e != OK)
        keep_free(out);
    return e;
}

static void send(struct keep *k, enum kind kind, size_t stream, usec at)
{
    k->out.kind = kind;
    k->out.stream = stream;
    k->out.at = at;
    if (mailbox_send(k->box, &k->out) || kind == KEEP_PACKET)
        return;
    /* tracks and the end must arrive; the thread is at work and makes room */
    struct pollfd wait = {.fd = -1};
    do {
        mailbox_wake(k->box);
        poll(&wait, 1, 1);
    } while (!mailbox_send(k->box, &k->out));
}

void keep_free(struct keep **pk)
{
    struct keep *const k = *pk;
    if (!k)
        return;
    if (k->thread) {
        send(k, KEEP_END, 0, clock_now());
        mailbox_wake(k->box);
        thread_join(&k->thread);
    }
    mailbox_free(&k->box);
    journal_free(&k->journal);
    free(k);
    *pk = NULL;
}

void keep_track(struct keep *k, size_t i, const struct record_track *t)
{
    assert(i < KEEP_STREAMS);
    k->out.track = *t;
    send(k, KEEP_TRACK, i, clock_now());
    mailbox_wake(k->box);
}

void keep_packet(struct keep *k, size_t i, const struct pkt *p)
{
    assert(i < KEEP_STREAMS);
    k->out.pkt = *p;
    k->out.pkt.pool = NULL;
    k->out.pkt.next = NULL;
    memcpy(k->out.bytes, p->data, p->len);
    send(k, KEEP_PACKET, i, p->at);
}

void keep_wake(struct keep *k)
{
    mailbox_wake(k->box);
}

uint64_t keep_refused(const struct keep *k)
{
    return mailbox_refused(k->box);
}
