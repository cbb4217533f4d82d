/* core.h - what the files of the control thread share: its state, and each file's calls. */
#pragma once

#include "engine/base/rng.h"
#include "engine/base/table.h"
#include "relay/control/auth.h"
#include "relay/control/control.h"
#include "relay/control/http.h"
#include "relay/lesson/lesson.h"
#include "relay/library/catalogue.h"

#define CLIENT_CAP 65
#define POSTERS 256 /* people whose messages are counted at once */

/* What is kept of a negotiation: what slots and an ICE restart need. */
struct agreed {
    char mid[SDP_ID]; /* of the first line that is used */
    bool audio;       /* it is a voice */
    uint8_t lines;
    uint16_t voices; /* lines, one bit each */
    char *ufrag;     /* the other side's; owns the block */
    char *pwd;       /* behind it in the same block */
};

/* One WHIP or WHEP connection. */
struct session {
    struct session *next; /* of the lesson */
    member_id id;
    char key[SESSION_CAP];
    struct lesson *lesson;
    struct claims claims;
    char client[CLIENT_CAP];
    bool play;
    unsigned worker; /* that has its member */
    uint8_t seat;    /* number of its site, SITE_NONE */
    enum member_state state;
    unsigned sources;             /* bits of enum source: said in the offer */
    unsigned live;                /* and those that send media now */
    struct slot slot[NEGO_MEDIA]; /* by video line */
    size_t videos;
    struct agreed agreed;
    unsigned ice;          /* number of the ICE session, in the ETag */
    char ufrag[HUB_UFRAG]; /* ours in it, filled up with zeros */
    struct member_stats stats;
    bool has_stats;
    int64_t joined_at;
};

/* A lesson in memory, with what is only of this run of the process. */
struct live {
    struct lesson *l;
    struct session *sessions;
    struct reader *readers;
    unsigned worker;  /* the home of its room: who publishes is there */
    uint32_t workers; /* that have the room, one bit each */
    bool sites_due;   /* readers may have to be told of sites */
    uint8_t speaking;
    room_id recording; /* the room that the recorder writes; 0 = none */
    bool close_due;    /* the recorder has not taken the end of it yet */
    usec next_quality;
    json_t **shown; /* by site: the site object as last told */
};

/* A command that a full mailbox refused; sent again before any later one. */
struct waiting {
    unsigned worker;
    struct cmd cmd;
};

#define WAITING_MAX 256

struct poster {
    uint64_t who;
    usec since;
    unsigned n;
};

struct memory {
    unsigned moved; /* connections made or ended since it was done last */
    usec since;     /* the first of them */
    usec due, done;
};

struct counters {
    uint64_t codes[6]; /* answers by their hundreds */
    uint64_t events;
    uint64_t commands_refused;
    uint64_t calls_refused; /* connections with media of nobody we know */
    uint64_t joins, takeovers;
    uint64_t packaged, package_failures;
    uint64_t first_bucket[8]; /* NOTE_FIRST */
    uint64_t first_sum_us;
    uint64_t firsts;
};

struct control {
    struct control_conf conf;
    struct log *log;
    struct http *http;
    struct rng rng;
    usec now;
    int64_t wall_ms;
    usec started;
    struct table lives;           /* by lesson id, ID_CAP bytes */
    struct table sessions;        /* by key */
    struct table members;         /* by member_id */
    struct table ufrags;          /* by our ufrag: struct session */
    struct table rooms;           /* by room_id: struct live */
    size_t load[CONTROL_WORKERS]; /* sessions by worker */
    room_id last_room;
    member_id last_member;
    size_t readers;
    usec next_ping;
    struct waiting waiting[WAITING_MAX];
    size_t waitings;
    struct poster poster[POSTERS];
    struct memory memory;
    struct counters count;
    bool stopping;
};

/* lessons.c */
struct live *live_get(struct control *c, const char *id, struct problem *p);
/* The lesson of the route, if the token is good for it. */
struct live *live_of(struct control *c, struct request *r);
MUST_USE enum err live_load_running(struct control *c);
void live_free_all(struct control *c);
/* Forgets ended lessons that nobody looks at. */
void live_forget(struct control *c);
/* Keeps the lesson with an event, and tells the readers. The event's object as its doer sees it
 * (new reference) or NULL. Takes `data`. In a lesson that runs, a catalogue that cannot write does
 * not stop the lesson: the event is told all the same. */
json_t *live_event(struct control *c, struct live *v, const char *kind, const struct claims *by,
                   json_t *data);
/* Like live_event for what must be kept or refused: sets disk-full and answers NULL. */
json_t *live_event_kept(struct control *c, struct live *v, const char *kind,
                        const struct request *r, json_t *data, struct problem *p);
void api_lesson_create(struct control *c, struct request *r);
void api_lesson_list(struct control *c, struct request *r);
void api_lesson_get(struct control *c, struct request *r);
void api_lesson_patch(struct control *c, struct request *r);
void api_lesson_start(struct control *c, struct request *r);
void api_lesson_end(struct control *c, struct request *r);

/* rooms.c: the hubs' side */
bool rooms_open(struct control *c, struct live *v); /* false: the hub does not take it now */
void rooms_state(struct control *c, struct live *v);
void rooms_close(struct control *c, struct live *v);
/* False: the hub has not taken commands for so long that not even waiting is possible; the command
 * is still the caller's. */
