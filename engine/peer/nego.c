/* nego.c - the answering side. */
#include "engine/peer/nego.h"

#include "engine/peer/nego_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two descriptions are too much for a stack. */
struct work {
    struct sdp offer;
    struct sdp answer;
};

/* How people name simulcast layers, lowest first. An offer may list them in either order. */
static const char *const schemes[][3] = {
    {"q", "h", "f"},        {"l", "m", "h"},           {"0", "1", "2"},    {"1", "2", "3"},
    {"lo", "mid", "hi"},    {"low", "mid", "high"},    {"r0", "r1", "r2"}, {"s", "m", "l"},
    {"low", "med", "high"}, {"low", "medium", "high"},
};

static int rank(const char *const scheme[3], const char *rid)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(scheme[i], rid) == 0)
            return i;
    return -1;
}

static bool fits(const char *const scheme[3], const struct nego_media *l)
{
    for (size_t i = 0; i < l->layers; i++)
        if (rank(scheme, l->rid[i]) < 0)
            return false;
    return true;
}

static void swap_rids(struct nego_media *l, size_t a, size_t b)
{
    char keep[SDP_ID];
    memcpy(keep, l->rid[a], SDP_ID);
    memcpy(l->rid[a], l->rid[b], SDP_ID);
    memcpy(l->rid[b], keep, SDP_ID);
}

static void sort_rids(struct nego_media *l)
{
    size_t s = 0;
    while (s < ARRAY_LEN(schemes) && !fits(schemes[s], l))
        s++;
    if (s == ARRAY_LEN(schemes))
        return;
    for (size_t i = 1; i < l->layers; i++)
        for (size_t k = i; k > 0; k--)
            if (rank(schemes[s], l->rid[k - 1]) > rank(schemes[s], l->rid[k]))
                swap_rids(l, k - 1, k);
}

/* Simulcast needs the header extension that names the layer. */
static void take_layers(struct nego_media *l, const struct sdp_media *m)
{
    if (m->rids == 0 || m->rids_recv || !l->ext.id[RTP_EXT_RID])
        return;
    l->layers = size_min(m->rids, NEGO_LAYERS);
    memcpy(l->rid, m->rid, sizeof l->rid);
    sort_rids(l);
}

static bool receives(const struct sdp_media *m)
{
    return m->dir == SDP_SENDRECV || m->dir == SDP_RECVONLY;
}

static bool sends(const struct sdp_media *m)
{
    return m->dir == SDP_SENDRECV || m->dir == SDP_SENDONLY;
}

static void take_line(struct nego_media *l, const struct sdp_media *m, enum nego_role role)
{
    l->audio = m->audio && !m->other;
    memcpy(l->mid, m->mid, sizeof l->mid);
    l->recv = role == NEGO_PUBLISH && sends(m);
    l->send = role == NEGO_PLAY && receives(m);
    l->refused = m->other || !nego_lives(m) || (!l->recv && !l->send) || !nego_take_codec(l, m);
    if (l->refused) {
        l->recv = l->send = false;
        return;
    }
    if (!l->recv)
        return;
    if (!l->audio)
        take_layers(l, m);
    if (l->layers == 0 && m->ssrcs) {
        l->ssrc[0] = m->ssrc[0];
        l->rtx_ssrc[0] = m->rtx_ssrc[0];
    }
}

/* RFC 8830: lines of one stream are played in step; see nego_self. */
static void name_streams(struct nego *n, const struct nego_self *self)
{
    static const char *const voices[] = {"lead", "floor"};
    static const char *const videos[] = {"lead", "lead", "floor"};
    size_t voice = 0, video = 0;
    for (size_t i = 0; i < n->n; i++) {
        struct nego_media *const l = &n->media[i];
        const size_t k = l->audio ? voice++ : video++;
        const char *const usual = l->audio ? (k < ARRAY_LEN(voices) ? voices[k] : l->mid)
                                           : (k < ARRAY_LEN(videos) ? videos[k] : l->mid);
        const char *const wanted = l->audio ? self->audio_stream[k] : self->video_stream[k];
        snprintf(l->stream, sizeof l->stream, "%s", wanted ? wanted : usual);
        if (!l->stream[0])
            snprintf(l->stream, sizeof l->stream, "lead");
    }
}

/* RFC 8859 5.2: the characters of a token. */
static bool is_token(const char *s)
{
    for (; *s; s++)
        if (*s <= ' ' || *s > '~' || strchr("\"(),/:;<=>?@[\\]", *s))
            return false;
    return true;
}

