#include "engine/wire/stun.h"

#include "engine/base/bytes.h"

/* libnice names its message classes as we do. */
#define STUN_REQUEST NICE_STUN_REQUEST
#define STUN_INDICATION NICE_STUN_INDICATION
#define STUN_ERROR NICE_STUN_ERROR
#include <stun/stunagent.h>
#undef STUN_REQUEST
#undef STUN_INDICATION
#undef STUN_ERROR

#include <netinet/in.h>
#include <sys/socket.h>

#define HEADER 20
#define MAGIC_COOKIE 0x2112a442u
#define INTEGRITY_LEN 20

/* Attributes that must be understood and that we do understand; 0 ends the list. */
static const uint16_t known[] = {
    STUN_ATTRIBUTE_MAPPED_ADDRESS,
    STUN_ATTRIBUTE_USERNAME,
    STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
    STUN_ATTRIBUTE_ERROR_CODE,
    STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES,
    STUN_ATTRIBUTE_REALM,
    STUN_ATTRIBUTE_NONCE,
    STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
    STUN_ATTRIBUTE_PRIORITY,
    STUN_ATTRIBUTE_USE_CANDIDATE,
    0,
};

/* A password as libnice wants it. */
struct key {
    uint8_t bytes[STUN_TEXT];
    size_t len;
};

static bool key_of(struct key *k, const char *pwd)
{
    k->len = strnlen(pwd, STUN_TEXT);
    memcpy(k->bytes, pwd, k->len);
    return k->len > 0 && k->len < STUN_TEXT;
}

/* StunMessageIntegrityValidate: whoever the sender says it is, it must know our password. */
static bool give_key(StunAgent *agent, StunMessage *m, uint8_t *name, uint16_t name_len,
                     uint8_t **key, size_t *key_len, void *arg)
{
    (void)agent;
    (void)m;
    (void)name;
    (void)name_len;
    struct key *const k = arg;
    *key = k->bytes;
    *key_len = k->len;
    return true;
}

/* libnice takes 20 bytes whatever the length of MESSAGE-INTEGRITY says, and then reads past the
 * end of a message whose last attribute is a shorter one. */
static bool integrity_is_whole(const StunMessage *m)
{
    uint16_t len = 0;
    return !stun_message_find(m, STUN_ATTRIBUTE_MESSAGE_INTEGRITY, &len) || len == INTEGRITY_LEN;
}

/* Which response belongs to which request is the ICE agent's business: the codec is told that it
 * waits for just this one. */
static void expect(StunAgent *agent, const uint8_t *p, struct key *k)
{
    StunAgentSavedIds *const sent = &agent->sent_ids[0];
    memcpy(sent->id, p + 4, sizeof sent->id);
    sent->method = STUN_BINDING;
    sent->key = k ? k->bytes : NULL;
    sent->key_len = k ? k->len : 0;
    sent->valid = true;
}

/* A binding message with its fingerprint, whoever sent it. */
static bool look(StunAgent *agent, StunMessage *m, const uint8_t *p, size_t len)
{
    if (len < HEADER || len > STUN_MSG_MAX)
        return false;
    stun_agent_init(agent, known, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_USE_FINGERPRINT | STUN_AGENT_USAGE_IGNORE_CREDENTIALS);
    expect(agent, p, NULL);
    return stun_agent_validate(agent, m, p, len, NULL, NULL) == STUN_VALIDATION_SUCCESS &&
           stun_message_get_method(m) == STUN_BINDING && integrity_is_whole(m);
}

static bool read_username(struct stun_msg *m, const StunMessage *in)
{
    uint16_t len = 0;
    const void *const name = stun_message_find(in, STUN_ATTRIBUTE_USERNAME, &len);
    if (!name)
        return true;
    if (len >= sizeof m->username || memchr(name, 0, len))
        return false;
    memcpy(m->username, name, len);
    return true;
}

static void read_role(struct stun_msg *m, const StunMessage *in)
{
    m->controlling = stun_message_find64(in, STUN_ATTRIBUTE_ICE_CONTROLLING, &m->tie_breaker) ==
                     STUN_MESSAGE_RETURN_SUCCESS;
    m->controlled = !m->controlling &&
                    stun_message_find64(in, STUN_ATTRIBUTE_ICE_CONTROLLED, &m->tie_breaker) ==
                        STUN_MESSAGE_RETURN_SUCCESS;
}

static void read_mapped(struct stun_msg *m, const StunMessage *in)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    if (stun_message_find_xor_addr(in, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &ss, &len) !=
        STUN_MESSAGE_RETURN_SUCCESS)
        return;
    if (ss.ss_family == AF_INET) {
        struct sockaddr_in in4;
        uint8_t ip[4];
        memcpy(&in4, &ss, sizeof in4);
        memcpy(ip, &in4.sin_addr, sizeof ip);
        m->mapped = addr_v4(ip, ntohs(in4.sin_port));
    } else {
        struct sockaddr_in6 in6;
        memcpy(&in6, &ss, sizeof in6);
        m->mapped = addr_v6(in6.sin6_addr.s6_addr, ntohs(in6.sin6_port));
    }
}

