#include "engine/io/mailbox.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A ring with one writer and one reader (Lamport 1983). head and tail only ever grow. */
struct mailbox {
    size_t count, size;
    int fd;
    uint8_t *ring;
    _Alignas(64) atomic_size_t tail; /* written by the sender */
    size_t woken;                    /* sender only: tail at the last wake */
    atomic_uint_fast64_t refused;
    _Alignas(64) atomic_size_t head; /* written by the receiver */
};

enum err mailbox_new(struct mailbox **mp, size_t count, size_t size)
{
    assert(count > 0 && (count & (count - 1)) == 0 && size > 0);
    struct mailbox *m = aligned_alloc(64, (sizeof *m + 63) & ~(size_t)63);
    if (!m)
        return E_NOMEM;
    memset(m, 0, sizeof *m);
    m->count = count;
    m->size = size;
    m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    m->ring = calloc(count, size);
    if (m->fd >= 0 && m->ring) {
        *mp = m;
        return OK;
    }
    const enum err e = m->ring ? E_IO : E_NOMEM;
    mailbox_free(&m);
    return e;
}

void mailbox_free(struct mailbox **mp)
{
    struct mailbox *const m = *mp;
    if (!m)
        return;
    if (m->fd >= 0)
        close(m->fd);
    free(m->ring);
    free(m);
    *mp = NULL;
}

bool mailbox_send(struct mailbox *m, const void *msg)
{
    const size_t tail = atomic_load_explicit(&m->tail, memory_order_relaxed);
    const size_t head = atomic_load_explicit(&m->head, memory_order_acquire);
    if (tail - head == m->count) {
        atomic_fetch_add_explicit(&m->refused, 1, memory_order_relaxed);
        return false;
    }
    memcpy(m->ring + (tail & (m->count - 1)) * m->size, msg, m->size);
    atomic_store_explicit(&m->tail, tail + 1, memory_order_release);
    return true;
}

void mailbox_wake(struct mailbox *m)
{
    const size_t tail = atomic_load_explicit(&m->tail, memory_order_relaxed);
    if (tail == m->woken)
        return;
    m->woken = tail;
    const uint64_t one = 1;
    if (write(m->fd, &one, sizeof one) < 0)
        return; /* the counter is full: the receiver is awake anyway */
}

uint64_t mailbox_refused(const struct mailbox *m)
{
    return atomic_load_explicit(&m->refused, memory_order_relaxed);
}

bool mailbox_take(struct mailbox *m, void *msg)
{
    const size_t head = atomic_load_explicit(&m->head, memory_order_relaxed);
    if (head == atomic_load_explicit(&m->tail, memory_order_acquire))
        return false;
    memcpy(msg, m->ring + (head & (m->count - 1)) * m->size, m->size);
    atomic_store_explicit(&m->head, head + 1, memory_order_release);
    return true;
}

bool mailbox_recv(struct mailbox *m, void *msg)
{
    if (mailbox_take(m, msg))
        return true;
    /* Quiet the descriptor first, then look once more: what is sent in between wakes us again. */
    uint64_t n = 0;
    if (read(m->fd, &n, sizeof n) < 0)
        return mailbox_take(m, msg);
    return mailbox_take(m, msg);
}

int mailbox_fd(const struct mailbox *m)
{
    return m->fd;
}
