/* mailbox.h - messages of one size from one thread to one other, without locks. */
#pragma once

#include "engine/base/base.h"

struct mailbox;

/* `count` messages (power of two) of `size` bytes each. The receiver's loop waits for the
 * descriptor of mailbox_fd to become readable. */
MUST_USE enum err mailbox_new(struct mailbox **m, size_t count, size_t size);
void mailbox_free(struct mailbox **m);

/* Sender: copies the message in. False: full, nothing happened; counted. */
MUST_USE bool mailbox_send(struct mailbox *m, const void *msg);
/* Sender: wakes the receiver if something was sent since the last call; once per loop turn. */
void mailbox_wake(struct mailbox *m);
uint64_t mailbox_refused(const struct mailbox *m);

/* Receiver: copies the next message out. False: empty (and the descriptor is quiet again). */
MUST_USE bool mailbox_recv(struct mailbox *m, void *msg);
/* The same without a look at the descriptor: for who comes by anyway and is never woken. */
MUST_USE bool mailbox_take(struct mailbox *m, void *msg);
int mailbox_fd(const struct mailbox *m);