bool stun_read(struct stun_msg *m, const uint8_t *p, size_t len)
{
    StunAgent agent;
    StunMessage in;
    *m = (struct stun_msg){0};
    if (!look(&agent, &in, p, len) || !read_username(m, &in))
        return false;

    static const enum stun_class classes[] = {STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS,
                                              STUN_ERROR};
    m->cls = classes[stun_message_get_class(&in)];
    memcpy(m->tid, p + 8, sizeof m->tid);
    (void)stun_message_find32(&in, STUN_ATTRIBUTE_PRIORITY, &m->priority);
    read_role(m, &in);
    m->use_candidate =
        stun_message_find_flag(&in, STUN_ATTRIBUTE_USE_CANDIDATE) == STUN_MESSAGE_RETURN_SUCCESS;
    m->has_integrity = stun_message_has_attribute(&in, STUN_ATTRIBUTE_MESSAGE_INTEGRITY);
    int code = 0;
    if (m->cls == STUN_ERROR && stun_message_find_error(&in, &code) == STUN_MESSAGE_RETURN_SUCCESS)
        m->error = (uint16_t)code;
    if (m->cls == STUN_SUCCESS)
        read_mapped(m, &in);
    return true;
}

bool stun_check_integrity(const uint8_t *p, size_t len, const char *pwd)
{
    StunAgent agent;
    StunMessage in;
    struct key k;
    if (!key_of(&k, pwd) || !look(&agent, &in, p, len))
        return false;

    agent.usage_flags = STUN_AGENT_USAGE_USE_FINGERPRINT;
    expect(&agent, p, &k);
    /* The codec lets some error responses pass unauthenticated: the key says whether it looked. */
    return stun_agent_validate(&agent, &in, p, len, give_key, &k) == STUN_VALIDATION_SUCCESS &&
           in.key != NULL;
}

static bool begin(StunAgent *agent, StunMessage *m, uint8_t *out, size_t cap, StunClass cls,
                  const uint8_t tid[12])
{
    stun_agent_init(agent, known, STUN_COMPATIBILITY_RFC5389, STUN_AGENT_USAGE_USE_FINGERPRINT);
    /* A multiple of 4: the codec does not count the padding when it looks for room. */
    *m = (StunMessage){
        .agent = agent, .buffer = out, .buffer_len = size_min(cap, STUN_MSG_MAX) & ~(size_t)3};
    StunTransactionId id;
    put_be32(id, MAGIC_COOKIE);
    memcpy(id + 4, tid, 12);
    return stun_message_init(m, cls, STUN_BINDING, id);
}

static size_t finish(StunAgent *agent, StunMessage *m, const char *pwd)
{
    struct key k;
    return key_of(&k, pwd) ? stun_agent_finish_message(agent, m, k.bytes, k.len) : 0;
}

size_t stun_write_request(uint8_t *out, size_t cap, const struct stun_request *rq)
{
    StunAgent agent;
    StunMessage m;
    const StunAttribute role =
        rq->controlling ? STUN_ATTRIBUTE_ICE_CONTROLLING : STUN_ATTRIBUTE_ICE_CONTROLLED;
    if (!begin(&agent, &m, out, cap, NICE_STUN_REQUEST, rq->tid) ||
        stun_message_append_string(&m, STUN_ATTRIBUTE_USERNAME, rq->username) ||
        stun_message_append32(&m, STUN_ATTRIBUTE_PRIORITY, rq->priority) ||
        stun_message_append64(&m, role, rq->tie_breaker))
        return 0;
    if (rq->use_candidate && stun_message_append_flag(&m, STUN_ATTRIBUTE_USE_CANDIDATE))
        return 0;
    return finish(&agent, &m, rq->pwd);
}

size_t stun_write_success(uint8_t *out, size_t cap, const uint8_t tid[12],
                          const struct addr *mapped, const char *pwd)
{
    StunAgent agent;
    StunMessage m;
    struct sockaddr_storage ss = {0};
    socklen_t len;
    if (addr_is_v4(mapped)) {
        struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(mapped->port)};
        memcpy(&in4.sin_addr, mapped->ip + 12, 4);
        len = sizeof in4;
        memcpy(&ss, &in4, len);
    } else {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(mapped->port)};
        memcpy(&in6.sin6_addr, mapped->ip, 16);
        len = sizeof in6;
        memcpy(&ss, &in6, len);
    }
    if (!begin(&agent, &m, out, cap, STUN_RESPONSE, tid) ||
        stun_message_append_xor_addr(&m, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &ss, len))
        return 0;
    return finish(&agent, &m, pwd);
}

size_t stun_write_error(uint8_t *out, size_t cap, const uint8_t tid[12], uint16_t code,
                        const char *pwd)
{
    StunAgent agent;
    StunMessage m;
    if (!begin(&agent, &m, out, cap, NICE_STUN_ERROR, tid) ||
        stun_message_append_error(&m, (StunError)code))
        return 0;
    return finish(&agent, &m, pwd);
}
