#include "codecs/opus_dec.h"

#include "engine/wire/opus.h"

#include <opus/opus.h>
#include <stdlib.h>

struct opusdec {
    OpusDecoder *opus;
    unsigned channels;
    bool speech; /* the packet before had a SILK part: only then a FEC copy can be used */
    struct opusdec_stat stat;
};

enum err opusdec_new(struct opusdec **out, unsigned channels)
{
    if (channels != 1 && channels != 2)
        return E_FORMAT;
    struct opusdec *d = calloc(1, sizeof(*d));
    if (!d)
        return E_NOMEM;
    int rc;
    d->channels = channels;
    d->opus = opus_decoder_create(OPUSDEC_RATE, (int)channels, &rc);
    if (!d->opus) {
        opusdec_free(&d);
        return E_NOMEM;
    }
    *out = d;
    return OK;
}

void opusdec_free(struct opusdec **d)
{
    if (!*d)
        return;
    if ((*d)->opus)
        opus_decoder_destroy((*d)->opus);
    free(*d);
    *d = NULL;
}

enum err opusdec_packet(struct opusdec *d, const void *packet, size_t len, int16_t *pcm,
                        size_t room, size_t *samples)
{
    struct opustoc toc;
    if (!opustoc_parse(packet, len, &toc))
        return E_FORMAT;
    if (toc.samples > room)
        return E_LIMIT;
    const int n = opus_decode(d->opus, packet, (opus_int32)len, pcm, toc.samples, 0);
    if (n < 0)
        return E_FORMAT;
    *samples = (size_t)n;
    d->speech = toc.mode != OPUSTOC_CELT;
    d->stat.decoded += *samples;
    return OK;
}

static bool samples_ok(size_t samples)
{
    return samples > 0 && samples % 120 == 0 && samples <= OPUSDEC_SAMPLES_MAX;
}

static enum err invent(struct opusdec *d, size_t samples, int16_t *pcm)
{
    /* The decoder goes on in steps of the packet it had last; any multiple of 2.5 ms is fine. */
    return opus_decode(d->opus, NULL, 0, pcm, (int)samples, 0) < 0 ? E_STATE : OK;
}

enum err opusdec_conceal(struct opusdec *d, size_t samples, bool pause, int16_t *pcm)
{
    if (!samples_ok(samples))
        return E_FORMAT;
    if (!pause)
        d->stat.concealed += samples;
    return invent(d, samples, pcm);
}

enum err opusdec_recover(struct opusdec *d, const void *next, size_t len, size_t samples,
                         int16_t *pcm)
{
    struct opustoc toc;
    if (!samples_ok(samples))
        return E_FORMAT;
    if (!opustoc_parse(next, len, &toc) || !toc.fec || !d->speech || samples < toc.frame_samples)
        return opusdec_conceal(d, samples, false, pcm);

    /* The copy is of one frame, as long as the frames of `next`; what was before is invented. */
    const size_t copied = toc.frame_samples;
    const size_t before = samples - copied;
    if (before > 0 && invent(d, before, pcm) != OK)
        return E_STATE;
    if (opus_decode(d->opus, next, (opus_int32)len, pcm + before * d->channels, (int)copied, 1) < 0)
        return E_STATE;
    d->stat.concealed += before;
    d->stat.recovered += copied;
    return OK;
}

struct opusdec_stat opusdec_stat(const struct opusdec *d)
{
    return d->stat;
}
