/* egress.h - the way out: header, extensions and ciphertext of each packet straight into the send
 * buffer; what one viewer gets of one frame leaves as one message. */
#pragma once

#include "relay/media/member.h"

/* Sends what the member's pacer lets go. False: the send buffer is full, go on after it was
 * emptied. */
bool egress_flush(struct member *m, usec now, struct outq *out);
