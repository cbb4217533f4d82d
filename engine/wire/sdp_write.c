/* sdp_write.c - a session description as text; the reading half is sdp.c. */
#include "engine/base/bytes.h"
#include "engine/wire/sdp.h"

#include <stdarg.h>
#include <stdio.h>

static PRINTF_LIKE(2, 3) void put(struct writer *w, const char *format, ...)
{
    va_list args;
    if (w->bad)
        return;
    va_start(args, format);
    const int n = vsnprintf((char *)w->p + w->len, w->cap - w->len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= w->cap - w->len)
        w->bad = true;
    else
        w->len += (size_t)n;
}

static bool lives(const struct sdp_media *m)
{
    return m->port || m->bundle_only;
}

static const char *dir_name(enum sdp_dir d)
{
    static const char *const names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
    return names[d];
}

static void put_media_line(struct writer *w, const struct sdp_media *m)
{
    if (m->other) {
        put(w, "m=%s %u %s %s\r\n", m->other_name, m->port, m->proto, m->other_fmt);
        return;
    }
    put(w, "m=%s %u %s", m->audio ? "audio" : "video", m->port, m->proto);
    for (size_t i = 0; i < m->fmts; i++)
        put(w, " %u", m->fmt[i].pt);
    put(w, "\r\n");
}

static void put_connection(struct writer *w, const struct sdp_media *m)
{
    char ip[ADDR_TEXT];
    if (m->cands == 0 || !lives(m)) {
        put(w, "c=IN IP4 0.0.0.0\r\n");
        return;
    }
    const struct addr *const a = &m->cand[0].addr;
    put(w, "c=IN %s %s\r\n", addr_is_v4(a) ? "IP4" : "IP6", addr_ip_text(a, ip));
}

static void put_transport(struct writer *w, const struct sdp_media *m)
{
    static const char *const setups[] = {"", "actpass", "active", "passive"};
    if (m->ufrag[0])
        put(w, "a=ice-ufrag:%s\r\n", m->ufrag);
    if (m->pwd[0])
        put(w, "a=ice-pwd:%s\r\n", m->pwd);
    if (m->fingerprint[0])
        put(w, "a=fingerprint:sha-256 %s\r\n", m->fingerprint);
    if (m->setup != SDP_SETUP_NONE)
        put(w, "a=setup:%s\r\n", setups[m->setup]);
}

static void put_extensions(struct writer *w, const struct sdp_media *m)
{
    if (m->ext_mixed)
        put(w, "a=extmap-allow-mixed\r\n");
    for (unsigned e = 0; e < RTP_EXT_COUNT; e++)
        if (m->ext.id[e])
            put(w, "a=extmap:%u%s%s %s\r\n", m->ext.id[e], m->ext_dir[e] ? "/" : "",
                m->ext_dir[e] ? dir_name(m->ext_dir[e]) : "", rtp_ext_uri((enum rtp_ext)e));
}

static void put_format(struct writer *w, const struct sdp_fmt *f)
{
    if (!f->name[0])
        return;
    put(w, "a=rtpmap:%u %s/%u", f->pt, f->name, f->rate);
    if (f->channels > 1)
        put(w, "/%u", f->channels);
    put(w, "\r\n");
    if (f->fmtp[0])
        put(w, "a=fmtp:%u %s\r\n", f->pt, f->fmtp);

    const struct {
        bool on;
        const char *name;
    } feedback[] = {
        {f->nack, "nack"},      {f->pli, "nack pli"},      {f->fir, "ccm fir"},
        {f->remb, "goog-remb"}, {f->twcc, "transport-cc"},
    };
    for (size_t i = 0; i < ARRAY_LEN(feedback); i++)
        if (feedback[i].on)
            put(w, "a=rtcp-fb:%u %s\r\n", f->pt, feedback[i].name);
}

static void put_simulcast(struct writer *w, const struct sdp_media *m)
{
    const char *const dir = m->rids_recv ? "recv" : "send";
    if (m->rids == 0)
        return;
    for (size_t i = 0; i < m->rids; i++)
        put(w, "a=rid:%s %s\r\n", m->rid[i], dir);
    put(w, "a=simulcast:%s ", dir);
    for (size_t i = 0; i < m->rids; i++)
        put(w, "%s%s", i ? ";" : "", m->rid[i]);
    put(w, "\r\n");
}

