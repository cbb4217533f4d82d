/* keep.h - the room's own copy of what it sends: a thread that writes a journal, so that what the
 * network lost can be fetched from here after class. */
#pragma once

#include "engine/base/log.h"
#include "engine/base/pkt.h"
#include "engine/journal/record.h"

#define KEEP_STREAMS 16

struct keep;

/* Makes the folder if need be. E_IO: errno says why; E_STATE: another program writes there. */
MUST_USE enum err keep_new(struct keep **k, const char *dir, const struct log *log);
/* Writes what is still waiting. */
void keep_free(struct keep **k);

/* Stream `i` (below KEEP_STREAMS) begins, or begins anew after a reconnection. */
void keep_track(struct keep *k, size_t i, const struct record_track *t);
/* A packet of stream `i` as it was sent, described. It is copied; if the disk is too far behind it
 * is left out and counted. */
void keep_packet(struct keep *k, size_t i, const struct pkt *p);
/* To be called after a few packets. */
void keep_wake(struct keep *k);

/* Packets that were left out. */
uint64_t keep_refused(const struct keep *k);
