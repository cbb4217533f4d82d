/* nego_offer.c - the offering side. */
#include "engine/peer/nego.h"

#include "engine/peer/nego_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PT_OPUS = 111, PT_RED = 63, PT_VP8 = 96, PT_VP9 = 98, PT_FEC = 118 };

static void fill_line(struct nego_media *l, size_t i, struct rng *rng)
{
    if (!l->mid[0])
        snprintf(l->mid, sizeof l->mid, "%zu", i);
    if (!l->stream[0])
        snprintf(l->stream, sizeof l->stream, "lead");
    if (l->codec == NEGO_NONE)
        l->codec = l->audio ? NEGO_OPUS : NEGO_VP8;
    l->pt = l->audio ? PT_OPUS : l->codec == NEGO_VP9 ? PT_VP9 : PT_VP8;
    l->rtx_pt = (uint8_t)(l->pt + 1);
    if (l->codec == NEGO_VP8 && l->recv && !l->send) {
        l->vp9_pt = PT_VP9;
        l->vp9_rtx_pt = PT_VP9 + 1;
    }
    l->red_pt = l->audio ? PT_RED : 0;
    l->fec_pt = !l->audio && l->recv && !l->send ? PT_FEC : 0;
    l->nack = true; /* a lost voice is asked for again too: it is small and matters most */
    l->pli = !l->audio;
    l->twcc = true;
    for (unsigned k = 0; k < RTP_EXT_COUNT; k++)
        l->ext.id[k] = (uint8_t)(k + 1);
    l->ext.id[RTP_EXT_DEPDESC] = 0; /* nothing here writes it */
    if (l->send)
        nego_choose_ssrcs(l, rng);
}

bool nego_offer(struct nego *n, const struct nego_self *self, struct rng *rng, char *offer)
{
    assert(n->n > 0 && n->n <= NEGO_MEDIA);
    struct sdp *const s = calloc(1, sizeof *s);
    if (!s)
        return false;
    nego_new_credentials(&n->ice, rng);
    n->ice.controlling = !self->lite;
    rng_text(rng, n->cname, 16);
    s->session_id = rng_u64(rng) >> 2;
    s->session_version = 1;
    s->ice_lite = self->lite;
    s->bundle = true;
    s->medias = n->n;
    for (size_t i = 0; i < n->n; i++) {
        fill_line(&n->media[i], i, rng);
        nego_put_line(&s->media[i], n, &n->media[i], self, i == 0);
        snprintf(s->media[i].proto, sizeof s->media[i].proto, "UDP/TLS/RTP/SAVPF");
        s->media[i].setup = SDP_ACTPASS;
    }
    const bool ok = sdp_write(s, offer, NEGO_SDP_MAX) > 0;
    free(s);
    return ok;
}

static bool has_rid(const struct sdp_media *m, const char *rid)
{
    for (size_t i = 0; i < m->rids; i++)
        if (strcmp(m->rid[i], rid) == 0)
            return true;
    return false;
}

/* Layers that the other side does not take fall out; with none left it is one stream. */
static void keep_layers(struct nego_media *l, const struct sdp_media *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->layers; i++) {
        if (!m->rids_recv || !has_rid(m, l->rid[i]))
            continue;
        if (kept != i)
            memcpy(l->rid[kept], l->rid[i], SDP_ID);
        l->ssrc[kept] = l->ssrc[i];
        l->rtx_ssrc[kept++] = l->rtx_ssrc[i];
    }
    l->layers = kept;
}

static void keep_extensions(struct nego_media *l, const struct rtp_extmap *offered)
{
    for (unsigned k = 0; k < RTP_EXT_COUNT; k++)
        if (l->ext.id[k] != offered->id[k])
            l->ext.id[k] = 0;
}

static void accept_line(struct nego_media *l, const struct sdp_media *m)
{
    const struct nego_media offered = *l;
    l->send = offered.send && (m->dir == SDP_RECVONLY || m->dir == SDP_SENDRECV);
    l->recv = offered.recv && (m->dir == SDP_SENDONLY || m->dir == SDP_SENDRECV);
    l->refused = m->other || !nego_lives(m) || (!l->send && !l->recv) || !nego_take_codec(l, m);
    if (l->refused) {
        l->send = l->recv = false;
        return;
    }
    keep_extensions(l, &offered.ext);
    l->fec_pt = offered.fec_pt ? l->fec_pt : 0;
    l->twcc = l->twcc && l->ext.id[RTP_EXT_TWCC];
    if (l->send)
        keep_layers(l, m);
    if (l->recv && !l->send && m->ssrcs) {
        l->ssrc[0] = m->ssrc[0];
        l->rtx_ssrc[0] = m->rtx_ssrc[0];
        l->fec_ssrc = m->fec_ssrc[0];
    }
}

static bool take_setup(struct nego *n, enum sdp_setup setup, struct nego_error *e)
{
    if (setup != SDP_ACTIVE && setup != SDP_PASSIVE)
        return nego_refuse(e, "a=setup", "an answer must say active or passive");
    n->dtls_server = setup == SDP_ACTIVE;
    return true;
}

static bool take_answer(struct nego *n, const struct sdp *s, struct nego_error *e)
{
    if (s->medias != n->n)
        return nego_refuse(e, "m=", "the answer has not as many media lines as the offer");
    size_t first = n->n;
    for (size_t i = n->n; i-- > 0;) {
        if (n->media[i].audio != s->media[i].audio || s->media[i].other)
            return nego_refuse(e, "m=", "a media line is answered with another kind");
        accept_line(&n->media[i], &s->media[i]);
        first = n->media[i].refused ? first : i;
    }
    if (first == n->n)
        return nego_refuse(e, "m=", "every media line was refused");
    if (s->ice_lite)
        n->ice.controlling = true;
    return take_setup(n, s->media[first].setup, e) && nego_take_transport(n, &s->media[first], e);
}

bool nego_accept(struct nego *n, const char *answer, size_t len, struct nego_error *e)
{
    struct sdp *const s = calloc(1, sizeof *s);
    if (!s)
        return nego_refuse(e, "sdp", "no memory to read it");
    const bool ok = nego_read(s, answer, len, e) && take_answer(n, s, e);
    free(s);
    return ok;
}
