/* nego_line.h - the steps that offer and answer share; for the nego files only. */
#pragma once

#include "engine/peer/nego.h"

/* Notes why and returns false. */
bool nego_refuse(struct nego_error *e, const char *field, const char *what);

/* sdp_read with our kind of error. */
MUST_USE bool nego_read(struct sdp *s, const char *text, size_t len, struct nego_error *e);

bool nego_lives(const struct sdp_media *m); /* not refused by who wrote it */

/* From the other side's transport attributes: credentials, fingerprint, best candidate. */
MUST_USE bool nego_take_transport(struct nego *n, const struct sdp_media *m, struct nego_error *e);
MUST_USE bool nego_take_credentials(struct ice_conf *ice, const struct sdp_media *m,
                                    struct nego_error *e);
void nego_take_candidates(struct ice_conf *ice, const struct sdp_media *m);

/* New local ufrag and password. */
void nego_new_credentials(struct ice_conf *ice, struct rng *rng);

/* What both directions of one line take from the remote description: format, feedback, header
 * extensions, retransmission. False: it has no format that we serve. */
MUST_USE bool nego_take_codec(struct nego_media *l, const struct sdp_media *m);

/* SSRCs of a line that we send; at most one per layer, never 0, with RTX if there is a type. */
void nego_choose_ssrcs(struct nego_media *l, struct rng *rng);

/* The m-line that says what was agreed. `first`: it carries the candidates for all. */
void nego_put_line(struct sdp_media *m, const struct nego *n, const struct nego_media *l,
                   const struct nego_self *self, bool first);
void nego_put_candidates(struct sdp_media *m, const struct nego_self *self);
