/* classify.h - which protocol a datagram on a shared port speaks (RFC 7983, RFC 5761). */
#pragma once

#include "engine/base/base.h"

enum wire_kind { WIRE_UNKNOWN, WIRE_STUN, WIRE_DTLS, WIRE_RTP, WIRE_RTCP };

/* Looks at the first two bytes and the length only. */
enum wire_kind wire_classify(const uint8_t *p, size_t len);
