/* nego_line.c - one m-line to what it means, and back. */
#include "engine/peer/nego_line.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define UFRAG_NEW 8
#define PWD_NEW 24
#define HOST_PREFERENCE 126u /* RFC 8445 5.1.2.2 */
#define TCP_PREFERENCE 90u   /* RFC 6544 4.2: any UDP is tried before it; as browsers have it */
#define PASSIVE (UINT32_C(4) << 13)
#define FEC_WINDOW 10000000 /* us that a repair packet may come after what it protects */

bool nego_refuse(struct nego_error *e, const char *field, const char *what)
{
    *e = (struct nego_error){.field = field, .what = what};
    return false;
}

bool nego_read(struct sdp *s, const char *text, size_t len, struct nego_error *e)
{
    struct sdp_error why;
    if (sdp_read(s, text, len, &why))
        return true;
    *e = (struct nego_error){.field = "sdp", .what = why.what, .line = why.line};
    return false;
}

bool nego_lives(const struct sdp_media *m)
{
    return m->port || m->bundle_only;
}

/* RFC 8839 5.4 */
static bool is_ice_text(const char *text, size_t least)
{
    static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t n = strlen(text);
    return n >= least && strspn(text, chars) == n;
}

bool nego_take_credentials(struct ice_conf *ice, const struct sdp_media *m, struct nego_error *e)
{
    if (!is_ice_text(m->ufrag, 4))
        return nego_refuse(e, "a=ice-ufrag", "missing, or not 4 to 256 characters of ICE's set");
    if (!is_ice_text(m->pwd, 22))
        return nego_refuse(e, "a=ice-pwd", "missing, or not 22 to 256 characters of ICE's set");
    memcpy(ice->remote_ufrag, m->ufrag, sizeof ice->remote_ufrag);
    memcpy(ice->remote_pwd, m->pwd, sizeof ice->remote_pwd);
    return true;
}

static bool is_usable(const struct sdp_cand *c)
{
    return c->component == 1 && c->addr.port != 0 &&
           (!c->tcp || strcmp(c->tcp_type, "passive") == 0);
}

/* Best first; of two alike the one that was named first. */
static size_t sort_candidates(const struct sdp_cand *sorted[SDP_CANDS], const struct sdp_media *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->cands; i++) {
        const struct sdp_cand *const c = &m->cand[i];
        if (!is_usable(c))
            continue;
        size_t at = n++;
        for (; at > 0 && sorted[at - 1]->priority < c->priority; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = c;
    }
    return n;
}

void nego_take_candidates(struct ice_conf *ice, const struct sdp_media *m)
{
    static_assert(SDP_CANDS <= ICE_CANDS, "all that was read is kept");
    const struct sdp_cand *sorted[SDP_CANDS];
    const size_t n = sort_candidates(sorted, m);
    const struct addr *udp = NULL;
    for (size_t i = 0; i < n; i++) {
        ice->cand[i] = sorted[i]->addr;
        if (!udp && !sorted[i]->tcp)
            udp = &ice->cand[i];
    }
    if (n > 0) /* else a fragment without any: those of before stay */
        ice->cands = n;
    if (udp)
        ice->remote = *udp;
}

static bool is_fingerprint(const char *fp)
{
    size_t n = 0;
    for (; fp[n]; n++)
        if (n % 3 == 2 ? fp[n] != ':' : !strchr("0123456789ABCDEF", fp[n]))
            return false;
    return n == DTLS_FP_TEXT - 1;
}

bool nego_take_transport(struct nego *n, const struct sdp_media *m, struct nego_error *e)
{
    if (!is_fingerprint(m->fingerprint))
        return nego_refuse(e, "a=fingerprint", "there is no sha-256 fingerprint of 32 bytes");
    memcpy(n->fingerprint, m->fingerprint, DTLS_FP_TEXT);
    nego_take_candidates(&n->ice, m);
    return nego_take_credentials(&n->ice, m, e);
}

void nego_new_credentials(struct ice_conf *ice, struct rng *rng)
{
    rng_text(rng, ice->local_ufrag, UFRAG_NEW);
    rng_text(rng, ice->local_pwd, PWD_NEW);
}

