/* nego_restart.c - new ICE credentials and trickled candidates while the session goes on. */
#include "engine/peer/nego_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A fragment is a description without its first lines; what stands before its m-lines, if it has
 * any, is copied down by sdp_read to an m-line at the end. */
static const char before[] = "v=0";
static const char behind[] = "\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n";

static bool read_fragment(struct sdp *s, const char *frag, size_t len, struct nego_error *e)
{
    if (len > SDP_TEXT_MAX / 2)
        return nego_refuse(e, "sdp", "longer than is taken");
    while (len && (frag[len - 1] == '\n' || frag[len - 1] == '\r'))
        len--;
    const size_t head = sizeof before - 1, tail = sizeof behind - 1, line = len ? 2 : 0;
    char *const text = malloc(head + line + len + tail);
    if (!text)
        return nego_refuse(e, "sdp", "no memory to read it");
    memcpy(text, before, head);
    memcpy(text + head, "\r\n", line);
    memcpy(text + head + line, frag, len);
    memcpy(text + head + line + len, behind, tail);
    const bool ok = nego_read(s, text, head + line + len + tail, e);
    free(text);
    if (!ok && e->line)
        e->line--;
    return ok;
}

/* The first line with credentials stands for all of the bundle. */
static const struct sdp_media *transport_of(const struct sdp *s)
{
    for (size_t i = 0; i < s->medias; i++)
        if (s->media[i].ufrag[0])
            return &s->media[i];
    return &s->media[0];
}

static bool write_fragment(const struct nego *n, const struct nego_self *self, char *out)
{
    size_t first = 0;
    while (first + 1 < n->n && n->media[first].refused)
        first++;
    struct sdp_media *const m = calloc(1, sizeof *m);
    if (!m)
        return false;
    m->audio = n->media[first].audio;
    m->port = 9;
    m->fmts = 1;
    snprintf(m->proto, sizeof m->proto, "UDP/TLS/RTP/SAVPF");
    memcpy(m->mid, n->media[first].mid, sizeof m->mid);
    memcpy(m->ufrag, n->ice.local_ufrag, sizeof m->ufrag);
    memcpy(m->pwd, n->ice.local_pwd, sizeof m->pwd);
    nego_put_candidates(m, self);
    const bool ok = sdp_write_fragment(m, self->lite, out, NEGO_SDP_MAX) > 0;
    free(m);
    return ok;
}

static bool answer_fragment(struct nego *n, const struct sdp *s, const struct nego_self *self,
                            struct rng *rng, char *answer, struct nego_error *e)
{
    const struct sdp_media *const m = transport_of(s);
    struct ice_conf ice = n->ice;
    for (size_t i = 0; i < s->medias; i++)
        nego_take_candidates(&ice, &s->media[i]);
    answer[0] = 0;
    const bool same =
        strcmp(m->ufrag, ice.remote_ufrag) == 0 && strcmp(m->pwd, ice.remote_pwd) == 0;
    if (!same && m->ufrag[0]) {
        if (!nego_take_credentials(&ice, m, e))
            return false;
        nego_new_credentials(&ice, rng);
    }
    const struct ice_conf old = n->ice;
    n->ice = ice;
    if (same || !m->ufrag[0] || write_fragment(n, self, answer))
        return true;
    n->ice = old;
    return nego_refuse(e, "sdp", "no memory to answer it");
}

bool nego_restart(struct nego *n, const char *frag, size_t len, const struct nego_self *self,
                  struct rng *rng, char *answer, struct nego_error *e)
{
    struct sdp *const s = calloc(1, sizeof *s);
    if (!s)
        return nego_refuse(e, "sdp", "no memory to read it");
    const bool ok = read_fragment(s, frag, len, e) && answer_fragment(n, s, self, rng, answer, e);
    free(s);
    return ok;
}

bool nego_restart_begin(struct nego *n, const struct nego_self *self, struct rng *rng, char *frag)
{
    nego_new_credentials(&n->ice, rng);
    return write_fragment(n, self, frag);
}

bool nego_restart_end(struct nego *n, const char *frag, size_t len, struct nego_error *e)
{
    struct sdp *const s = calloc(1, sizeof *s);
    if (!s)
        return nego_refuse(e, "sdp", "no memory to read it");
    bool ok = read_fragment(s, frag, len, e);
    if (ok) {
        const struct sdp_media *const m = transport_of(s);
        nego_take_candidates(&n->ice, m);
        ok = nego_take_credentials(&n->ice, m, e);
    }
    free(s);
    return ok;
}