bool rooms_command(struct control *c, unsigned worker, const struct cmd *cmd);
/* Which worker a new session goes to; the room is open there afterwards. Who publishes or sits at a
 * site is at home; observers go where there is most room. */
unsigned rooms_place(struct control *c, struct live *v, bool at_home);
/* What was refused before is tried again. */
void rooms_retry(struct control *c);
void rooms_notes(struct control *c);

/* recordings.c */
/* Before the hub is told to record. False: the recorder does not take it now, see _retry. */
bool recordings_open(struct control *c, struct live *v);
void recordings_event(struct control *c, struct live *v, const json_t *row);
void recordings_close(struct control *c, struct live *v);
void recordings_notes(struct control *c);
void recordings_retry(struct control *c);
bool recordings_due(struct control *c); /* has something to try again */

/* sessions.c */
/* On a worker that rooms_place chose. */
struct session *session_new(struct control *c, struct live *v, const struct request *r, bool play,
                            unsigned worker);
void session_free(struct control *c, struct session *s);
struct session *session_find(struct control *c, const char *key);
struct live *session_live(struct control *c, const struct session *s);
/* Only the memory: when everything ends. */
void session_drop(struct session **s);
/* Keeps what was negotiated, or the credentials of a restart. False: no memory, and nothing
 * changed. */
MUST_USE bool session_agree(struct control *c, struct session *s, const struct nego *n);
MUST_USE bool session_agree_ice(struct control *c, struct session *s, const struct ice_conf *ice);
/* As much of a negotiation as nego_restart reads. */
void session_agreed(const struct session *s, struct nego *n);
/* Says goodbye to hub and readers. */
void session_close(struct control *c, struct session *s);
void session_state(struct control *c, struct session *s, enum member_state state);
json_t *session_json(const struct session *s);

/* calls.c */
void calls_guest(void *ctx, const struct guest *g);

/* memory.c */
/* A connection was made or has ended: when all is calm, what that took goes back to the system. */
void memory_moved(struct control *c);
usec memory_next(const struct control *c);
void memory_turn(struct control *c);

/* turn.c */
/* Adds the TURN servers to the answer, with credentials for who asked (RFC 9725 4.6). */
void turn_tell(const struct control *c, struct request *r);

/* whip.c */
void api_whip(struct control *c, struct request *r);
void api_whep(struct control *c, struct request *r);
void api_session_patch(struct control *c, struct request *r);
void api_session_delete(struct control *c, struct request *r);
void api_slots_put(struct control *c, struct request *r);

/* events.c */
void api_events(struct control *c, struct request *q);
void api_state(struct control *c, struct request *r);
/* A kept event, as a row of the catalogue. */
void events_tell(struct control *c, struct live *v, const json_t *row);
void events_member(struct control *c, struct live *v, const struct session *s);
/* A poll's tally changed: a passing event for those who see it. */
void events_poll(struct control *c, struct live *v, const json_t *poll);
void events_speaking(struct control *c, struct live *v);
/* Site objects that changed, quality, pings: once a turn. */
void events_turn(struct control *c);
usec events_next(const struct control *c);
void events_end(struct control *c, struct live *v); /* all readers */
/* The event as this person may see it (new reference); NULL: not at all. */
json_t *event_for(struct control *c, const struct live *v, const struct claims *who,
                  const json_t *row);
size_t events_readers(const struct live *v);

/* sites.c */
json_t *site_json(const struct live *v, uint8_t site);
json_t *quality_json(const struct live *v, const struct claims *who);

/* acts.c */
void api_hand(struct control *c, struct request *r);
void api_floor(struct control *c, struct request *r);
void api_mode(struct control *c, struct request *r);
void api_mark(struct control *c, struct request *r);
void api_message(struct control *c, struct request *r);
void api_list(struct control *c, struct request *r); /* marks or messages */
/* Everything that goes with a floor that changed. */
json_t *floor_event(struct control *c, struct live *v, const struct claims *by, uint8_t before,
                    enum lesson_how how);

/* polls.c */
void api_poll(struct control *c, struct request *r);
void api_poll_vote(struct control *c, struct request *r);
void api_poll_close(struct control *c, struct request *r);
void api_poll_list(struct control *c, struct request *r);
/* The poll as this person may see it; `asked` is the poll object of its newest event. */
json_t *poll_for(struct control *c, const struct live *v, const struct claims *who,
                 const json_t *asked);
json_t *polls_for(struct control *c, const struct live *v, const struct claims *who);

/* ops.c */
void api_me(struct control *c, struct request *r);
void api_ticket(struct control *c, struct request *r);
void api_health(struct control *c, struct request *r);
void api_ready(struct control *c, struct request *r);
void api_metrics(struct control *c, struct request *r);

/* files.c */
/* Answers with DIR/FILE or a problem. */
void serve_file(struct request *r, const char *dir, const char *file, const char *cache);

/* library.c */
void api_resource_list(struct control *c, struct request *r);
void api_resource_get(struct control *c, struct request *r);
void api_resource_manifest(struct control *c, struct request *r);
void api_position_get(struct control *c, struct request *r);
void api_position_put(struct control *c, struct request *r);
void api_media(struct control *c, struct request *r);
void api_lib(struct control *c, struct request *r);
void api_page(struct control *c, struct request *r);
