#include "engine/wire/sdp.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* A piece of the text that is being read; it ends where its length says. */
struct span {
    const char *p;
    size_t n;
};

/* Attributes before the first m-line go into `session`, which every m-line starts as a copy of. */
struct reading {
    struct sdp *s;
    struct sdp_media session;
    struct sdp_media *m; /* where attributes go: &session, or an m-line */
    struct span bundle;  /* the mids of a=group:BUNDLE */
    const char *what;    /* why it was refused */
    unsigned line;
};

static bool refuse(struct reading *r, const char *what)
{
    r->what = what;
    return false;
}

/* Takes what comes before the next `sep` off the front; the rest begins behind it. */
static struct span cut(struct span *s, char sep)
{
    const char *const at = s->n ? memchr(s->p, sep, s->n) : NULL;
    const struct span head = {s->p, at ? (size_t)(at - s->p) : s->n};
    const size_t skip = at ? head.n + 1 : head.n;
    s->p += skip;
    s->n -= skip;
    return head;
}

static struct span word(struct span *s)
{
    while (s->n && *s->p == ' ') {
        s->p++;
        s->n--;
    }
    return cut(s, ' ');
}

static bool is(struct span s, const char *text)
{
    return s.n == strlen(text) && strncasecmp(s.p, text, s.n) == 0;
}

static bool to_number(struct span s, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    if (s.n == 0 || s.n > 20)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        const uint64_t digit = (uint64_t)(s.p[i] - '0');
        if (s.p[i] < '0' || s.p[i] > '9' || v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return v <= max;
}

static bool to_text(struct span s, char *out, size_t cap)
{
    if (s.n == 0 || s.n >= cap)
        return false;
    memcpy(out, s.p, s.n);
    out[s.n] = 0;
    return true;
}

static struct sdp_fmt *fmt_of(struct sdp_media *m, struct span pt)
{
    uint64_t n = 0;
    if (!to_number(pt, 127, &n))
        return NULL;
    for (size_t i = 0; i < m->fmts; i++)
        if (m->fmt[i].pt == n)
            return &m->fmt[i];
    return NULL;
}

/* The attributes. Each handler gets what stands behind the colon; false refuses the description. */

static bool take_mid(struct reading *r, struct span v)
{
    return to_text(v, r->m->mid, sizeof r->m->mid) || refuse(r, "a=mid is empty or too long");
}

static bool to_dir(struct span s, enum sdp_dir *out)
{
    static const char *const names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (!is(s, names[i]))
            continue;
        *out = (enum sdp_dir)i;
        return true;
    }
    return false;
}

/* A format that we cannot name or whose rate is absurd stays without a name. */
static bool take_rtpmap(struct reading *r, struct span v)
{
    struct sdp_fmt *const f = fmt_of(r->m, word(&v));
    if (!f)
        return true;
    uint64_t rate = 0, channels = 1;
    const struct span name = cut(&v, '/');
    const struct span rate_text = cut(&v, '/');
    const bool good =
        to_number(rate_text, UINT32_MAX, &rate) && (v.n == 0 || to_number(v, 255, &channels));
    if (!good || !to_text(name, f->name, sizeof f->name))
        f->name[0] = 0;
    f->rate = (uint32_t)rate;
    f->channels = (uint8_t)channels;
    return true;
}

static bool take_fmtp(struct reading *r, struct span v)
{
    struct sdp_fmt *const f = fmt_of(r->m, word(&v));
    if (f && !to_text(v, f->fmtp, sizeof f->fmtp))
        f->name[0] = 0;
    return true;
}

static void add_feedback(struct sdp_fmt *f, struct span kind, struct span param)
{
    if (is(kind, "nack") && param.n == 0)
        f->nack = true;
    else if (is(kind, "nack") && is(param, "pli"))
        f->pli = true;
    else if (is(kind, "ccm") && is(param, "fir"))
        f->fir = true;
    else if (is(kind, "goog-remb"))
        f->remb = true;
    else if (is(kind, "transport-cc"))
        f->twcc = true;
}

