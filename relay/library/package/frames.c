/* frames.c - joins packets, and follows the chain of temporal base frames over losses. */
#include "relay/library/package/frames.h"

#include "engine/wire/opus.h"
#include "engine/wire/vp8.h"
#include "engine/wire/vp9.h"

#include <stdlib.h>

#define PACKETS_MAX 4096u /* of one frame */

/* What a packet's descriptor says, of either codec. */
struct part {
    size_t off; /* bytes before the codec's own */
    bool start;
    bool key;
    bool has_tl0;
    bool has_pid;
    uint8_t sid;
    uint8_t tid;
    uint8_t tl0;
    uint16_t pid;
    uint16_t pid_mask;
    bool sync; /* needs the base layer only */
};

static bool part_vp8(struct part *a, const struct tape_packet *p)
{
    struct vp8_desc d;
    if (!vp8_desc_parse(p->body, p->len, &d))
        return false;
    *a = (struct part){.off = d.len,
                       .start = vp8_starts_frame(&d),
                       .key = vp8_starts_key(p->body, p->len, &d),
                       .has_tl0 = d.has_tl0,
                       .has_pid = d.has_pid,
                       .tid = d.tid,
                       .tl0 = d.tl0picidx,
                       .pid = d.picture_id,
                       .pid_mask = vp8_pid_mask(&d),
                       .sync = d.sync};
    return true;
}

static bool part_vp9(struct part *a, const struct tape_packet *p)
{
    struct vp9_desc d;
    if (!vp9_desc_parse(p->body, p->len, &d))
        return false;
    *a = (struct part){.off = d.len,
                       .start = d.start && (!d.has_layers || d.sid == 0),
                       .key = vp9_starts_key(&d),
                       .sid = d.sid,
                       .has_tl0 = d.has_tl0,
                       .has_pid = d.has_pid,
                       .tid = d.tid,
                       .tl0 = d.tl0picidx,
                       .pid = d.picture_id,
                       .pid_mask = vp9_pid_mask(&d),
                       .sync = d.switch_up};
    return true;
}

static bool part_read(struct part *a, enum tape_codec codec, const struct tape_packet *p)
{
    if (codec == TAPE_VP8)
        return part_vp8(a, p);
    return codec == TAPE_VP9 && part_vp9(a, p);
}

/* Whether a decoder can take the next frame, after what it was given before. */
struct chain {
    bool ready;       /* a key frame came, and all base frames since */
    bool upper_whole; /* frames of upper layers may be given */
    uint8_t tl0;
    uint16_t pid;
};

static bool chain_gap(const struct chain *c, const struct part *a, bool missing)
{
    if (a->has_pid)
        return ((a->pid - c->pid) & a->pid_mask) != 1;
    return missing;
}

/* `missing`: packets are missing since the frame before. */
static bool chain_take(struct chain *c, const struct part *a, bool missing)
{
    const bool gap = c->ready && chain_gap(c, a, missing);
    if (a->key) {
        c->ready = c->upper_whole = true;
    } else if (!c->ready) {
        return false;
    } else if (!a->has_tl0) {
        c->ready = !gap; /* nothing tells which frame was needed */
    } else if (a->tid == 0) {
        c->ready = (uint8_t)(a->tl0 - c->tl0) == 1;
        c->upper_whole &= !gap;
    } else {
        c->upper_whole = ((c->upper_whole && !gap) || a->sync) && a->tl0 == c->tl0;
    }
    if (!c->ready)
        return false;
    c->pid = a->pid;
    if (a->tid == 0)
        c->tl0 = a->tl0;
    return a->key || a->tid == 0 || c->upper_whole;
}

static enum err add(struct frames *f, const struct frame *one)
{
    if (f->n == f->cap) {
        const size_t cap = f->cap ? f->cap * 2 : 1024;
        struct frame *const p = realloc(f->frame, cap * sizeof *p);
        if (!p)
            return E_NOMEM;
        f->frame = p;
        f->cap = cap;
    }
    f->frame[f->n++] = *one;
    return OK;
}

/* One frame in the making. */
struct join {
    const struct tape_packet *first; /* NULL: none */
    struct part head;
    uint32_t packets;
    uint32_t bytes;
    uint8_t layers;
    uint8_t sid;  /* of the newest */
    bool missing; /* packets before it */
};

static enum err finish(struct frames *f, const struct tape *t, const struct tape_stream *s,
                       struct join *j, struct chain *c, int64_t until)
{
    const struct tape_packet *const first = j->first;
    j->first = NULL;
    const bool missing = j->missing;
    j->missing = false;
    if (!chain_take(c, &j->head, missing)) {
        f->dropped++;
        return OK;
    }
    if (missing)
        f->holes++;
    struct frame one = {.at = tape_time(t, s, first),
                        .packet = first,
                        .packets = j->packets,
                        .bytes = j->bytes,
                        .layers = j->layers,
                        .key = j->head.key};
    uint8_t tail[FRAMES_TAIL_MAX];
    one.bytes += (uint32_t)frames_tail(f->codec, &one, tail);
    /* frames are in the order in which they must be decoded: time may not go back */
    if (f->n > 0 && one.at <= f->frame[f->n - 1].at)
        one.at = f->frame[f->n - 1].at + USEC_MS;
    if (one.at >= until) {
        c->ready = false; /* the stream that follows has begun */
        return OK;
    }
    return add(f, &one);
}

static void give_up(struct frames *f, struct join *j)
{
    if (j->first)
        f->broken++;
    j->first = NULL;
    j->missing = true;
}

