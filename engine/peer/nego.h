/* nego.h - offer and answer: what two sides agree on, decided once, before any packet
 * (RFC 8829, RFC 9725). Pure functions of text and policy. */
#pragma once

#include "engine/base/rng.h"
#include "engine/peer/dtls.h"
#include "engine/peer/ice.h"
#include "engine/wire/sdp.h"

#define NEGO_MEDIA 12
#define NEGO_LAYERS 3
#define NEGO_CANDS ICE_CANDS
#define NEGO_SDP_MAX 32768 /* room for an answer or offer that we write */

enum nego_codec { NEGO_NONE, NEGO_OPUS, NEGO_VP8, NEGO_VP9 };

/* One m-line as agreed. "We" is who calls nego_answer or nego_offer. */
struct nego_media {
    bool audio;
    bool refused; /* not sent by either side */
    bool send;    /* we send */
    bool recv;    /* we receive */
    char mid[SDP_ID];
    enum nego_codec codec;
    uint8_t pt;
    uint8_t rtx_pt; /* 0 = none */
    uint8_t vp9_pt; /* of a line that is played: it may be VP9 too, beside `codec`; 0 = no */
    uint8_t vp9_rtx_pt;
    uint8_t red_pt; /* audio/red (RFC 2198): each packet is of this type or of `pt`; 0 = none */
    uint8_t fec_pt; /* flexfec-03, of a line that is played, for either codec; 0 = none */
    bool nack, pli, twcc, remb;
    bool stereo;         /* Opus: the receiver wants stereo */
    bool dtx;            /* Opus: the receiver wants silence not to be sent */
    char stream[SDP_ID]; /* who sends: MediaStream of a=msid */
    struct rtp_extmap ext;
    bool ext_mixed; /* some of them may be longer than 16 bytes */
    /* Simulcast layers, lowest first if they have one of the usual names, else as offered. */
    char rid[NEGO_LAYERS][SDP_ID];
    size_t layers;              /* 0: one stream without rid */
    uint32_t ssrc[NEGO_LAYERS]; /* who sends: chosen; who receives: as signalled, 0 = not said */
    uint32_t rtx_ssrc[NEGO_LAYERS]; /* likewise */
    uint32_t fec_ssrc;              /* likewise, of the first */
};

struct nego {
    struct ice_conf ice;            /* `remote…`: best candidates of the other side, if any */
    char fingerprint[DTLS_FP_TEXT]; /* of the remote side */
    bool dtls_server;
    char cname[SDP_ID]; /* ours */
    struct nego_media media[NEGO_MEDIA];
    size_t n;
};

/* This side, constant for a process but for the names of streams. */
struct nego_self {
    const char *fingerprint;
    bool lite;
    struct addr cand[NEGO_CANDS]; /* host candidates, best first; of TCP: passive ones */
    size_t cands;
    /* NEGO_PLAY: the MediaStream (a=msid) of the n-th audio and of the n-th video line; a browser
     * plays the lines of one stream in step. NULL: "lead" for the first voice and the first two
     * videos, "floor" for the second voice and the third video, then the line's mid. */
    const char *audio_stream[NEGO_MEDIA];
    const char *video_stream[NEGO_MEDIA];
};

enum nego_role {
    NEGO_PUBLISH, /* WHIP: the other side sends, we receive */
    NEGO_PLAY,    /* WHEP: we send, the other side receives */
};

struct nego_error {
    const char *field; /* "m=video 2", "a=fingerprint", … */
    const char *what;  /* static English sentence */
    unsigned line;     /* of the text, from 1; 0 = not one line's fault */
};

/* Answers an offer (relay: setup passive, ice-lite). Codecs: Opus; of VP8 and VP9
 * what who sends names first; who plays may take both. False: refused as
 * a whole, `e` says why. An m-line that cannot be served is answered with port 0. */
MUST_USE bool nego_answer(struct nego *n, const char *offer, size_t len, enum nego_role role,
                          const struct nego_self *self, struct rng *rng, char *answer,
                          struct nego_error *e);

/* What the offering side wants, m-line by m-line (codec, send or recv, layers and their rids); the
 * rest of each nego_media is filled in. Writes an offer with our credentials. */
MUST_USE bool nego_offer(struct nego *n, const struct nego_self *self, struct rng *rng,
                         char *offer);

/* Completes `n`, as nego_offer left it, with the answer: remote credentials, fingerprint, payload
 * types, SSRCs, what was refused. */
MUST_USE bool nego_accept(struct nego *n, const char *answer, size_t len, struct nego_error *e);

/* The other side's trickled fragment (RFC 8840, application/trickle-ice-sdpfrag). With new
 * credentials it is an ICE restart: n->ice gets them and new local ones, and `answer` (of
 * NEGO_SDP_MAX) the fragment that says so. With those in use it only trickles candidates: `answer`
 * becomes "", and n->ice.remote may have changed. */
MUST_USE bool nego_restart(struct nego *n, const char *frag, size_t len,
                           const struct nego_self *self, struct rng *rng, char *answer,
                           struct nego_error *e);

/* An ICE restart of ours: new local credentials in n->ice and the fragment to send; then the
 * fragment that came back, which brings the remote ones. */
MUST_USE bool nego_restart_begin(struct nego *n, const struct nego_self *self, struct rng *rng,
                                 char *frag);
MUST_USE bool nego_restart_end(struct nego *n, const char *frag, size_t len, struct nego_error *e);
