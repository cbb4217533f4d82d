/* flood.h - hostile traffic beside a lesson: what strangers, or one bad viewer, can send. It goes
 * to where the first lesson's publisher sends, or comes from a viewer of it. */
#pragma once

#include "tests/bench/load/load.h"

struct flood;

/* Call it when all viewers are open. From now on load's turns send it. E_STATE: nobody is there
 * whose place it could take. */
MUST_USE enum err flood_start(struct flood **f, struct load *l);
/* Ends it; returns how many packets (FLOOD_DTLS: connections) it sent. */
uint64_t flood_stop(struct flood **f);

/* FLOOD_DTLS: a connection that was asked for may begin. Takes what it needs of the job. */
void flood_answered(struct flood *f, const struct join_job *job);

/* Packets of the first source as they leave, for FLOOD_REPLAY. */
void flood_record(struct flood *f, const struct outq *q);
