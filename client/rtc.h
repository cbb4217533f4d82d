/* rtc.h - one connection without its sockets: the peer (DTLS, SRTP) and the tracks of all lines,
 * fed with datagrams and time. */
#pragma once

#include "client/recvtrack.h"
#include "client/sendtrack.h"
#include "engine/peer/peer.h"

struct rtc;

struct rtc_conf {
    const struct nego *nego; /* as agreed; copied */
    const struct dtls_cert *cert;
    struct pkt_pool *pool; /* outlives the connection */
};

MUST_USE enum err rtc_new(struct rtc **c, const struct rtc_conf *conf, struct rng *rng, usec now);
void rtc_free(struct rtc **c);

/* A datagram, DTLS, RTP or RTCP; the packet stays the caller's. `wall_us`: time of day. */
void rtc_input(struct rtc *c, usec now, int64_t wall_us, struct pkt *p, struct outq *out);
void rtc_tick(struct rtc *c, usec now, int64_t wall_us, struct outq *out);
usec rtc_next(const struct rtc *c);

enum peer_state rtc_state(const struct rtc *c, usec now);
const char *rtc_why(const struct rtc *c);
usec rtc_heard(const struct rtc *c); /* last authentic datagram */

/* Says goodbye: RTCP BYE, then close_notify. */
void rtc_close(struct rtc *c, usec now, struct outq *out);

/* Sends on a line (index in nego.media); dropped unless the connection is open. */
void rtc_picture(struct rtc *c, usec now, size_t line, size_t layer,
                 const struct sendtrack_frame *f, struct outq *out);
void rtc_voice(struct rtc *c, usec now, size_t line, const struct sendtrack_sound *s,
               struct outq *out);

/* A line of slides or the like: sent before faces; received (said before the first packet) it needs
 * no even pace. */
void rtc_still(struct rtc *c, size_t line);
/* So many earlier packets may ride along with each of a voice, if its losses call for it. */
void rtc_riders(struct rtc *c, uint8_t most);
/* The share of a voice of ours that, by the last report, is missing in the end: at the relay, or at
 * the worst off of its viewers. */
double rtc_lack(const struct rtc *c, size_t line);
/* What all sources together would send, in bits per second. */
void rtc_wants(struct rtc *c, uint64_t bps);
/* What the way carries, estimated, with all headers. */
uint64_t rtc_way(const struct rtc *c);
/* Packets take another way from now on, of which nothing is known. */
void rtc_other_way(struct rtc *c, usec now);
/* Bytes of pictures, or of slides, that wait for their turn. */
size_t rtc_waiting(const struct rtc *c, bool still);

/* From now on every packet sent is also given by rtc_sent, newest first; the reference is the
 * caller's. NULL: no more. To be emptied after each rtc_picture and rtc_voice. */
void rtc_keep(struct rtc *c);
struct pkt *rtc_sent(struct rtc *c);

/* The line as agreed. */
const struct nego_media *rtc_media(const struct rtc *c, size_t line);

/* How many layers the other side agreed to take of a line that we send. */
size_t rtc_layers(const struct rtc *c, size_t line);

/* True once for every time that the other side asked for a key frame of this line. */
bool rtc_key_asked(struct rtc *c, size_t line);
/* Our decoder of this line waits for a key frame, or no longer does. */
void rtc_want_key(struct rtc *c, size_t line, bool want);

/* The next picture that is due on any line we receive. False: none. */
bool rtc_pull(struct rtc *c, usec now, size_t *line, struct recvtrack_item *it);

/* A line on which something has come; NULL: none. Voices are taken from it, see voice.h. */
struct recvtrack *rtc_recv(struct rtc *c, size_t line);

/* Sound and picture of one person stay together: at least this much delay in the buffer. */
void rtc_floor(struct rtc *c, size_t line, usec at_least);

/* A round trip measured elsewhere (the other connection to the same relay). */
void rtc_set_rtt(struct rtc *c, usec rtt);

struct rtc_stat {
    uint64_t bytes_in, bytes_out;
    double loss_in;   /* since the start, 0 to 1 */
    double loss_out;  /* likewise, as the other side reports */
    usec rtt;         /* 0 = not known */
    uint64_t way_bps; /* what the way out carries, estimated */
    uint64_t repairs_sent;
    uint64_t ridden;        /* lost packets that came with a later one */
    uint64_t fec_in;        /* repair packets (FlexFEC), */
    uint64_t fec_recovered; /* lost packets that they brought back, */
    uint64_t fec_vain;      /* repair packets with more missing than they can repair, */
    uint64_t fec_bad;       /* and those that were malformed */
    uint64_t asked;         /* requests for repairs */
    uint64_t keys_asked;
};
void rtc_stat(const struct rtc *c, struct rtc_stat *s);
