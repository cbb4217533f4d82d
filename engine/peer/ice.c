#include "engine/peer/ice.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_GAP (50 * USEC_MS)
#define LAST_GAP (1 * USEC_SEC)
/* Closer than the five seconds of RFC 7675 5.1, so that a dozen checks must be lost in a row before
 * a bad link is given up. */
#define CONSENT_GAP (2 * USEC_SEC)
/* Many members of one relay shall not check in step. */
#define SPREAD 125000u
/* RFC 8445 5.1.2.1: peer-reflexive, first interface, component 1 */
#define PRIORITY ((UINT32_C(110) << 24) | (UINT32_C(65535) << 8) | 255u)
#define ROLE_CONFLICT 487

static const char *put_text(char **to, const char *text)
{
    char *const start = *to;
    const size_t size = strlen(text) + 1;
    memcpy(start, text, size);
    *to += size;
    return start;
}

/* They may have 256 characters each, and have about 30. */
static enum err set_conf(struct ice *i, const struct ice_conf *c)
{
    const char *const ufrag = c->controlling ? c->remote_ufrag : "";
    const char *const pwd = c->controlling ? c->remote_pwd : "";
    const size_t sum = strlen(c->local_ufrag) + strlen(c->local_pwd) + strlen(ufrag) + strlen(pwd);
    char *const texts = malloc(sum + 4);
    if (!texts)
        return E_NOMEM;
    free(i->texts);
    i->texts = texts;
    char *to = texts;
    i->local_ufrag = put_text(&to, c->local_ufrag);
    i->local_pwd = put_text(&to, c->local_pwd);
    i->remote_ufrag = put_text(&to, ufrag);
    i->remote_pwd = put_text(&to, pwd);
    i->controlling = c->controlling;
    i->remote = c->remote;
    return OK;
}

enum err ice_init(struct ice *i, const struct ice_conf *c, struct rng *rng, usec now)
{
    *i = (struct ice){.tie_breaker = rng_u64(rng), .heard = now};
    i->next = c->controlling ? now : USEC_NEVER;
    rng_bytes(rng, i->tid, sizeof i->tid);
    return set_conf(i, c);
}

void ice_fini(struct ice *i)
{
    free(i->texts);
    *i = (struct ice){0};
}

static void answer(const struct ice *i, const struct stun_msg *m, const struct addr *from,
                   uint16_t error, struct outq *out)
{
    uint8_t *const p = outq_reserve(out, from, STUN_MSG_MAX);
    if (!p)
        return;
    outq_commit(out, error ? stun_write_error(p, STUN_MSG_MAX, m->tid, error, i->local_pwd)
                           : stun_write_success(p, STUN_MSG_MAX, m->tid, from, i->local_pwd));
}

/* "ours:theirs"; theirs is proved by the password. */
static bool is_for_us(const struct ice *i, const struct stun_msg *m)
{
    const size_t n = strlen(i->local_ufrag);
    return n > 0 && strncmp(m->username, i->local_ufrag, n) == 0 && m->username[n] == ':';
}

/* The controlled side takes the first address that proved itself, until one is nominated. */
static bool take_request(struct ice *i, usec now, const struct stun_msg *m, const struct addr *from,
                         struct outq *out)
{
    i->heard = now;
    const bool conflict = i->controlling ? m->controlling : m->controlled;
    answer(i, m, from, conflict ? ROLE_CONFLICT : 0, out);
    if (conflict || i->controlling)
        return true;
    if (m->use_candidate || i->selected.port == 0)
        i->selected = *from;
    i->nominated |= m->use_candidate;
    return true;
}

static void start_next_check(struct ice *i, usec now)
{
    /* The transaction ids are a counter behind a random start: an answer is authentic by its
     * integrity, the id only pairs it with its request (RFC 8489 14.5, 5). */
    for (size_t k = sizeof i->tid; k-- > 0;)
        if (++i->tid[k])
            break;
    i->tries = 0;
    i->next = now + CONSENT_GAP;
}

/* RFC 8445 7.2.5.2.1: an answer counts only if it comes from where the check went. */
static bool take_success(struct ice *i, usec now, const struct stun_msg *m, const struct addr *from)
{
    if (memcmp(m->tid, i->tid, sizeof i->tid) != 0 || !addr_eq(from, &i->remote))
        return false;
    i->heard = now;
    if (i->tries == 1) /* of a repeated check nobody knows which was answered */
        i->rtt = now - i->sent;
    i->selected = *from;
    i->nominated = true;
    start_next_check(i, now);
    return true;
}

bool ice_input(struct ice *i, usec now, const uint8_t *p, size_t len, const struct addr *from,
               struct outq *out)
{
    struct stun_msg m;
    if (len > STUN_MSG_MAX || !stun_read(&m, p, len) || !m.has_integrity)
        return false;
    if (m.cls == STUN_REQUEST)
        return is_for_us(i, &m) && stun_check_integrity(p, len, i->local_pwd) &&
               take_request(i, now, &m, from, out);
    if (m.cls == STUN_SUCCESS && i->controlling)
        return stun_check_integrity(p, len, i->remote_pwd) && take_success(i, now, &m, from);
    return false;
}

static void send_check(struct ice *i, struct outq *out)
{
    char username[2 * ICE_CRED];
    const size_t theirs = strlen(i->remote_ufrag), ours = strlen(i->local_ufrag);
    memcpy(username, i->remote_ufrag, theirs);
    username[theirs] = ':';
    memcpy(username + theirs + 1, i->local_ufrag, ours + 1);
    struct stun_request rq = {.username = username,
                              .pwd = i->remote_pwd,
                              .priority = PRIORITY,
                              .tie_breaker = i->tie_breaker,
                              .controlling = true,
                              .use_candidate = true};
    memcpy(rq.tid, i->tid, sizeof rq.tid);
    uint8_t *const p = outq_reserve(out, &i->remote, STUN_MSG_MAX);
    if (p)
        outq_commit(out, stun_write_request(p, STUN_MSG_MAX, &rq));
}

/* A check that is not answered is repeated as it is, so that the answer counts to whichever of the
 * repeats it belongs: on a link with a long round trip no single one would be in time. */
void ice_tick(struct ice *i, usec now, struct rng *rng, struct outq *out)
{
    if (now < i->next)
        return;
    if (ice_failed(i, now)) {
        i->next = USEC_NEVER;
        return;
    }
    send_check(i, out);
    i->sent = now;
    i->next = now + usec_min(FIRST_GAP << (i->tries < 8 ? i->tries : 8), LAST_GAP);
    i->tries++;
    if (i->selected.port)
        i->next += rng_below(rng, SPREAD);
}

usec ice_next(const struct ice *i)
{
    return i->next;
}

enum err ice_restart(struct ice *i, const struct ice_conf *c, usec now)
{
    if (set_conf(i, c) != OK)
        return E_NOMEM;
    i->nominated = false;
    i->heard = now;
    i->rtt = 0;
    start_next_check(i, now);
    i->next = c->controlling ? now : USEC_NEVER;
    return OK;
}

bool ice_failed(const struct ice *i, usec now)
{
    return now - i->heard > ICE_DEAD;
}
