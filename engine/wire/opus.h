/* opus.h - what an Opus packet says of itself in its first bytes (RFC 6716, 3.1 and 3.2). */
#pragma once

#include "engine/base/base.h"

#define OPUSTOC_FRAMES_MAX 48     /* 48 frames of 2.5 ms are the longest packet: 120 ms */
#define OPUSTOC_FRAME_BYTES 1275u /* longest frame, RFC 6716, R2 */

enum opustoc_mode { OPUSTOC_SILK, OPUSTOC_HYBRID, OPUSTOC_CELT };

/* Names here begin with opustoc_: opus_ is the library's. */
struct opustoc {
    enum opustoc_mode mode;
    bool stereo;
    uint8_t frames;         /* 1 to 48 */
    uint16_t frame_samples; /* of one frame, at 48 kHz */
    uint16_t samples;       /* of the whole packet, at 48 kHz: what the RTP timestamp grows by */
    bool empty;             /* no frame has more than a byte: DTX, nothing to hear (3.1, 3.2.1) */
    bool fec;               /* the first frame carries a copy of what came before (LBRR) */
};

/* Checks the whole framing of one packet, rules R1 to R7. False: not an Opus packet; *t is then
 * meaningless. */
MUST_USE bool opustoc_parse(const void *packet, size_t len, struct opustoc *t);

/* Packets of one frame each (code 0) of one mode, bandwidth and length can be one packet of several
 * frames, nothing decoded: fewer headers (code 3, 3.2.5). */
static inline bool opusjoin_one(const uint8_t *packet, size_t len)
{
    return len >= 2 && (packet[0] & 3) == 0;
}

/* Writes what comes before the bytes of the last of `n` such packets (2 or more) with its TOC byte
 * left out, the others included. Returns how many bytes; 0: they do not go together, or no room. */
size_t opusjoin_write(const uint8_t *const packet[], const size_t len[], size_t n, uint8_t *out,
                      size_t cap);
