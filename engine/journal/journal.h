/* journal.h - a lesson's log on disk: appended in groups, cut clean after a crash, never lost. */
#pragma once

#include "engine/journal/record.h"

#define JOURNAL_SEGMENT (64u << 20)   /* bytes of a file before the next is begun */
#define JOURNAL_GROUP (250 * USEC_MS) /* a record waits at most so long to be written */
#define JOURNAL_SYNC (750 * USEC_MS)  /* and then at most so long to be safe on the disk */
#define JOURNAL_RETRY USEC_SEC        /* between attempts when the disk takes nothing */
#define JOURNAL_BUFFER (2u << 20)     /* what can wait for the disk */
#define JOURNAL_AWAY_MAX (12 * 3600 * USEC_SEC) /* longest absence that the lesson clock counts */

/* Files DIR/000000.journal, 000001.journal, …. One writer a folder (E_STATE: another is at work),
 * one thread a writer. Calls block on the disk: not for a media thread. */
struct journal;

struct journal_conf {
    uint64_t segment; /* bytes; 0 = JOURNAL_SEGMENT */
    int64_t clock;    /* lesson clock now; a resumed journal's goes on from here or from its last
                         record, whichever is later, and by at most JOURNAL_AWAY_MAX */
    int64_t wall_us;  /* time of day now, since 1970; written down when the journal is new */
};

struct journal_stat {
    uint64_t records; /* by this writer */
    uint64_t bytes;   /* in files */
    uint64_t dropped; /* records that found no room; a gap in the journal tells of them */
    uint64_t errors;  /* failed attempts to write or to sync */
    int last_errno;   /* of the last failure; 0 since the disk works again */
    uint64_t buffered;
    uint32_t segments;
    bool resumed; /* there was something to go on from */
    bool closed;  /* and it ended with a RECORD_CLOSE */
    uint64_t cut; /* bytes cut off at recovery */
};

/* Makes the folder (one level) if need be. Resumes what is there: half-written records at the end
 * are cut off and a RECORD_GAP_RESTART is appended. E_IO: errno. */
MUST_USE enum err journal_open(struct journal **j, const char *dir, const struct journal_conf *conf,
                               usec now);
/* Writes what is buffered if the disk takes it, and frees. */
void journal_free(struct journal **j);

/* The lesson clock at a monotonic instant; never less than it was when a journal was resumed. */
int64_t journal_clock(const struct journal *j, usec at);
/* Time of day at lesson clock 0, of the first opening. */
int64_t journal_wall_zero(const struct journal *j);

/* Appending. `at` is monotonic: when it happened. Records are copied; nothing is written before
 * journal_tick. E_LIMIT: the buffer is full because the disk takes nothing: dropped, counted, and
 * told by a RECORD_GAP_DISK when there is room again. */
MUST_USE enum err journal_track(struct journal *j, usec at, const struct record_track *t,
                                uint32_t *number);
MUST_USE enum err journal_track_end(struct journal *j, usec at, uint32_t track);
/* A described packet (wire/rtp.h); RTX must have been undone in p->rtp. */
MUST_USE enum err journal_pkt(struct journal *j, usec at, uint32_t track, const struct pkt *p);
MUST_USE enum err journal_rtp(struct journal *j, usec at, uint32_t track,
                              const struct record_rtp *p);
MUST_USE enum err journal_sr(struct journal *j, usec at, uint32_t track, const struct record_sr *s);
MUST_USE enum err journal_event(struct journal *j, usec at, const char *json, size_t len);
MUST_USE enum err journal_gap(struct journal *j, usec at, const struct record_gap *g);
MUST_USE enum err journal_end(struct journal *j, usec at);

/* Writes and syncs what is due. E_IO: the disk refused (journal_stat); nothing that was buffered
 * is lost, and it is tried again by itself. */
MUST_USE enum err journal_tick(struct journal *j, usec now);
/* Writes and syncs everything now. */
MUST_USE enum err journal_flush(struct journal *j, usec now);
/* When journal_tick is due; USEC_NEVER when everything is safe. */
usec journal_next(const struct journal *j);

struct journal_stat journal_stat(const struct journal *j);