static bool is_codec(const struct sdp_fmt *f, enum nego_codec codec)
{
    switch (codec) {
    case NEGO_OPUS:
        return strcasecmp(f->name, "opus") == 0 && f->rate == 48000 && f->channels == 2;
    case NEGO_VP8:
        return strcasecmp(f->name, "VP8") == 0 && f->rate == 90000;
    case NEGO_VP9:
        /* RFC 9628 6: without profile-id it is profile 0 */
        return strcasecmp(f->name, "VP9") == 0 && f->rate == 90000 &&
               sdp_fmtp_int(f, "profile-id") <= 0;
    case NEGO_NONE:
        break;
    }
    return false;
}

static const struct sdp_fmt *find_codec(const struct sdp_media *m, enum nego_codec codec)
{
    for (size_t i = 0; i < m->fmts; i++)
        if (is_codec(&m->fmt[i], codec))
            return &m->fmt[i];
    return NULL;
}

/* RFC 3264 6.1: who sends lists formats in order of preference. On what we send VP8 is the codec,
 * and VP9 beside it: see take_vp9. */
static const struct sdp_fmt *choose_format(struct nego_media *l, const struct sdp_media *m)
{
    const struct sdp_fmt *const opus = m->audio ? find_codec(m, NEGO_OPUS) : NULL;
    const struct sdp_fmt *const vp8 = m->audio ? NULL : find_codec(m, NEGO_VP8);
    const struct sdp_fmt *const vp9 = m->audio ? NULL : find_codec(m, NEGO_VP9);
    const bool vp9_first = vp9 && (!vp8 || (l->recv && vp9 < vp8));
    l->codec = opus ? NEGO_OPUS : vp9_first ? NEGO_VP9 : vp8 ? NEGO_VP8 : NEGO_NONE;
    return opus ? opus : vp9_first ? vp9 : vp8;
}

static uint8_t rtx_of(const struct sdp_media *m, uint8_t pt)
{
    for (size_t i = 0; i < m->fmts; i++)
        if (strcasecmp(m->fmt[i].name, "rtx") == 0 && sdp_fmtp_int(&m->fmt[i], "apt") == pt)
            return m->fmt[i].pt;
    return 0;
}

/* What is shown on a line changes, its publishers may use either codec. */
static void take_vp9(struct nego_media *l, const struct sdp_media *m)
{
    const struct sdp_fmt *const f =
        (l->send || l->vp9_pt) && l->codec == NEGO_VP8 ? find_codec(m, NEGO_VP9) : NULL;
    const uint8_t rtx = f && f->nack ? rtx_of(m, f->pt) : 0;
    const bool alike = f && !rtx == !l->rtx_pt;
    l->vp9_pt = alike ? f->pt : 0;
    l->vp9_rtx_pt = alike ? rtx : 0;
}

/* We do not read what publishers would send of it, so only what is played has it. */
static uint8_t fec_of(const struct nego_media *l, const struct sdp_media *m)
{
    const struct sdp_fmt *const f = sdp_fmt_named(m, "flexfec-03");
    return f && !m->audio && (l->send || l->fec_pt) && f->rate == 90000 ? f->pt : 0;
}

/* RFC 2198 5: "fmtp:63 111/111", here all of one type, as many as may be in one packet. */
static bool repeats(const struct sdp_fmt *f, uint8_t pt)
{
    char one[8];
    const int n = snprintf(one, sizeof one, "%u/", pt);
    const char *at = f->fmtp;
    while (strncmp(at, one, (size_t)n) == 0)
        at += n;
    return at != f->fmtp && strlen(at) == (size_t)n - 1 && strncmp(at, one, (size_t)n - 1) == 0;
}

static uint8_t red_of(const struct sdp_media *m, uint8_t pt)
{
    for (size_t i = 0; i < m->fmts; i++) {
        const struct sdp_fmt *const f = &m->fmt[i];
        if (strcasecmp(f->name, "red") == 0 && f->rate == 48000 && f->channels == 2 &&
            repeats(f, pt))
            return f->pt;
    }
    return 0;
}