static bool take_rtcp_fb(struct reading *r, struct span v)
{
    const struct span pt = word(&v), kind = word(&v), param = word(&v);
    struct sdp_fmt *const f = fmt_of(r->m, pt);
    if (f)
        add_feedback(f, kind, param);
    for (size_t i = 0; is(pt, "*") && i < r->m->fmts; i++)
        add_feedback(&r->m->fmt[i], kind, param);
    return true;
}

static bool take_extmap(struct reading *r, struct span v)
{
    struct span id_text = word(&v);
    const struct span uri = word(&v);
    uint64_t id = 0;
    const enum rtp_ext e = rtp_ext_of_uri(uri.p, uri.n);
    if (e == RTP_EXT_COUNT || !to_number(cut(&id_text, '/'), 255, &id))
        return true;
    r->m->ext.id[e] = (uint8_t)id;
    r->m->ext_dir[e] = SDP_SENDRECV;
    (void)to_dir(id_text, &r->m->ext_dir[e]);
    return true;
}

/* RFC 8853 5.1: streams by ';', alternatives of one by ',' (we take the first), '~' = paused. */
static bool take_simulcast(struct reading *r, struct span v)
{
    struct sdp_media *const m = r->m;
    const struct span dir = word(&v);
    struct span list = word(&v);
    m->rids_recv = is(dir, "recv");
    m->rids = 0;
    while (list.n) {
        struct span one = cut(&list, ';');
        one = cut(&one, ',');
        if (one.n && *one.p == '~')
            cut(&one, '~');
        if (m->rids == SDP_RIDS)
            return refuse(r, "a=simulcast has more streams than are taken");
        if (!to_text(one, m->rid[m->rids++], SDP_ID))
            return refuse(r, "a=simulcast has an empty or too long rid");
    }
    return true;
}

static bool repairs(const struct sdp_media *m, uint32_t ssrc)
{
    for (size_t i = 0; i < m->ssrcs; i++)
        if (m->rtx_ssrc[i] == ssrc || m->fec_ssrc[i] == ssrc)
            return true;
    return false;
}

/* The place of an SSRC in the list, where it is put if need be; SDP_SSRCS: no room. */
static size_t place_of_ssrc(struct sdp_media *m, uint32_t ssrc)
{
    size_t i = 0;
    while (i < m->ssrcs && m->ssrc[i] != ssrc)
        i++;
    if (i == m->ssrcs && i < SDP_SSRCS) {
        m->ssrc[i] = ssrc;
        m->rtx_ssrc[i] = m->fec_ssrc[i] = 0;
        m->ssrcs++;
    }
    return i;
}

static void drop_ssrc(struct sdp_media *m, uint32_t ssrc)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->ssrcs; i++) {
        if (m->ssrc[i] == ssrc)
            continue;
        m->ssrc[kept] = m->ssrc[i];
        m->fec_ssrc[kept] = m->fec_ssrc[i];
        m->rtx_ssrc[kept++] = m->rtx_ssrc[i];
    }
    for (size_t i = kept; i < m->ssrcs; i++)
        m->ssrc[i] = m->rtx_ssrc[i] = m->fec_ssrc[i] = 0;
    m->ssrcs = kept;
}

static bool take_ssrc_group(struct reading *r, struct span v)
{
    uint64_t main = 0, repair = 0;
    const struct span what = word(&v);
    const bool fec = is(what, "FEC-FR");
    if ((!fec && !is(what, "FID")) || !to_number(word(&v), UINT32_MAX, &main) ||
        !to_number(word(&v), UINT32_MAX, &repair) || main == repair || main == 0 || repair == 0)
        return true;
    drop_ssrc(r->m, (uint32_t)repair);
    const size_t i = place_of_ssrc(r->m, (uint32_t)main);
    if (i == SDP_SSRCS)
        return refuse(r, "more SSRCs in one media line than are taken");
    *(fec ? &r->m->fec_ssrc[i] : &r->m->rtx_ssrc[i]) = (uint32_t)repair;
    return true;
}

