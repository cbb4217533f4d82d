/* vp8.h - the payload descriptor of VP8 over RTP (RFC 7741) and the head of a VP8 frame. */
#pragma once

#include "engine/base/base.h"

#define VP8_DESC_MAX 6   /* longest descriptor, in bytes */
#define VP8_HEAD_INTER 3 /* bytes of an inter frame's head (RFC 6386, 9.1) */
#define VP8_HEAD_KEY 10  /* bytes of a key frame's head */

/* RFC 7741, 4.2. The offsets say where in the payload a relay may patch a field in place; 0 means
 * that the field is not there (the first byte is never patched). */
struct vp8_desc {
    bool non_ref;        /* N: no other frame depends on this one */
    bool start;          /* S: a partition begins here; with part 0 a frame begins */
    uint8_t part;        /* partition, 0 to 7 */
    uint16_t picture_id; /* 15 bits if pid_long, else 7 */
    uint8_t tl0picidx;   /* counts frames of temporal layer 0 */
    uint8_t tid;         /* temporal layer, 0 = base or not said */
    bool sync;           /* Y: depends on layer 0 only */
    uint8_t keyidx;      /* counts key frames, 5 bits */
    bool has_pid;
    bool pid_long;
    bool has_tl0;
    bool has_tid;
    bool has_keyidx;
    uint8_t pid_off; /* of one byte, or two if pid_long (first bit 1) */
    uint8_t tl0_off; /* of TL0PICIDX */
    uint8_t tk_off;  /* of the byte of TID, Y and KEYIDX */
    uint8_t len;     /* bytes of the descriptor; the rest of the payload is VP8 */
};

/* Reads the descriptor at the head of an RTP payload. False if it is cut short or nothing follows
 * it; *d is then meaningless. */
MUST_USE bool vp8_desc_parse(const void *payload, size_t len, struct vp8_desc *d);

/* Writes the descriptor that the flags and values of *d describe and fills its offsets and len.
 * Returns len, or 0 if it needs more than cap bytes (VP8_DESC_MAX is always enough). Values are
 * cut to their widths. */
size_t vp8_desc_write(struct vp8_desc *d, void *out, size_t cap);

/* How many bits the picture id has here: a relay counts in as many. */
static inline uint16_t vp8_pid_mask(const struct vp8_desc *d)
{
    return d->pid_long ? 0x7fff : 0x7f;
}

/* True for the first packet of a frame. */
static inline bool vp8_starts_frame(const struct vp8_desc *d)
{
    return d->start && d->part == 0;
}

/* True for the first packet of a key frame; *d was read from this payload. */
bool vp8_starts_key(const void *payload, size_t len, const struct vp8_desc *d);

/* The uncompressed head of a frame, RFC 6386, 9.1. */
struct vp8_head {
    bool key;
    bool shown;           /* false: a frame that only serves as a reference */
    uint32_t first_part;  /* bytes of the first partition */
    uint16_t width;       /* pixels; 0 unless key */
    uint16_t height;      /* likewise */
    uint8_t scale_width;  /* 0 to 3: how much a player should enlarge it (9.1) */
    uint8_t scale_height; /* likewise */
};

/* Reads the head at the beginning of a frame (descriptor taken off). False if it is cut short,
 * its version or start code is unknown, or its size is zero. */
MUST_USE bool vp8_head_parse(const void *frame, size_t len, struct vp8_head *h);
