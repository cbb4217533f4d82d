/* video.h - what a packet of video says of itself, whatever the codec: which picture and layer it
 * is of, what that needs, and which numbers a relay may patch (RFC 7741, RFC 9628, and the
 * dependency descriptor where it is negotiated). */
#pragma once

#include "engine/base/pkt.h"
#include "engine/wire/depdesc.h"
#include "engine/wire/vp9.h"

#include <string.h>

struct video_desc {
    bool start;   /* a picture begins: the first packet of its lowest spatial layer */
    bool key;     /* and needs no other picture */
    bool end;     /* the last packet of a spatial layer of the picture */
    bool sync;    /* VP8 Y, VP9 U: its temporal layer may be entered here */
    bool gapless; /* who does not get the picture must see no gap in the picture ids: where nothing
                     is referred to by them */
    uint8_t sid;  /* spatial layer */
    uint8_t tid;  /* temporal layer, 0 = base or not said */
    uint8_t refs; /* pictures that it is predicted from, in `ref`; 0: none, or not said */
    uint8_t ref[VP9_REFS]; /* picture id minus that of the reference */
    bool has_pid;
    bool pid_long;
    bool has_tl0;
    uint8_t tl0picidx;
    uint8_t pid_off; /* in the payload; 0 = not there */
    uint8_t tl0_off;
    uint16_t picture_id; /* 15 bits if pid_long, else 7 */
    uint16_t len;        /* bytes of the descriptor */
};

/* False: not usable; *d is then meaningless. */
MUST_USE bool video_desc_vp8(const void *payload, size_t len, struct video_desc *d);
MUST_USE bool video_desc_vp9(const void *payload, size_t len, struct video_desc *d);

#define VIDEO_FRAMES 256    /* frames that references are looked up in */
#define VIDEO_FAR UINT8_MAX /* in `ref`: a picture that did not come, or is too old to know */

/* What dependency descriptors of one stream are read by. Zero at first. */
struct video_deps {
    struct depdesc_structure structure;
    uint32_t since; /* extended number of the packet that brought it */
    uint32_t active_since;
    uint8_t sids; /* spatial layers that the sender says it sends now; 0 = it has not said */
    struct {
        uint16_t frame;
        uint16_t picture_id;
        bool known;
    } frames[VIDEO_FRAMES]; /* by the last bits of their numbers */
};

/* Goes on, after the payload descriptor has filled *d, with what the dependency descriptor `ext` of
 * the packet says of pictures, layers and references, which is then what counts. False: it cannot
 * be read; *d is as before. */
MUST_USE bool video_desc_deps(struct video_deps *v, const void *ext, size_t len, uint32_t ext_seq,
                              struct video_desc *d);

/* How many bits the picture id has here: a relay counts in as many. */
static inline uint16_t video_pid_mask(const struct video_desc *d)
{
    return d->pid_long ? 0x7fff : 0x7f;
}

/* What a packet keeps of it, for all viewers. */
static inline void video_note(struct pkt_rtp *p, const struct video_desc *d)
{
    p->start = d->start;
    p->key = d->key;
    p->end = d->end;
    p->tid = d->tid;
    p->sid = d->sid;
    p->refs = d->refs;
    static_assert(sizeof p->ref == sizeof d->ref, "as many references");
    memcpy(p->ref, d->ref, sizeof p->ref);
    p->pid_off = d->pid_off;
    p->tl0_off = d->tl0_off;
    p->pid_long = d->pid_long;
}

/* And what of that stands in the dependency descriptor, which needs those before it to be read. */
static inline void video_recall(const struct pkt_rtp *p, struct video_desc *d)
{
    d->start = p->start;
    d->key = p->key && p->start;
    d->end = p->end;
    d->tid = p->tid;
    d->sid = p->sid;
    d->refs = p->refs;
    memcpy(d->ref, p->ref, sizeof d->ref);
}

#define VIDEO_PATCH_MAX 8

/* Writes the head of a payload, noted in `in`, with other numbers to `out`, up to the last of
 * them. Returns how much that is, at most VIDEO_PATCH_MAX. */
size_t video_patch(const struct pkt_rtp *in, const uint8_t *payload, uint16_t picture_id,
                   uint8_t tl0picidx, uint8_t *out);