/* RFC 8285 6: an extension may be offered for one direction only, seen from who offers. */
static void take_extensions(struct nego_media *l, const struct sdp_media *m)
{
    for (unsigned k = 0; k < RTP_EXT_COUNT; k++) {
        const enum sdp_dir d = m->ext_dir[k];
        const bool useful =
            d == SDP_SENDRECV || (l->recv && d == SDP_SENDONLY) || (l->send && d == SDP_RECVONLY);
        l->ext.id[k] = useful ? m->ext.id[k] : 0;
    }
    /* It is read of what may come in layers of one stream, and told to nobody: see decisions.md. */
    if (!l->recv || l->codec != NEGO_VP9)
        l->ext.id[RTP_EXT_DEPDESC] = 0;
    l->ext_mixed = m->ext_mixed && l->ext.id[RTP_EXT_DEPDESC]; /* its structure is longer */
}

bool nego_take_codec(struct nego_media *l, const struct sdp_media *m)
{
    const struct sdp_fmt *const f = choose_format(l, m);
    if (!f)
        return false;
    l->pt = f->pt;
    l->rtx_pt = f->nack ? rtx_of(m, f->pt) : 0;
    take_vp9(l, m);
    l->fec_pt = fec_of(l, m);
    l->red_pt = m->audio ? red_of(m, f->pt) : 0;
    l->pli = f->pli;
    l->remb = f->remb;
    take_extensions(l, m);
    l->twcc = f->twcc && l->ext.id[RTP_EXT_TWCC];
    /* What we send goes again only as RTX: the same packet is never sealed twice. */
    l->nack = f->nack && (l->rtx_pt || !l->send);
    l->stereo = sdp_fmtp_int(f, "stereo") == 1 || (l->recv && sdp_fmtp_int(f, "sprop-stereo") == 1);
    l->dtx = sdp_fmtp_int(f, "usedtx") == 1;
    return true;
}

static uint32_t nonzero(struct rng *rng)
{
    uint32_t v;
    do {
        v = rng_u32(rng);
    } while (v == 0);
    return v;
}

void nego_choose_ssrcs(struct nego_media *l, struct rng *rng)
{
    const size_t n = l->layers ? l->layers : 1;
    for (size_t i = 0; i < n; i++) {
        l->ssrc[i] = nonzero(rng);
        l->rtx_ssrc[i] = l->rtx_pt ? nonzero(rng) : 0;
    }
    l->fec_ssrc = l->fec_pt ? nonzero(rng) : 0;
}

static struct sdp_fmt *add_format(struct sdp_media *m, uint8_t pt, const char *name, uint32_t rate)
{
    struct sdp_fmt *const f = &m->fmt[m->fmts++];
    *f = (struct sdp_fmt){.pt = pt, .rate = rate, .channels = 1};
    snprintf(f->name, sizeof f->name, "%s", name);
    return f;
}

static void put_rtx(struct sdp_media *m, uint8_t rtx_pt, uint8_t pt, uint32_t rate)
{
    if (!rtx_pt)
        return;
    struct sdp_fmt *const rtx = add_format(m, rtx_pt, "rtx", rate);
    snprintf(rtx->fmtp, sizeof rtx->fmtp, "apt=%u", pt);
}

/* RFC 7587 7: `stereo` is what one likes to get, `sprop-stereo` what one is likely to send. */
static void put_opus(struct sdp_media *m, const struct nego_media *l)
{
    struct sdp_fmt *const f = add_format(m, l->pt, "opus", 48000);
    f->channels = 2;
    f->nack = l->nack;
    f->twcc = l->twcc;
    snprintf(f->fmtp, sizeof f->fmtp, "minptime=10;useinbandfec=1%s%s%s",
             l->stereo && l->recv ? ";stereo=1" : "", l->stereo && l->send ? ";sprop-stereo=1" : "",
             l->dtx ? ";usedtx=1" : "");
    put_rtx(m, l->rtx_pt, l->pt, 48000);
    if (!l->red_pt)
        return;
    struct sdp_fmt *const red = add_format(m, l->red_pt, "red", 48000);
    red->channels = 2;
    snprintf(red->fmtp, sizeof red->fmtp, "%u/%u", l->pt, l->pt);
}

