/* vp9.h - the payload descriptor of VP9 over RTP (RFC 9628). */
#pragma once

#include "engine/base/base.h"

#define VP9_LAYERS 8 /* spatial layers a descriptor can speak of */
#define VP9_REFS 3
#define VP9_DESC_MAX 48 /* bytes that are written */

/* The scalability structure, RFC 9628, 4.2.1. */
struct vp9_ss {
    uint8_t layers; /* 1 to 8; 0 = this packet carries no structure */
    bool sized;     /* width and height are known */
    uint16_t width[VP9_LAYERS];
    uint16_t height[VP9_LAYERS];
    uint8_t pictures; /* in a picture group; 0 = not said */
};

/* RFC 9628, 4.2. Offsets as in vp8.h: where a relay may patch, 0 = not there. */
struct vp9_desc {
    bool inter;       /* P: predicted from earlier pictures */
    bool flexible;    /* F */
    bool start;       /* B: a layer frame begins */
    bool end;         /* E: a layer frame ends */
    bool no_upper;    /* Z: no layer above uses this layer frame */
    bool switch_up;   /* U: from here one may go on to higher temporal layers */
    bool inter_layer; /* D: needs the spatial layer below */
    uint8_t tid;      /* temporal layer */
    uint8_t sid;      /* spatial layer */
    uint8_t tl0picidx;
    uint16_t picture_id; /* 15 bits if pid_long, else 7 */
    bool has_pid;
    bool pid_long;
    bool has_layers;
    bool has_tl0;
    uint8_t refs;          /* entries in ref */
    uint8_t ref[VP9_REFS]; /* picture id minus that of the reference, flexible mode only */
    uint8_t pid_off;
    uint8_t tl0_off;
    uint16_t len; /* bytes of the descriptor; the rest of the payload is VP9 */
    struct vp9_ss ss;
};

/* Reads the descriptor at the head of an RTP payload. False: cut short, nothing follows it, more
 * than three references, or flexible mode without a picture id; *d is then meaningless. */
MUST_USE bool vp9_desc_parse(const void *payload, size_t len, struct vp9_desc *d);

/* Writes it, without a picture group; needs picture id and layers. Returns its length, 0: no room.
 */
size_t vp9_desc_write(const struct vp9_desc *d, void *out, size_t cap);

/* True for the first packet of a key picture: no prediction in time, lowest spatial layer. */
bool vp9_starts_key(const struct vp9_desc *d);

/* How many bits the picture id has here. */
static inline uint16_t vp9_pid_mask(const struct vp9_desc *d)
{
    return d->pid_long ? 0x7fff : 0x7f;
}
