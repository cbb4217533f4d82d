#include "engine/wire/classify.h"

#define STUN_HEADER 20
#define DTLS_HEADER 13
#define RTP_HEADER_LEN 12
#define RTCP_HEADER 8 /* with the sender's SSRC, which every packet of ours has */

enum wire_kind wire_classify(const uint8_t *p, size_t len)
{
    if (len < RTCP_HEADER)
        return WIRE_UNKNOWN;

    /* RFC 7983, 7: the first byte; what is not listed here is ZRTP, TURN channels or noise. */
    if (p[0] <= 3)
        return len >= STUN_HEADER ? WIRE_STUN : WIRE_UNKNOWN;
    if (p[0] >= 20 && p[0] <= 63)
        return len >= DTLS_HEADER ? WIRE_DTLS : WIRE_UNKNOWN;
    if (p[0] < 128 || p[0] > 191)
        return WIRE_UNKNOWN;

    /* RFC 5761, 4: these would be RTP payload types 64 to 95 with a marker, which nobody uses. */
    if (p[1] >= 192 && p[1] <= 223)
        return WIRE_RTCP;
    return len >= RTP_HEADER_LEN ? WIRE_RTP : WIRE_UNKNOWN;
}