static void put_picture(struct sdp_media *m, const struct nego_media *l, bool vp9, uint8_t pt,
                        uint8_t rtx_pt)
{
    struct sdp_fmt *const f = add_format(m, pt, vp9 ? "VP9" : "VP8", 90000);
    f->nack = l->nack;
    f->pli = l->pli;
    f->remb = l->remb;
    f->twcc = l->twcc;
    if (vp9)
        snprintf(f->fmtp, sizeof f->fmtp, "profile-id=0");
    put_rtx(m, rtx_pt, pt, 90000);
}

static void put_video(struct sdp_media *m, const struct nego_media *l)
{
    put_picture(m, l, l->codec == NEGO_VP9, l->pt, l->rtx_pt);
    if (l->vp9_pt)
        put_picture(m, l, true, l->vp9_pt, l->vp9_rtx_pt);
    if (!l->fec_pt)
        return;
    struct sdp_fmt *const fec = add_format(m, l->fec_pt, "flexfec-03", 90000);
    fec->remb = l->remb;
    fec->twcc = l->twcc;
    snprintf(fec->fmtp, sizeof fec->fmtp, "repair-window=%d", FEC_WINDOW);
}

/* RFC 8445 5.1.2.1; of TCP the local preference names the direction first (RFC 6544 4.2). */
static uint32_t priority_of(bool tcp, size_t nth)
{
    const uint32_t type = tcp ? TCP_PREFERENCE : HOST_PREFERENCE;
    const uint32_t local = (tcp ? PASSIVE | 8191u : 65535u) - (uint32_t)nth;
    return type << 24 | local << 8 | 255u;
}

void nego_put_candidates(struct sdp_media *m, const struct nego_self *self)
{
    for (size_t i = 0; i < self->cands && i < NEGO_CANDS; i++) {
        struct sdp_cand *const c = &m->cand[m->cands++];
        const bool tcp = self->cand[i].proto == ADDR_TCP;
        *c = (struct sdp_cand){
            .component = 1,
            .tcp = tcp,
            .priority = priority_of(tcp, i),
            .addr = self->cand[i],
            .type = "host",
        };
        snprintf(c->foundation, sizeof c->foundation, "%zu", i + 1);
        snprintf(c->tcp_type, sizeof c->tcp_type, "%s", tcp ? "passive" : "");
    }
    m->end_of_candidates = true;
}

/* Simulcast is told by rids alone (RFC 8853); all else by SSRC, so that the first packet is at
 * home without any header extension. */
static void put_sources(struct sdp_media *m, const struct nego *n, const struct nego_media *l)
{
    m->rids = l->layers;
    m->rids_recv = !l->send;
    memcpy(m->rid, l->rid, sizeof l->rid);
    if (!l->send)
        return;
    memcpy(m->cname, n->cname, sizeof m->cname);
    memcpy(m->msid_stream, l->stream, sizeof m->msid_stream);
    snprintf(m->msid_track, sizeof m->msid_track, "%s", l->mid[0] ? l->mid : "track");
    if (l->layers)
        return;
    m->ssrcs = 1;
    m->ssrc[0] = l->ssrc[0];
    m->rtx_ssrc[0] = l->rtx_ssrc[0];
    m->fec_ssrc[0] = l->fec_ssrc;
}

void nego_put_line(struct sdp_media *m, const struct nego *n, const struct nego_media *l,
                   const struct nego_self *self, bool first)
{
    m->audio = l->audio;
    m->port = 9;
    m->dir =
        l->send ? (l->recv ? SDP_SENDRECV : SDP_SENDONLY) : (l->recv ? SDP_RECVONLY : SDP_INACTIVE);
    m->rtcp_mux = m->rtcp_rsize = true;
    m->ext = l->ext;
    m->ext_mixed = l->ext_mixed;
    memcpy(m->mid, l->mid, sizeof m->mid);
    memcpy(m->ufrag, n->ice.local_ufrag, sizeof m->ufrag);
    memcpy(m->pwd, n->ice.local_pwd, sizeof m->pwd);
    snprintf(m->fingerprint, sizeof m->fingerprint, "%s", self->fingerprint);
    if (l->audio)
        put_opus(m, l);
    else
        put_video(m, l);
    put_sources(m, n, l);
    if (first)
        nego_put_candidates(m, self);
}
