/* opus_enc.h - sound to Opus packets: 48 kHz, one or two channels, speech or music. */
#pragma once

#include "engine/base/base.h"

#define OPUSENC_RATE 48000
#define OPUSENC_PACKET_MAX 1275u /* bytes; no packet is longer */

struct opusenc_conf {
    unsigned channels; /* 1 or 2 */
    uint32_t bps;      /* 6 000 to 510 000 */
    unsigned loss;     /* per cent of packets expected to be lost, 0 to 100 */
    bool fec;          /* in-band: speech carries a coarse copy of the packet before, if loss > 0 */
    bool dtx;          /* send nothing while nobody speaks, for 0.46 s at most; not for music */
    bool music;        /* full band whatever it costs; no in-band FEC exists for it */
};

/* Names begin with opusenc_: opus_ is the library's. */
struct opusenc;

/* E_FORMAT: the configuration says something impossible. */
MUST_USE enum err opusenc_new(struct opusenc **e, const struct opusenc_conf *conf);
void opusenc_free(struct opusenc **e);

/* Encodes `samples` per channel, interleaved: 10, 20, 40 or 60 ms (480, 960, 1920, 2880), which
 * may change from call to call. *len is the packet's length; 0 = nothing need be sent (DTX), the
 * timestamp goes on all the same. E_FORMAT: another number of samples. E_LIMIT: cap is too small
 * (OPUSENC_PACKET_MAX is enough). */
MUST_USE enum err opusenc_encode(struct opusenc *e, const int16_t *pcm, size_t samples,
                                 uint8_t *out, size_t cap, size_t *len);

/* All may be called between any two packets. */
MUST_USE enum err opusenc_set_rate(struct opusenc *e, uint32_t bps);
MUST_USE enum err opusenc_set_loss(struct opusenc *e, unsigned percent);
void opusenc_set_fec(struct opusenc *e, bool on);
void opusenc_set_dtx(struct opusenc *e, bool on);
/* Starts the codec afresh if this changes anything: the join may be heard. */
void opusenc_set_music(struct opusenc *e, bool on);
