/* janus_text.h - what is said to Janus and what it says, as text: pure functions. */
#pragma once

#include "engine/peer/nego.h"

#include <jansson.h>

/* Requests, ready to be posted; the caller frees them. NULL: no memory. */
char *janus_text_plain(const char *verb, const char *transaction);
char *janus_text_attach(const char *transaction);
char *janus_text_create(const char *transaction, unsigned room);
/* The publisher joins and offers at once. */
char *janus_text_publish(const char *transaction, unsigned room, const char *offer);
/* A viewer joins to see publisher `feed`; Janus makes the offer. */
char *janus_text_subscribe(const char *transaction, unsigned room, uint64_t feed);
/* The viewer's answer. */
char *janus_text_start(const char *transaction, unsigned room, const char *answer);

/* What an answer or event means. The texts are the document's. */
struct janus_said {
    const char *janus;       /* "success", "ack", "event", "error", … */
    const char *transaction; /* "" = none */
    uint64_t id;             /* data.id: of a session or handle */
    uint64_t publisher;      /* plugindata.data.id: under which a publisher is known */
    uint64_t feed;           /* of the first publisher already there */
    const char *sdp;         /* jsep.sdp; NULL: none */
    const char *error;       /* NULL: none */
    bool room_exists;        /* that is the error */
};
void janus_text_read(const json_t *doc, struct janus_said *said);

/* Janus names all addresses of its machine: the IPv4 one is taken, since ours are IPv4, and of
 * several the loopback one. False: there is none. */
MUST_USE bool janus_text_remote(const char *sdp, struct addr *remote);

/* Answers an offer of Janus' to a viewer: we receive. False: `e`. */
MUST_USE bool janus_text_answer(struct nego *n, const char *offer, const struct nego_self *self,
                                struct rng *rng, char *answer, struct nego_error *e);
