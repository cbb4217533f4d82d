/* twcc.h - transport-wide congestion control feedback
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01), format only. */
#pragma once

#include "engine/wire/rtcp.h"

#define TWCC_MAX 512 /* packets in one feedback that we write or take */

struct twcc_feedback {
    uint16_t base;     /* first sequence number */
    uint8_t count;     /* feedback packet count */
    size_t n;          /* packets reported on, base … base + n - 1 */
    usec at[TWCC_MAX]; /* arrival in the receiver's clock (64 ms reference included); -1 = lost */
};

/* From an item of kind RTCP_TWCC. False: not well-formed or longer than TWCC_MAX. */
MUST_USE bool twcc_read(struct twcc_feedback *f, const struct rtcp_item *it);

/* Appends one RTCP packet. Deltas that do not fit 16 bits end the feedback early; returns how
 * many packets it reports on (0: no room). */
size_t twcc_write(struct writer *w, uint32_t sender, uint32_t media, const struct twcc_feedback *f);
