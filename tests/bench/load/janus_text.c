#include "tests/bench/load/janus_text.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_EXISTS 427 /* JANUS_VIDEOROOM_ERROR_ROOM_EXISTS */

static char *text_of(json_t *doc)
{
    char *const text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    json_decref(doc);
    return text;
}

char *janus_text_plain(const char *verb, const char *transaction)
{
    return text_of(json_pack("{s:s, s:s}", "janus", verb, "transaction", transaction));
}

char *janus_text_attach(const char *transaction)
{
    return text_of(json_pack("{s:s, s:s, s:s}", "janus", "attach", "transaction", transaction,
                             "plugin", "janus.plugin.videoroom"));
}

static char *message(const char *transaction, json_t *body, json_t *jsep)
{
    json_t *const doc = json_pack("{s:s, s:s, s:o, s:o*}", "janus", "message", "transaction",
                                  transaction, "body", body, "jsep", jsep);
    return text_of(doc);
}

char *janus_text_create(const char *transaction, unsigned room)
{
    json_t *const body =
        json_pack("{s:s, s:I, s:b, s:i, s:i, s:i, s:s, s:s}", "request", "create", "room",
                  (json_int_t)room, "permanent", 0, "publishers", 4, "bitrate", 0, "fir_freq", 0,
                  "audiocodec", "opus", "videocodec", "vp8");
    return message(transaction, body, NULL);
}

static json_t *jsep(const char *type, const char *sdp)
{
    return json_pack("{s:s, s:s, s:b}", "type", type, "sdp", sdp, "trickle", 0);
}

char *janus_text_publish(const char *transaction, unsigned room, const char *offer)
{
    json_t *const body = json_pack("{s:s, s:s, s:I, s:s}", "request", "joinandconfigure", "ptype",
                                   "publisher", "room", (json_int_t)room, "display", "lead");
    return message(transaction, body, jsep("offer", offer));
}

char *janus_text_subscribe(const char *transaction, unsigned room, uint64_t feed)
{
    json_t *const body =
        json_pack("{s:s, s:s, s:I, s:[{s:I}]}", "request", "join", "ptype", "subscriber", "room",
                  (json_int_t)room, "streams", "feed", (json_int_t)feed);
    return message(transaction, body, NULL);
}

char *janus_text_start(const char *transaction, unsigned room, const char *answer)
{
    json_t *const body = json_pack("{s:s, s:I}", "request", "start", "room", (json_int_t)room);
    return message(transaction, body, jsep("answer", answer));
}

static const char *string_of(const json_t *o, const char *key, const char *otherwise)
{
    const char *const s = json_string_value(json_object_get(o, key));
    return s ? s : otherwise;
}

static uint64_t id_of(const json_t *o, const char *key)
{
    const json_int_t v = json_integer_value(json_object_get(o, key));
    return v > 0 ? (uint64_t)v : 0;
}

void janus_text_read(const json_t *doc, struct janus_said *said)
{
    const json_t *const plugin = json_object_get(json_object_get(doc, "plugindata"), "data");
    *said = (struct janus_said){
        .room_exists = id_of(plugin, "error_code") == ROOM_EXISTS,
        .janus = string_of(doc, "janus", ""),
        .transaction = string_of(doc, "transaction", ""),
        .id = id_of(json_object_get(doc, "data"), "id"),
        .publisher = id_of(plugin, "id"),
        .feed = id_of(json_array_get(json_object_get(plugin, "publishers"), 0), "id"),
        .sdp = string_of(json_object_get(doc, "jsep"), "sdp", NULL),
        .error =
            string_of(plugin, "error", string_of(json_object_get(doc, "error"), "reason", NULL)),
    };
}

static bool is_loopback(const struct addr *a)
{
    return addr_is_v4(a) && a->ip[12] == 127;
}

bool janus_text_remote(const char *text, struct addr *remote)
{
    struct sdp *const s = calloc(1, sizeof *s);
    struct sdp_error e;
    bool found = false;
    const bool good = s && sdp_read(s, text, strlen(text), &e) && s->medias;
    for (size_t i = 0; good && i < s->media[0].cands; i++) {
        const struct sdp_cand *const c = &s->media[0].cand[i];
        if (c->tcp || c->component != 1 || !addr_is_v4(&c->addr))
            continue;
        if (!found || is_loopback(&c->addr))
            *remote = c->addr;
        found = true;
    }
    free(s);
    return found;
}

bool janus_text_answer(struct nego *n, const char *offer, const struct nego_self *self,
                       struct rng *rng, char *answer, struct nego_error *e)
{
    if (!nego_answer(n, offer, strlen(offer), NEGO_PUBLISH, self, rng, answer, e))
        return false;
    *e = (struct nego_error){.field = "a=candidate", .what = "no IPv4 address"};
    if (!janus_text_remote(offer, &n->ice.remote))
        return false;
    if (n->ice.controlling)
        return true;
    *e = (struct nego_error){.field = "a=ice-lite",
                             .what = "missing: set ice_lite = true in Janus' nat section"};
    return false;
}