static bool take_msid(struct reading *r, struct span v)
{
    const struct span stream = word(&v), track = word(&v);
    if (!to_text(stream, r->m->msid_stream, SDP_ID) ||
        (track.n && !to_text(track, r->m->msid_track, SDP_ID)))
        return refuse(r, "a=msid is empty or too long");
    return true;
}

/* An SSRC of 0 is passed over: here it stands for "none". */
static bool take_ssrc(struct reading *r, struct span v)
{
    struct sdp_media *const m = r->m;
    uint64_t ssrc = 0;
    if (!to_number(word(&v), UINT32_MAX, &ssrc))
        return refuse(r, "a=ssrc does not begin with a number");
    if (ssrc && !repairs(m, (uint32_t)ssrc) && place_of_ssrc(m, (uint32_t)ssrc) == SDP_SSRCS)
        return refuse(r, "more SSRCs in one media line than are taken");
    const struct span what = cut(&v, ':');
    if (is(what, "cname") && !m->cname[0] && !to_text(v, m->cname, sizeof m->cname))
        return refuse(r, "the cname of a=ssrc is empty or too long");
    return !is(what, "msid") || m->msid_stream[0] || take_msid(r, v);
}

static bool take_rtcp_mux(struct reading *r, struct span v)
{
    (void)v;
    r->m->rtcp_mux = true;
    return true;
}

static bool take_extmap_mixed(struct reading *r, struct span v)
{
    (void)v;
    r->m->ext_mixed = true;
    return true;
}

static bool take_rtcp_rsize(struct reading *r, struct span v)
{
    (void)v;
    r->m->rtcp_rsize = true;
    return true;
}

static bool take_bundle_only(struct reading *r, struct span v)
{
    (void)v;
    r->m->bundle_only = true;
    return true;
}

static bool take_ufrag(struct reading *r, struct span v)
{
    return to_text(v, r->m->ufrag, SDP_CRED) || refuse(r, "a=ice-ufrag is empty or too long");
}

static bool take_pwd(struct reading *r, struct span v)
{
    return to_text(v, r->m->pwd, SDP_CRED) || refuse(r, "a=ice-pwd is empty or too long");
}

