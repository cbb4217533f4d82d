/* fuzz_opus_toc.c - any bytes as an Opus packet: we and the codec agree on what it is. */
#include "engine/wire/opus.h"

#include <opus/opus.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Three of them as one packet: the codec finds the same three frames. */
static void join(const uint8_t *p, size_t n, const struct opustoc *t)
{
    static uint8_t out[4 * OPUSTOC_FRAME_BYTES];
    const uint8_t *const packet[] = {p, p, p};
    const size_t len[] = {n, n, n};
    const size_t head = opusjoin_write(packet, len, 3, out, sizeof out);
    assert(!opusjoin_write(packet, len, 3, out, head ? head - 1 : 0));
    if (!opusjoin_one(p, n) || 3u * t->frame_samples > 5760) {
        assert(!head || 3u * t->frame_samples > 5760);
        return;
    }
    assert(head > 0 && opusjoin_write(packet, len, 3, out, sizeof out) == head);
    memcpy(out + head, p + 1, n - 1);
    struct opustoc all;
    const unsigned char *frame[OPUSTOC_FRAMES_MAX];
    opus_int16 size[OPUSTOC_FRAMES_MAX];
    assert(opus_packet_parse(out, (opus_int32)(head + n - 1), NULL, frame, size, NULL) == 3);
    assert(opustoc_parse(out, head + n - 1, &all) && all.frames == 3 &&
           all.frame_samples == t->frame_samples);
    for (int i = 0; i < 3; i++)
        assert((size_t)size[i] == n - 1 && memcmp(frame[i], p + 1, n - 1) == 0);
}

static void check(const uint8_t *p, size_t n)
{
    struct opustoc t;
    const unsigned char *frame[OPUSTOC_FRAMES_MAX];
    opus_int16 len[OPUSTOC_FRAMES_MAX];
    const int frames = opus_packet_parse(p, (opus_int32)n, NULL, frame, len, NULL);
    const bool ok = opustoc_parse(p, n, &t);
    assert(ok == (frames > 0));
    if (!ok)
        return;
    assert(t.frames == frames && t.samples == t.frames * t.frame_samples && t.samples <= 5760);
    assert(t.frame_samples == opus_packet_get_samples_per_frame(p, 48000));
    assert(t.stereo == (opus_packet_get_nb_channels(p) == 2));
    opus_int16 longest = 0;
    for (int i = 0; i < frames; i++)
        longest = len[i] > longest ? len[i] : longest;
    assert(t.empty == (longest <= 1));
    join(p, n, &t);
    assert(!t.fec || t.mode != OPUSTOC_CELT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *const block = malloc(size ? size : 1); /* exact, so that a read past it is seen */
    if (!block)
        return 0;
    if (size)
        memcpy(block, data, size);
    if (size <= 1 << 16)
        check(block, size);
    free(block);
    return 0;
}
