/* show.c - decode, read the burnt-in time, show. */
#include "client/show.h"

#include "client/timecode.h"
#include "codecs/vp9_dec.h"
#include "engine/io/clock.h"
#include "engine/io/mailbox.h"
#include "engine/io/thread.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES 16
#define NOTES 128
#define BURNT_MOST 60000 /* ms; a strip that says more is not of this lesson */

struct job {
    struct vp8frame frame; /* data points behind this struct */
    int64_t wall_us;
    usec put_at;
    uint8_t data[];
};

struct show {
    struct screen *screen;
    size_t tile;
    struct mailbox *in;  /* of struct job *; NULL as message ends the thread */
    struct mailbox *out; /* of struct show_note */
    struct thread *thread;
    struct vp8dec *dec;
    struct vp9dec *vp9;
    bool is_vp9; /* the newest frame */
    bool gap;    /* frames were left out before the next one */
};

static void measure(struct show_note *n, const struct i420 *pic, int64_t capture, int64_t wall)
{
    int64_t ms;
    if (capture) {
        n->has_delay = true;
        n->delay_ms = (int32_t)((wall - capture) / 1000);
    }
    if (!timecode_read(pic, &ms))
        return;
    const int64_t burnt = wall / 1000 - ms;
    n->has_burnt = burnt > -BURNT_MOST && burnt < BURNT_MOST;
    n->burnt_ms = (int32_t)burnt;
    n->burnt_at = ms;
}

/* Each codec by its own decoder; where one takes over it begins with a key frame. */
static enum vp8dec_result decode(struct show *s, const struct vp8frame *f, struct i420 *pic)
{
    if (f->vp9 && !s->is_vp9)
        vp9dec_forget(s->vp9);
    if (!f->vp9 && s->is_vp9)
        vp8dec_forget(s->dec);
    s->is_vp9 = f->vp9;
    return f->vp9 ? vp9dec_put(s->vp9, f, pic) : vp8dec_put(s->dec, f, pic);
}

static void do_job(struct show *s, const struct job *j)
{
    struct i420 pic;
    struct show_note n = {0};
    const enum vp8dec_result r = decode(s, &j->frame, &pic);
    if (r == VP8DEC_PICTURE) {
        n.at = clock_now();
        n.took = n.at - j->put_at;
        screen_put(s->screen, s->tile, &pic, n.at);
        n.shown = true;
        n.width = (unsigned)pic.width;
        n.height = (unsigned)pic.height;
        measure(&n, &pic, j->wall_us, clock_wall_us());
    }
    n.wants_key = s->is_vp9 ? vp9dec_wants_key(s->vp9) : vp8dec_wants_key(s->dec);
    if (mailbox_send(s->out, &n))
        mailbox_wake(s->out);
}

static void body(void *arg)
{
    struct show *const s = arg;
    struct pollfd p = {.fd = mailbox_fd(s->in), .events = POLLIN};
    for (bool going = true; going;) {
        struct job *j;
        poll(&p, 1, -1);
        while (going && mailbox_recv(s->in, &j)) {
            going = j != NULL;
            if (j)
                do_job(s, j);
            free(j);
        }
    }
}

enum err show_new(struct show **out, struct screen *screen, size_t tile)
{
    struct show *const s = calloc(1, sizeof(*s));
    *out = s;
    if (!s)
        return E_NOMEM;
    s->screen = screen;
    s->tile = tile;
    enum err e = vp8dec_new(&s->dec, 1);
    if (e == OK)
        e = vp9dec_new(&s->vp9, 1);
    if (e == OK)
        e = mailbox_new(&s->in, FRAMES, sizeof(struct job *));
    if (e == OK)
        e = mailbox_new(&s->out, NOTES, sizeof(struct show_note));
    if (e == OK)
        e = thread_start(&s->thread, "show", body, s);
    if (e != OK)
        show_free(out);
    return e;
}

/* The queue may be full for a moment: its reader is at work and will make room. */
static void end_thread(struct show *s)
{
    struct job *const none = NULL;
    const struct pollfd nothing = {.fd = -1};
    struct pollfd wait = nothing;
    while (!mailbox_send(s->in, &none))
        poll(&wait, 1, 1);
    mailbox_wake(s->in);
    thread_join(&s->thread);
}

void show_free(struct show **ps)
{
    struct show *const s = *ps;
    if (!s)
        return;
    if (s->thread)
        end_thread(s);
    for (struct job *j; s->in && mailbox_recv(s->in, &j);)
        free(j);
    mailbox_free(&s->in);
    mailbox_free(&s->out);
    vp8dec_free(&s->dec);
    vp9dec_free(&s->vp9);
    free(s);
    *ps = NULL;
}

void show_put(struct show *s, const struct vp8frame *f, int64_t wall_us)
{
    struct job *const j = malloc(sizeof(*j) + f->len);
    if (j) {
        j->frame = *f;
        j->frame.data = j->data;
        j->frame.gap = f->gap || s->gap;
        j->wall_us = wall_us;
        j->put_at = clock_now();
        memcpy(j->data, f->data, f->len);
    }
    s->gap = !j || !mailbox_send(s->in, &j);
    if (s->gap)
        free(j);
    mailbox_wake(s->in);
}

int show_fd(const struct show *s)
{
    return mailbox_fd(s->out);
}

bool show_told(struct show *s, struct show_note *n)
{
    return mailbox_recv(s->out, n);
}