/* False: the packet is of no use where it stands. */
static bool join_packet(struct frames *f, struct join *j, const struct tape_packet *p)
{
    struct part a;
    if (!part_read(&a, f->codec, p)) {
        give_up(f, j);
        return false;
    }
    const bool goes_on = j->first && p->ts == j->first->ts && j->packets < PACKETS_MAX;
    if (!goes_on && j->first)
        give_up(f, j); /* its last packet never came */
    if (!j->first && !a.start) {
        give_up(f, j);
        return false;
    }
    if (!j->first) {
        j->first = p;
        j->head = a;
        j->packets = 0;
        j->bytes = 0;
        j->layers = 1;
        j->sid = a.sid;
    }
    if (a.sid < j->sid) { /* layers come in order */
        give_up(f, j);
        return false;
    }
    j->layers = (uint8_t)(j->layers + (a.sid > j->sid));
    j->sid = a.sid;
    j->packets++;
    j->bytes += (uint32_t)(p->len - a.off);
    return true;
}

static enum err add_pictures(struct frames *f, const struct tape *t, const struct tape_stream *s,
                             int64_t until)
{
    struct join j = {0};
    struct chain c = {0};
    enum err e = OK;
    for (size_t i = 0; e == OK && i < s->packets; i++) {
        const struct tape_packet *const p = &s->packet[i];
        if (i > 0 && p->ext_seq != p[-1].ext_seq + 1)
            give_up(f, &j);
        if (join_packet(f, &j, p) && p->marker)
            e = finish(f, t, s, &j, &c, until);
    }
    return e;
}

static enum err add_sound(struct frames *f, const struct tape *t, const struct tape_stream *s,
                          int64_t until)
{
    enum err e = OK;
    struct opustoc toc;
    for (size_t i = 0; e == OK && i < s->packets; i++) {
        const struct tape_packet *const p = &s->packet[i];
        if (!opustoc_parse(p->body, p->len, &toc)) {
            f->broken++;
            continue;
        }
        if (i > 0 && p->ext_seq != p[-1].ext_seq + 1)
            f->holes++;
        const struct frame one = {.at = tape_time(t, s, p),
                                  .packet = p,
                                  .packets = 1,
                                  .bytes = p->len,
                                  .layers = 1,
                                  .us = (uint32_t)((uint64_t)toc.samples * 1000000 / 48000),
                                  .key = true};
        /* half a packet of overlap is the clocks' noise; more is an old stream's tail */
        const int64_t end = f->n > 0 ? f->frame[f->n - 1].at + f->frame[f->n - 1].us : 0;
        if (one.at + one.us / 2 < end || one.at >= until)
            f->dropped++;
        else
            e = add(f, &one);
    }
    return e;
}

enum err frames_add(struct frames *f, const struct tape *t, const struct tape_stream *s,
                    int64_t until)
{
    f->codec = s->codec;
    return s->codec == TAPE_OPUS ? add_sound(f, t, s, until) : add_pictures(f, t, s, until);
}

void frames_fini(struct frames *f)
{
    free(f->frame);
    *f = (struct frames){0};
}

const uint8_t *frames_piece(enum tape_codec codec, const struct tape_packet *p, size_t *len)
{
    struct part a = {0};
    if (codec != TAPE_OPUS && !part_read(&a, codec, p)) {
        *len = 0; /* cannot be: it was read when the frame was joined */
        return p->body;
    }
    *len = p->len - a.off;
    return p->body + a.off;
}

struct sizes {
    uint32_t of[VP9_LAYERS];
    unsigned n;
    uint32_t most;
};

static void measure(struct sizes *z, enum tape_codec codec, const struct frame *one)
{
    uint8_t sid = 0;
    *z = (struct sizes){0};
    for (uint32_t i = 0; i < one->packets; i++) {
        struct part a;
        if (!part_read(&a, codec, &one->packet[i]))
            continue; /* cannot be */
        z->n += z->n == 0 || a.sid > sid;
        sid = a.sid;
        uint32_t *const size = &z->of[z->n - 1];
        *size += (uint32_t)(one->packet[i].len - a.off);
        z->most = *size > z->most ? *size : z->most;
    }
}

size_t frames_tail(enum tape_codec codec, const struct frame *one, uint8_t out[FRAMES_TAIL_MAX])
{
    struct sizes z;
    if (codec != TAPE_VP9 || one->layers < 2)
        return 0;
    measure(&z, codec, one);
    const unsigned width = 1u + (z.most > 0xff) + (z.most > 0xffff) + (z.most > 0xffffff);
    const uint8_t marker = (uint8_t)(0xc0 | (width - 1) << 3 | (z.n - 1));
    size_t n = 0;
    out[n++] = marker;
    for (unsigned i = 0; i < z.n; i++)
        for (unsigned k = 0; k < width; k++)
            out[n++] = (uint8_t)(z.of[i] >> 8 * k);
    out[n++] = marker;
    return n;
}

bool frames_size(enum tape_codec codec, const struct tape_packet *first, uint16_t *width,
                 uint16_t *height)
{
    struct vp9_desc d;
    struct vp8_head h;
    size_t len = 0;
    const uint8_t *const p = frames_piece(codec, first, &len);
    if (codec == TAPE_VP8 && vp8_head_parse(p, len, &h) && h.key) {
        *width = h.width;
        *height = h.height;
        return true;
    }
    if (codec == TAPE_VP9 && vp9_desc_parse(first->body, first->len, &d) && d.ss.sized) {
        *width = d.ss.width[d.ss.layers - 1];
        *height = d.ss.height[d.ss.layers - 1];
        return true;
    }
    return false;
}