static void put_ssrc(struct writer *w, const struct sdp_media *m, uint32_t ssrc)
{
    put(w, "a=ssrc:%u%s%s\r\n", ssrc, m->cname[0] ? " cname:" : "", m->cname);
    if (m->msid_stream[0])
        put(w, "a=ssrc:%u msid:%s %s\r\n", ssrc, m->msid_stream, m->msid_track);
}

static void put_ssrcs(struct writer *w, const struct sdp_media *m)
{
    if (m->msid_stream[0])
        put(w, "a=msid:%s %s\r\n", m->msid_stream, m->msid_track);
    for (size_t i = 0; i < m->ssrcs; i++) {
        if (m->rtx_ssrc[i])
            put(w, "a=ssrc-group:FID %u %u\r\n", m->ssrc[i], m->rtx_ssrc[i]);
        if (m->fec_ssrc[i])
            put(w, "a=ssrc-group:FEC-FR %u %u\r\n", m->ssrc[i], m->fec_ssrc[i]);
        put_ssrc(w, m, m->ssrc[i]);
        if (m->rtx_ssrc[i])
            put_ssrc(w, m, m->rtx_ssrc[i]);
        if (m->fec_ssrc[i])
            put_ssrc(w, m, m->fec_ssrc[i]);
    }
}

static void put_candidates(struct writer *w, const struct sdp_media *m)
{
    char ip[ADDR_TEXT];
    for (size_t i = 0; i < m->cands; i++) {
        const struct sdp_cand *const c = &m->cand[i];
        put(w, "a=candidate:%s %u %s %u %s %u typ %s", c->foundation, c->component,
            c->tcp ? "tcp" : "udp", c->priority, addr_ip_text(&c->addr, ip), c->addr.port, c->type);
        if (c->tcp_type[0])
            put(w, " tcptype %s", c->tcp_type);
        put(w, "\r\n");
    }
    if (m->end_of_candidates)
        put(w, "a=end-of-candidates\r\n");
}

static void put_media(struct writer *w, const struct sdp_media *m)
{
    put_media_line(w, m);
    put_connection(w, m);
    if (m->mid[0])
        put(w, "a=mid:%s\r\n", m->mid);
    put(w, "a=%s\r\n", dir_name(m->dir));
    if (!lives(m))
        return;
    if (m->bundle_only)
        put(w, "a=bundle-only\r\n");
    put_transport(w, m);
    put_extensions(w, m);
    if (m->rtcp_mux)
        put(w, "a=rtcp-mux\r\n");
    if (m->rtcp_rsize)
        put(w, "a=rtcp-rsize\r\n");
    for (size_t i = 0; i < m->fmts; i++)
        put_format(w, &m->fmt[i]);
    put_simulcast(w, m);
    put_ssrcs(w, m);
    put_candidates(w, m);
}

static void put_session(struct writer *w, const struct sdp *s)
{
    put(w, "v=0\r\no=- %llu %llu IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
        (unsigned long long)s->session_id, (unsigned long long)s->session_version);
    if (s->ice_lite)
        put(w, "a=ice-lite\r\n");
    if (!s->bundle)
        return;
    put(w, "a=group:BUNDLE");
    for (size_t i = 0; i < s->medias; i++)
        if (lives(&s->media[i]))
            put(w, " %s", s->media[i].mid);
    put(w, "\r\n");
}

size_t sdp_write(const struct sdp *s, char *out, size_t cap)
{
    struct writer w = writer_of(out, cap);
    put_session(&w, s);
    for (size_t i = 0; i < s->medias; i++)
        put_media(&w, &s->media[i]);
    return w.bad ? 0 : w.len;
}

size_t sdp_write_fragment(const struct sdp_media *m, bool ice_lite, char *out, size_t cap)
{
    struct writer w = writer_of(out, cap);
    if (ice_lite)
        put(&w, "a=ice-lite\r\n");
    put(&w, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", m->ufrag, m->pwd);
    put_media_line(&w, m);
    if (m->mid[0])
        put(&w, "a=mid:%s\r\n", m->mid);
    put_candidates(&w, m);
    return w.bad ? 0 : w.len;
}
