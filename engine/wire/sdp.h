/* sdp.h - session descriptions as WebRTC uses them (RFC 8866, RFC 8829): text to struct and back.
 * What an offer means is decided in peer/nego. */
#pragma once

#include "engine/wire/rtp.h"

#define SDP_TEXT_MAX 65536 /* longest description that is read */
#define SDP_MEDIA 16       /* most m-lines */
#define SDP_FMTS 64        /* most payload types of one m-line */
#define SDP_SSRCS 8        /* SSRCs, and groups, of one m-line */
#define SDP_RIDS 4
#define SDP_CANDS 16
#define SDP_ID 64    /* mid, rid, msid, cname, with the 0; longer ones are refused */
#define SDP_CRED 257 /* ufrag, password */
#define SDP_FP 128   /* fingerprint value */
#define SDP_FMTP 256

enum sdp_dir { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
enum sdp_setup { SDP_SETUP_NONE, SDP_ACTPASS, SDP_ACTIVE, SDP_PASSIVE };

struct sdp_fmt {
    uint8_t pt;
    char name[24]; /* "opus", "VP8", "rtx", … as written */
    uint32_t rate;
    uint8_t channels;
    char fmtp[SDP_FMTP]; /* a format with a longer one loses its name: it cannot be chosen */
    bool nack, pli, fir, remb, twcc; /* a=rtcp-fb */
};

struct sdp_cand {
    char foundation[36];
    uint8_t component;
    bool tcp;
    uint32_t priority;
    struct addr addr;
    char type[8]; /* host, srflx, prflx, relay */
    char tcp_type[8];
};

struct sdp_media {
    bool audio; /* else video; m=application and others are kept as `other` */
    bool other;
    char other_name[16]; /* "application" */
    char proto[24];
    char other_fmt[32];
    uint16_t port;    /* 0 = refused, but for… */
    bool bundle_only; /* …an offered line that lives in the bundle alone (RFC 9143 6) */
    char mid[SDP_ID];
    enum sdp_dir dir;
    struct rtp_extmap ext;
    enum sdp_dir ext_dir[RTP_EXT_COUNT]; /* a=extmap:ID/recvonly: who may use it */
    bool ext_mixed; /* a=extmap-allow-mixed: heads of one and of two bytes (RFC 8285 4.1.2) */
    struct sdp_fmt fmt[SDP_FMTS];
    size_t fmts;
    char rid[SDP_RIDS][SDP_ID]; /* a=simulcast:send (offer) or recv (answer), in its order */
    size_t rids;
    bool rids_recv; /* the list stands for recv */
    uint32_t ssrc[SDP_SSRCS];
    uint32_t rtx_ssrc[SDP_SSRCS]; /* by ssrc-group:FID; 0 = none */
    uint32_t fec_ssrc[SDP_SSRCS]; /* by ssrc-group:FEC-FR (RFC 5956); 0 = none */
    size_t ssrcs;
    char msid_stream[SDP_ID];
    char msid_track[SDP_ID];
    char cname[SDP_ID];
    bool rtcp_mux, rtcp_rsize;
    /* these may stand at session level; sdp_read copies them down */
    char ufrag[SDP_CRED];
    char pwd[SDP_CRED];
    char fingerprint[SDP_FP]; /* of "sha-256 AB:CD…": the value, in capitals; "" = none or other */
    enum sdp_setup setup;
    struct sdp_cand cand[SDP_CANDS];
    size_t cands;
    bool end_of_candidates;
};

struct sdp {
    uint64_t session_id;
    uint64_t session_version;
    bool ice_lite;
    bool bundle; /* a=group:BUNDLE names every m-line that is not refused */
    struct sdp_media media[SDP_MEDIA];
    size_t medias;
};

/* Where and why a description was refused. */
struct sdp_error {
    unsigned line;    /* from 1 */
    const char *what; /* static English text */
};

/* Unknown lines and attributes are skipped (RFC 8866 5). False: not SDP, or beyond a limit. */
MUST_USE bool sdp_read(struct sdp *s, const char *text, size_t len, struct sdp_error *e);

/* Writes the text with CRLF and a final 0; returns its length, 0: no room. */
size_t sdp_write(const struct sdp *s, char *out, size_t cap);

/* The transport part of one m-line alone, as a fragment that is trickled (RFC 8840 9). */
size_t sdp_write_fragment(const struct sdp_media *m, bool ice_lite, char *out, size_t cap);

/* A payload format by number or name (any case); NULL: not there. */
const struct sdp_fmt *sdp_fmt_of_pt(const struct sdp_media *m, uint8_t pt);
const struct sdp_fmt *sdp_fmt_named(const struct sdp_media *m, const char *name);

/* The number of "apt=" in an rtx format's fmtp, or -1. */
int sdp_fmtp_int(const struct sdp_fmt *f, const char *key);
