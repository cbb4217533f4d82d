#include "relay/control/first.h"

#include "engine/base/bytes.h"

#define STUN_HEAD 20
#define STUN_BINDING 0x0001u
#define STUN_COOKIE 0x2112a442u
#define TLS_HANDSHAKE 0x16u /* RFC 8446 5.1; a frame with it would be longer than any check */

/* What a check must look like as soon as its first bytes are there: who sends anything else is not
 * waited for. */
static bool may_be_check(const uint8_t *p, size_t n, size_t len)
{
    if (n >= FRAME_HEAD && len < STUN_HEAD)
        return false;
    if (n >= FRAME_HEAD + 2 && be16(p + FRAME_HEAD) != STUN_BINDING)
        return false;
    return n < FRAME_HEAD + 8 || be32(p + FRAME_HEAD + 4) == STUN_COOKIE;
}

/* Our ufrag stands before the colon (RFC 8445 7.2.2). */
static bool names_somebody(const uint8_t *p, size_t len, char ufrag[HUB_UFRAG])
{
    struct stun_msg m;
    if (!stun_read(&m, p, len) || m.cls != STUN_REQUEST || !m.has_integrity)
        return false;
    const char *const colon = strchr(m.username, ':');
    const size_t n = colon ? (size_t)(colon - m.username) : 0;
    if (n == 0 || n > HUB_UFRAG)
        return false;
    memset(ufrag, 0, HUB_UFRAG);
    memcpy(ufrag, m.username, n);
    return true;
}

static enum first look_at_frame(const uint8_t *p, size_t n, size_t *want, char ufrag[HUB_UFRAG])
{
    size_t len;
    const enum frame f = frame_read(p, n, STUN_MSG_MAX, &len);
    if (f == FRAME_BAD || !may_be_check(p, n, len))
        return FIRST_BAD;
    if (f == FRAME_WHOLE)
        return names_somebody(p + FRAME_HEAD, len, ufrag) ? FIRST_CALL : FIRST_BAD;
    *want = FRAME_HEAD + len - n;
    return FIRST_MORE;
}

enum first first_look(const uint8_t *p, size_t n, size_t *want, char ufrag[HUB_UFRAG])
{
    *want = 0;
    if (n == 0)
        return FIRST_MORE;
    if (p[0] == TLS_HANDSHAKE)
        return FIRST_TLS;
    if (p[0] >= 'A' && p[0] <= 'Z') /* a method */
        return FIRST_HTTP;
    if (p[0] > STUN_MSG_MAX >> 8) /* a length that no check has */
        return FIRST_BAD;
    return look_at_frame(p, n, want, ufrag);
}