static bool mids_are_good(const struct nego *n, struct nego_error *e)
{
    for (size_t i = 0; i < n->n; i++) {
        const char *const mid = n->media[i].mid;
        if (!is_token(mid))
            return nego_refuse(e, "a=mid", "has a character that no token has");
        for (size_t k = 0; k < i; k++)
            if (mid[0] && strcmp(mid, n->media[k].mid) == 0)
                return nego_refuse(e, "a=mid", "two media lines have the same");
        for (size_t k = 0; k < n->media[i].layers; k++)
            if (!is_token(n->media[i].rid[k]))
                return nego_refuse(e, "a=rid", "has a character that no token has");
    }
    return true;
}

static bool take_setup(struct nego *n, enum sdp_setup setup, struct nego_error *e)
{
    if (setup == SDP_SETUP_NONE)
        return nego_refuse(e, "a=setup", "missing");
    n->dtls_server = setup != SDP_PASSIVE;
    return true;
}

/* The first line that is served carries the transport of all. */
static bool take_bundle(struct nego *n, const struct sdp *offer, struct nego_error *e)
{
    size_t live = 0, first = n->n;
    for (size_t i = 0; i < n->n; i++) {
        if (n->media[i].refused)
            continue;
        first = live++ ? first : i;
        if (!offer->media[i].rtcp_mux)
            return nego_refuse(e, "a=rtcp-mux", "missing: RTP and RTCP share one port here");
    }
    if (live == 0)
        return nego_refuse(
            e, "m=", "no media line can be served: Opus, VP8 or VP9 in the right direction");
    if (live > 1 && !offer->bundle)
        return nego_refuse(e, "a=group:BUNDLE", "must name every media line");
    const struct sdp_media *const m = &offer->media[first];
    return take_setup(n, m->setup, e) && nego_take_transport(n, m, e);
}

static bool take_offer(struct nego *n, const struct sdp *offer, enum nego_role role,
                       const struct nego_self *self, struct nego_error *e)
{
    if (offer->medias == 0 || offer->medias > NEGO_MEDIA)
        return nego_refuse(e, "m=", "there must be 1 to 12 media lines");
    if (offer->ice_lite && self->lite)
        return nego_refuse(e, "a=ice-lite", "both sides are lite: nobody would check");
    n->n = offer->medias;
    for (size_t i = 0; i < n->n; i++)
        take_line(&n->media[i], &offer->media[i], role);
    n->ice.controlling = offer->ice_lite;
    return mids_are_good(n, e) && take_bundle(n, offer, e);
}

/* RFC 8829 5.3.1: a line that is refused keeps its place, its transport and a format. */
static void put_refused(struct sdp_media *m, const struct sdp_media *offered)
{
    m->audio = offered->audio;
    m->other = offered->other;
    m->dir = SDP_INACTIVE;
    memcpy(m->mid, offered->mid, sizeof m->mid);
    memcpy(m->proto, offered->proto, sizeof m->proto);
    memcpy(m->other_name, offered->other_name, sizeof m->other_name);
    memcpy(m->other_fmt, offered->other_fmt, sizeof m->other_fmt);
    m->fmt[0].pt = offered->fmt[0].pt;
    m->fmts = offered->fmts ? 1 : 0;
}

static void put_answer(struct sdp *s, const struct nego *n, const struct sdp *offer,
                       const struct nego_self *self)
{
    bool first = true;
    s->ice_lite = self->lite;
    s->bundle = offer->bundle;
    s->medias = n->n;
    for (size_t i = 0; i < n->n; i++) {
        struct sdp_media *const m = &s->media[i];
        if (n->media[i].refused) {
            put_refused(m, &offer->media[i]);
            continue;
        }
        nego_put_line(m, n, &n->media[i], self, first);
        memcpy(m->proto, offer->media[i].proto, sizeof m->proto);
        m->setup = n->dtls_server ? SDP_PASSIVE : SDP_ACTIVE;
        first = false;
    }
}

static void choose(struct nego *n, const struct nego_self *self, struct rng *rng)
{
    nego_new_credentials(&n->ice, rng);
    rng_text(rng, n->cname, 16);
    name_streams(n, self);
    for (size_t i = 0; i < n->n; i++)
        if (n->media[i].send)
            nego_choose_ssrcs(&n->media[i], rng);
}

bool nego_answer(struct nego *n, const char *offer, size_t len, enum nego_role role,
                 const struct nego_self *self, struct rng *rng, char *answer, struct nego_error *e)
{
    memset(n, 0, sizeof *n);
    struct work *const w = calloc(1, sizeof *w);
    if (!w)
        return nego_refuse(e, "sdp", "no memory to read it");
    bool ok = nego_read(&w->offer, offer, len, e) && take_offer(n, &w->offer, role, self, e);
    if (ok) {
        choose(n, self, rng);
        w->answer.session_id = rng_u64(rng) >> 2;
        w->answer.session_version = 1;
        put_answer(&w->answer, n, &w->offer, self);
        ok = sdp_write(&w->answer, answer, NEGO_SDP_MAX) > 0 ||
             nego_refuse(e, "sdp", "the answer would be too long");
    }
    free(w);
    return ok;
}