/* Other hashes may stand beside SHA-256 (RFC 8122 5); we look at this one only. */
static bool take_fingerprint(struct reading *r, struct span v)
{
    if (!is(word(&v), "sha-256"))
        return true;
    if (!to_text(word(&v), r->m->fingerprint, SDP_FP))
        return refuse(r, "a=fingerprint is empty or too long");
    for (char *c = r->m->fingerprint; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return true;
}

static bool take_setup(struct reading *r, struct span v)
{
    if (is(v, "actpass"))
        r->m->setup = SDP_ACTPASS;
    else if (is(v, "active"))
        r->m->setup = SDP_ACTIVE;
    else if (is(v, "passive"))
        r->m->setup = SDP_PASSIVE;
    else
        return refuse(r, "a=setup is none of actpass, active, passive");
    return true;
}

static bool to_addr(struct span ip, struct span port, struct addr *a)
{
    char text[ADDR_TEXT + 8];
    const bool v6 = memchr(ip.p, ':', ip.n) != NULL;
    if (ip.n == 0 || ip.n > ADDR_TEXT - 10 || port.n == 0 || port.n > 5)
        return false;
    size_t n = 0;
    if (v6)
        text[n++] = '[';
    memcpy(text + n, ip.p, ip.n);
    n += ip.n;
    if (v6)
        text[n++] = ']';
    text[n++] = ':';
    memcpy(text + n, port.p, port.n);
    text[n + port.n] = 0;
    return addr_parse(a, text);
}

/* RFC 8839 5.1. One that we cannot use (a name for an address, an unknown transport) is skipped. */
static bool take_candidate(struct reading *r, struct span v)
{
    struct sdp_cand c = {0};
    uint64_t component = 0, priority = 0;
    const bool named = to_text(word(&v), c.foundation, sizeof c.foundation);
    const bool numbered = to_number(word(&v), 255, &component);
    const struct span proto = word(&v);
    const bool ranked = to_number(word(&v), UINT32_MAX, &priority);
    const struct span ip = word(&v), port = word(&v);
    if (!named || !numbered || !ranked || !is(word(&v), "typ") ||
        !to_text(word(&v), c.type, sizeof c.type) || !to_addr(ip, port, &c.addr))
        return true;
    c.component = (uint8_t)component;
    c.priority = (uint32_t)priority;
    c.tcp = is(proto, "tcp");
    c.addr.proto = c.tcp ? ADDR_TCP : ADDR_UDP;
    while (v.n) {
        const struct span key = word(&v), value = word(&v);
        if (is(key, "tcptype") && !to_text(value, c.tcp_type, sizeof c.tcp_type))
            return true;
    }
    if ((c.tcp || is(proto, "udp")) && r->m->cands < SDP_CANDS)
        r->m->cand[r->m->cands++] = c;
    return true;
}

static bool take_end_of_candidates(struct reading *r, struct span v)
{
    (void)v;
    r->m->end_of_candidates = true;
    return true;
}

static bool take_ice_lite(struct reading *r, struct span v)
{
    (void)v;
    r->s->ice_lite = true;
    return true;
}

static bool take_group(struct reading *r, struct span v)
{
    if (is(word(&v), "BUNDLE") && !r->bundle.p)
        r->bundle = v;
    return true;
}

static const struct {
    const char *name;
    bool (*take)(struct reading *r, struct span value);
} attributes[] = {
    {"mid", take_mid},
    {"rtpmap", take_rtpmap},
    {"fmtp", take_fmtp},
    {"rtcp-fb", take_rtcp_fb},
    {"extmap", take_extmap},
    {"extmap-allow-mixed", take_extmap_mixed},
    {"simulcast", take_simulcast},
    {"ssrc-group", take_ssrc_group},
    {"ssrc", take_ssrc},
    {"msid", take_msid},
    {"rtcp-mux", take_rtcp_mux},
    {"rtcp-rsize", take_rtcp_rsize},
    {"bundle-only", take_bundle_only},
    {"ice-ufrag", take_ufrag},
    {"ice-pwd", take_pwd},
    {"fingerprint", take_fingerprint},
    {"setup", take_setup},
    {"candidate", take_candidate},
    {"end-of-candidates", take_end_of_candidates},
    {"ice-lite", take_ice_lite},
    {"group", take_group},
};

static bool take_attribute(struct reading *r, struct span v)
{
    const struct span name = cut(&v, ':');
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
        if (is(name, attributes[i].name))
            return attributes[i].take(r, v);
    (void)to_dir(name, &r->m->dir); /* the direction is an attribute by its bare name */
    return true;
}

static bool take_formats(struct reading *r, struct span v)
{
    struct sdp_media *const m = r->m;
    while (v.n) {
        const struct span one = word(&v);
        uint64_t pt = 0;
        if (one.n == 0)
            continue;
        if (!to_number(one, 127, &pt))
            return refuse(r, "m= has a payload type that is not 0 to 127");
        if (m->fmts == SDP_FMTS)
            return refuse(r, "m= has more payload types than are taken");
        m->fmt[m->fmts++] = (struct sdp_fmt){.pt = (uint8_t)pt};
    }
    return m->fmts > 0 || refuse(r, "m= has no payload type");
}

static bool take_media(struct reading *r, struct span v)
{
    if (r->s->medias == SDP_MEDIA)
        return refuse(r, "more media lines than are taken");
    struct sdp_media *const m = r->m = &r->s->media[r->s->medias++];
    *m = r->session;
    const struct span kind = word(&v);
    struct span port_text = word(&v);
    uint64_t port = 0;
    if (!to_number(cut(&port_text, '/'), UINT16_MAX, &port))
        return refuse(r, "m= has no port between 0 and 65535");
    if (!to_text(word(&v), m->proto, sizeof m->proto))
        return refuse(r, "m= has no transport, or one with too long a name");
    m->port = (uint16_t)port;
    m->audio = is(kind, "audio");
    m->other = (!m->audio && !is(kind, "video")) || !strstr(m->proto, "RTP/");
    if (!m->other)
        return take_formats(r, v);
    if (!to_text(kind, m->other_name, sizeof m->other_name) ||
        !to_text(v, m->other_fmt, sizeof m->other_fmt))
        return refuse(r, "m= has an empty or too long kind or format");
    return true;
}

static bool take_origin(struct reading *r, struct span v)
{
    word(&v);
    const struct span id = word(&v), version = word(&v);
    return (to_number(id, UINT64_MAX, &r->s->session_id) &&
            to_number(version, UINT64_MAX, &r->s->session_version)) ||
           refuse(r, "o= has no session id and version");
}

static bool take_line(struct reading *r, struct span l)
{
    if (l.n < 2 || l.p[1] != '=' || memchr(l.p, 0, l.n))
        return refuse(r, "not a line of the form x=…");
    const struct span v = {l.p + 2, l.n - 2};
    if (r->line == 1)
        return (l.p[0] == 'v' && is(v, "0")) || refuse(r, "does not begin with v=0");
    switch (l.p[0]) {
    case 'o':
        return take_origin(r, v);
    case 'm':
        return take_media(r, v);
    case 'a':
        return take_attribute(r, v);
    default:
        return true;
    }
}

static bool names(struct span list, const char *mid)
{
    while (list.n)
        if (is(word(&list), mid))
            return true;
    return false;
}

static bool bundles_all(const struct reading *r)
{
    for (size_t i = 0; i < r->s->medias; i++) {
        const struct sdp_media *const m = &r->s->media[i];
        if ((m->port || m->bundle_only) && !(m->mid[0] && names(r->bundle, m->mid)))
            return false;
    }
    return r->bundle.p != NULL;
}

static bool read_lines(struct reading *r, struct span text)
{
    while (text.n) {
        struct span line = cut(&text, '\n');
        r->line++;
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        if (line.n == 0 && text.n == 0)
            break;
        if (!take_line(r, line))
            return false;
    }
    return r->line > 0 || refuse(r, "empty");
}

bool sdp_read(struct sdp *s, const char *text, size_t len, struct sdp_error *e)
{
    struct reading r = {.s = s};
    memset(s, 0, sizeof *s);
    r.m = &r.session;
    const bool ok = len <= SDP_TEXT_MAX ? read_lines(&r, (struct span){text, len})
                                        : refuse(&r, "longer than is taken");
    *e = (struct sdp_error){.line = r.line, .what = r.what};
    s->bundle = ok && bundles_all(&r);
    return ok;
}

const struct sdp_fmt *sdp_fmt_of_pt(const struct sdp_media *m, uint8_t pt)
{
    for (size_t i = 0; i < m->fmts; i++)
        if (m->fmt[i].pt == pt)
            return &m->fmt[i];
    return NULL;
}

const struct sdp_fmt *sdp_fmt_named(const struct sdp_media *m, const char *name)
{
    for (size_t i = 0; i < m->fmts; i++)
        if (strcasecmp(m->fmt[i].name, name) == 0)
            return &m->fmt[i];
    return NULL;
}

int sdp_fmtp_int(const struct sdp_fmt *f, const char *key)
{
    struct span all = {f->fmtp, strlen(f->fmtp)};
    while (all.n) {
        struct span value = cut(&all, ';');
        struct span name = cut(&value, '=');
        uint64_t n = 0;
        if (is(word(&name), key) && to_number(word(&value), INT32_MAX, &n))
            return (int)n;
    }
    return -1;
}
