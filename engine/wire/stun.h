/* stun.h - the STUN messages that ICE and its consent checks use (RFC 8489, RFC 8445, RFC 7675),
 * on libnice's codec. */
#pragma once

#include "engine/base/addr.h"

#define STUN_MSG_MAX 548 /* longest message that we write or take */
#define STUN_TEXT 257    /* longest ufrag or password (RFC 8839 5.4: 256), with its 0 */

enum stun_class { STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS, STUN_ERROR };

/* A binding message as read. Nothing in it is trusted before stun_check_integrity said so. */
struct stun_msg {
    enum stun_class cls;
    uint8_t tid[12];
    char username[2 * STUN_TEXT]; /* "receiver's ufrag:sender's ufrag", "" if absent */
    uint32_t priority;
    uint64_t tie_breaker;
    bool controlling;
    bool controlled;
    bool use_candidate;
    bool has_integrity;
    uint16_t error;     /* of an error response: 401, 487, … */
    struct addr mapped; /* XOR-MAPPED-ADDRESS of a success response; port 0 = none */
};

/* False: not a well-formed binding message with a right FINGERPRINT. */
MUST_USE bool stun_read(struct stun_msg *m, const uint8_t *p, size_t len);

/* MESSAGE-INTEGRITY with the short-term password `pwd`. */
MUST_USE bool stun_check_integrity(const uint8_t *p, size_t len, const char *pwd);

struct stun_request {
    uint8_t tid[12];
    const char *username;
    const char *pwd; /* the remote side's */
    uint32_t priority;
    uint64_t tie_breaker;
    bool controlling;
    bool use_candidate;
};

/* Each writes a whole message with integrity and fingerprint and returns its length; 0: no room. */
size_t stun_write_request(uint8_t *out, size_t cap, const struct stun_request *rq);
size_t stun_write_success(uint8_t *out, size_t cap, const uint8_t tid[12],
                          const struct addr *mapped, const char *pwd);
size_t stun_write_error(uint8_t *out, size_t cap, const uint8_t tid[12], uint16_t code,
                        const char *pwd);
