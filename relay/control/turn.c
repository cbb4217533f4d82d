#include "relay/control/turn.h"

#include "engine/base/iceserver.h"
#include "relay/control/core.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

bool turn_password(const char *secret, const char *username, char out[TURN_PASSWORD])
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!HMAC(EVP_sha1(), secret, (int)strlen(secret), (const uint8_t *)username, strlen(username),
              mac, &n))
        return false;
    (void)EVP_EncodeBlock((uint8_t *)out, mac, (int)n);
    return true;
}

/* Who uses it may be seen in the TURN server's log: his site or role, no person. */
static bool link_of(const struct control *c, const struct control_turn *t, const struct claims *who,
                    char out[ICESERVER_LINK])
{
    char username[ICESERVER_TEXT];
    char password[TURN_PASSWORD];
    if (!t->secret)
        return iceserver_link(out, ICESERVER_LINK, t->url, t->username, t->password);
    const long long expiry = c->wall_ms / 1000 + c->conf.turn_s;
    text_put(username, sizeof username, "%lld:%s", expiry,
             who->site[0] ? who->site : role_name(who->role));
    return turn_password(t->secret, username, password) &&
           iceserver_link(out, ICESERVER_LINK, t->url, username, password);
}

void turn_tell(const struct control *c, struct request *r)
{
    for (size_t i = 0; i < c->conf.turns; i++) {
        char link[ICESERVER_LINK];
        if (link_of(c, &c->conf.turn[i], &r->claims, link))
            answer_header(r, "Link", link);
    }
}
