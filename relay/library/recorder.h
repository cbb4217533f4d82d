/* recorder.h - the thread that writes the journals of all lessons that run. */
#pragma once

#include "engine/base/log.h"
#include "engine/journal/record.h"
#include "relay/media/worker.h"

#define RECORDER_WORKERS 32
#define RECORDER_PATH 1200

/* Packets come by the workers' taps and go home at once: what is kept is in the journal's buffer.
 * No hub ever waits: a tap that is full is the hub's loss, told by TAP_GAP and written down. */
struct recorder;

struct recorder_conf {
    struct worker *worker[RECORDER_WORKERS]; /* must outlive the recorder */
    size_t workers;
    enum log_level level;
    int log_fd;
};

MUST_USE enum err recorder_start(struct recorder **r, const struct recorder_conf *c);
/* Takes what control has sent, writes and syncs everything, ends the thread. Lessons that run are
 * not closed: recorder_open goes on with them later. Before worker_stop. */
void recorder_stop(struct recorder **r);

/* ---- control's side, one thread. False: the mailbox is full or there is no memory; nothing
 * happened, try again later. */

struct recorder_lesson {
    room_id room;
    char dir[RECORDER_PATH]; /* of the journal; made if need be, its parent is there */
    int64_t clock;           /* lesson clock … */
    usec at;                 /* … at this monotonic time */
    size_t sites;
    char site[SITES_MAX][RECORD_TEXT]; /* ids by number: 0 the lead room, 1 … the points */
};

/* Before CMD_ROOM_STATE says `record`. Resumes the journal if there is one. If it cannot be opened
 * (RECORDER_FAILED) it is tried again each second; what is missing then is a gap. */
MUST_USE bool recorder_open(struct recorder *r, const struct recorder_lesson *l);
/* One JSON object as in docs/formats.md; it is copied. */
MUST_USE bool recorder_event(struct recorder *r, room_id room, usec at, const char *json);
/* The lesson is over: RECORDER_CLOSED follows when everything is on the disk. */
MUST_USE bool recorder_close(struct recorder *r, room_id room, usec at);

enum recorder_note_kind {
    RECORDER_CLOSED, /* the journal is whole; it may be packaged */
    RECORDER_FAILED, /* the disk refuses; error says why. What fits the buffer is not lost */
    RECORDER_WELL,   /* and takes it again */
};

struct recorder_note {
    enum recorder_note_kind kind;
    room_id room;
    int error; /* errno */
};

MUST_USE bool recorder_note(struct recorder *r, struct recorder_note *n);
int recorder_note_fd(const struct recorder *r);

struct recorder_stat {
    uint64_t packets; /* written into journals' buffers */
    uint64_t bytes;   /* in files, of the journals that are open */
    uint64_t dropped; /* records that the disk did not take */
    uint64_t missed;  /* messages that hubs could not send */
    uint64_t strays;  /* packets of no lesson that is recorded */
    uint64_t errors;  /* refused writes */
    uint32_t lessons; /* open */
    uint32_t failing; /* of these, how many cannot write now */
    usec worst_us;    /* longest that one round of writing took */
};
/* As of the last round; any thread. */
void recorder_stat(struct recorder *r, struct recorder_stat *out);
