/* tap.h - what a hub lends the recorder: packets as opened from SRTP, with RTX undone. */
#pragma once

#include "engine/base/pkt.h"
#include "relay/media/cmd.h"

enum tap_kind {
    TAP_TRACK, /* a stream begins: track and all of `open` */
    TAP_RTP,   /* track, pkt: one reference, comes home by the return mailbox (struct pkt *) */
    TAP_SR,    /* track, sr: a sender report */
    TAP_END,   /* track ended */
    TAP_GAP,   /* room (0 = all), lost: the mailbox was full, so many messages are missing */
};

struct tap_open {
    uint8_t site;
    uint8_t source; /* enum source */
    uint8_t layer;  /* 0 lowest */
    uint8_t codec;  /* enum nego_codec */
    uint8_t pt;
    uint8_t abs_capture_id; /* header extension ids of this sender; 0 = none */
    uint8_t level_id;
    uint32_t clock_rate;
    uint32_t ssrc;
};

struct tap_msg {
    enum tap_kind kind;
    room_id room;
    uint32_t track; /* number of the stream, unique in the process's life */
    usec at;        /* monotonic arrival */
    union {
        struct tap_open open;
        struct pkt *pkt;
        struct {
            uint64_t ntp;
            uint32_t ts;
        } sr;
        uint32_t lost;
    };
};
