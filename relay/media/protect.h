/* protect.h - repair packets (FlexFEC-03) of a viewer's pictures, made as they leave, where its
 * way's losses and its round trip call for them. */
#pragma once

#include "engine/media/fec.h"
#include "engine/media/pacer.h"

struct member;
struct protect; /* of one line, while it is on */
struct sub;

/* Every half second or so: what of its way, in bits per second, pictures and all else have no use
 * for, and what its pictures of people take. */
void protect_look(struct member *m, usec now, uint64_t spare, uint64_t media);

/* Bits per second that its repair packets take; 0 = none are sent. */
uint64_t protect_bps(const struct member *m);

/* A packet of a line with s->protect leaves. */
void protect_sent(struct sub *s, usec now, const struct send_rec *r, const struct fec_packet *p);

void protect_free(struct protect **p);
