/* feedback.h - RTCP both ways: what members report and ask for, and what we tell them. */
#pragma once

#include "relay/media/member.h"

/* An opened compound from the member: reports, NACK, PLI, FIR, sender reports. */
void feedback_input(struct member *m, usec now, const uint8_t *rtcp, size_t len);

/* Repairs and key frames that are due: NACK, PLI, transport-wide feedback. */
void feedback_tick(struct member *m, usec now, struct outq *out);
usec feedback_next(const struct member *m);

/* Once a second: receiver reports on what it publishes, sender reports on what it is shown. */
void feedback_report(struct member *m, usec now, struct outq *out);

/* At once, for lines whose source is new: the viewer needs its clock before it can put sound and
 * picture together. */
void feedback_new_source(struct member *m, usec now, struct outq *out);
