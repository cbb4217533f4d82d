/* outq.h - the send buffer: what leaves after a call to a core object, in order. */
#pragma once

#include "engine/base/addr.h"

/* One message: one or more datagrams to one address. All are `seg` bytes long, but the last may
 * be shorter: one sendmsg with UDP_SEGMENT sends them (at most OUTQ_SEGS). */
struct outq_msg {
    struct addr to;
    uint32_t off; /* in outq.buf */
    uint32_t len;
    uint16_t seg;
};

#define OUTQ_SEGS 40 /* datagrams in one message; the kernel's limit is 64 */
#define OUTQ_MSG_MAX                                                                               \
    60000u /* bytes in one message; a UDP datagram before segmentation has < 64 KiB */

/* The owner of a loop makes one, hands it to every call and empties it afterwards. */
struct outq {
    uint8_t *buf;
    size_t cap;
    size_t used;
    struct outq_msg *msgs;
    size_t max;
    size_t n;
    uint64_t dropped; /* messages for which there was no room */
};

MUST_USE enum err outq_init(struct outq *q, size_t bytes, size_t msgs);
void outq_fini(struct outq *q);

/* Forgets what was sent. */
void outq_clear(struct outq *q);

/* True if a message of n bytes still fits. Media asks before it takes work from a pacer; the
 * rest stays there until the next tick. */
bool outq_has_room(const struct outq *q, size_t n);

/* Room for one datagram of at most `max` bytes to `to`; NULL if there is none (counted). Write,
 * then say with outq_commit how many bytes it became; 0 takes it back. */
uint8_t *outq_reserve(struct outq *q, const struct addr *to, size_t max);
void outq_commit(struct outq *q, size_t len);

/* Room for one more datagram of the message that was committed last: NULL if it is not to `to`,
 * is full, or has a datagram shorter than its `seg` already. Commit at most `seg` bytes. */
uint8_t *outq_reserve_more(struct outq *q, const struct addr *to, size_t max);
void outq_commit_more(struct outq *q, size_t len);

/* A whole datagram at once. False: no room (counted). */
bool outq_put(struct outq *q, const struct addr *to, const void *bytes, size_t len);
