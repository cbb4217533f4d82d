/* control.h - the control plane of a node: HTTP, lessons, people, the hubs' and the library's
 * master. One thread: everything here is called by the one that runs control_run. */
#pragma once

#include "engine/base/log.h"
#include "engine/io/loop.h"
#include "relay/control/auth.h"
#include "relay/control/http.h"
#include "relay/library/catalogue.h"
#include "relay/library/package.h"
#include "relay/library/recorder.h"
#include "relay/media/worker.h"

#define CONTROL_WORKERS 32
#define CONTROL_TURN 4

struct control;

/* A TURN server that members are told of; with a secret, each gets credentials of his own. */
struct control_turn {
    const char *url;
    const char *secret; /* NULL: username and password */
    const char *username, *password;
};

/* Borrowed all of it; outlives the control. */
struct control_conf {
    struct log *log;
    const struct auth *auth;
    struct catalogue *catalogue;
    struct packager *packager; /* NULL: recordings stay as journals */
    struct recorder *recorder; /* NULL: nothing is recorded */
    struct worker *worker[CONTROL_WORKERS];
    struct nego_self self[CONTROL_WORKERS]; /* candidates by worker */
    size_t workers;
    const char *library_dir; /* holds a folder for each resource */
    const char *journal_dir;
    const char *web_dir, *lib_dir;
    unsigned connections, per_address;
    unsigned members_per_lesson, lessons_running;
    unsigned link_s; /* how long a link to media is good */
    struct control_turn turn[CONTROL_TURN];
    size_t turns;
    unsigned turn_s; /* how long credentials made with a secret are good */
    uint8_t seed[32];
};

/* Loads the lessons that run and opens their rooms. */
MUST_USE enum err control_new(struct control **out, const struct control_conf *conf);
void control_free(struct control **out);

/* Where media is taken by TCP: told to all who join from now on. */
void control_add_candidates(struct control *c, const struct addr *tcp, size_t n);

/* The listeners are added by the caller. */
struct http *control_http(struct control *c);

/* Turns until a byte can be read from `stop` (a signalfd). */
MUST_USE enum err control_run(struct control *c, int stop);
