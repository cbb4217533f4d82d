#include "codecs/opus_enc.h"

#include <opus/opus.h>
#include <stdlib.h>

#define PAUSE_MOST (OPUSENC_RATE * 4 / 10) /* libopus's own; with copies it takes longer */

struct opusenc {
    OpusEncoder *opus;
    struct opusenc_conf conf;
    size_t unsent; /* samples of the pause so far */
};

/* Every value handed in is checked before, so a refusal is a mistake of ours. */
static void set(struct opusenc *e, int request, opus_int32 value)
{
    const int rc = opus_encoder_ctl(e->opus, request, value);
    assert(rc == OPUS_OK);
    (void)rc;
}

static bool rate_ok(uint32_t bps)
{
    return bps >= 6000 && bps <= 510000;
}

static bool conf_ok(const struct opusenc_conf *c)
{
    return (c->channels == 1 || c->channels == 2) && rate_ok(c->bps) && c->loss <= 100;
}

static int application(bool music)
{
    return music ? OPUS_APPLICATION_AUDIO : OPUS_APPLICATION_VOIP;
}

static void apply(struct opusenc *e)
{
    const struct opusenc_conf *const c = &e->conf;
    set(e, OPUS_SET_BITRATE_REQUEST, (opus_int32)c->bps);
    set(e, OPUS_SET_PACKET_LOSS_PERC_REQUEST, (opus_int32)c->loss);
    set(e, OPUS_SET_INBAND_FEC_REQUEST, c->fec && !c->music);
    set(e, OPUS_SET_SIGNAL_REQUEST, c->music ? OPUS_SIGNAL_MUSIC : OPUS_SIGNAL_VOICE);
    set(e, OPUS_SET_MAX_BANDWIDTH_REQUEST, OPUS_BANDWIDTH_FULLBAND);
    set(e, OPUS_SET_BANDWIDTH_REQUEST, c->music ? OPUS_BANDWIDTH_FULLBAND : OPUS_AUTO);
    set(e, OPUS_SET_VBR_REQUEST, 1);
    set(e, OPUS_SET_VBR_CONSTRAINT_REQUEST, 1); /* a village link has no room for bursts */
    set(e, OPUS_SET_COMPLEXITY_REQUEST, 9);
}

enum err opusenc_new(struct opusenc **out, const struct opusenc_conf *conf)
{
    if (!conf_ok(conf))
        return E_FORMAT;
    struct opusenc *e = calloc(1, sizeof(*e));
    if (!e)
        return E_NOMEM;
    int rc;
    e->conf = *conf;
    e->opus = opus_encoder_create(OPUSENC_RATE, (int)conf->channels, application(conf->music), &rc);
    if (!e->opus) {
        opusenc_free(&e);
        return E_NOMEM;
    }
    apply(e);
    *out = e;
    return OK;
}

void opusenc_free(struct opusenc **e)
{
    if (!*e)
        return;
    if ((*e)->opus)
        opus_encoder_destroy((*e)->opus);
    free(*e);
    *e = NULL;
}

enum err opusenc_encode(struct opusenc *e, const int16_t *pcm, size_t samples, uint8_t *out,
                        size_t cap, size_t *len)
{
    if (samples != 480 && samples != 960 && samples != 1920 && samples != 2880)
        return E_FORMAT;
    const opus_int32 room = (opus_int32)size_min(cap, OPUSENC_PACKET_MAX);
    /* a quiet passage is music, too */
    const bool dtx = e->conf.dtx && !e->conf.music && e->unsent <= PAUSE_MOST;
    set(e, OPUS_SET_DTX_REQUEST, dtx);
    const opus_int32 n = opus_encode(e->opus, pcm, (int)samples, out, room);
    if (n == OPUS_BUFFER_TOO_SMALL || room < 3)
        return E_LIMIT;
    if (n < 0)
        return E_STATE;
    *len = n <= 2 && dtx ? 0 : (size_t)n;
    e->unsent = *len ? 0 : e->unsent + samples;
    return OK;
}

enum err opusenc_set_rate(struct opusenc *e, uint32_t bps)
{
    if (!rate_ok(bps))
        return E_FORMAT;
    e->conf.bps = bps;
    apply(e);
    return OK;
}

enum err opusenc_set_loss(struct opusenc *e, unsigned percent)
{
    if (percent > 100)
        return E_FORMAT;
    e->conf.loss = percent;
    apply(e);
    return OK;
}

void opusenc_set_fec(struct opusenc *e, bool on)
{
    e->conf.fec = on;
    apply(e);
}

void opusenc_set_dtx(struct opusenc *e, bool on)
{
    e->conf.dtx = on;
}

void opusenc_set_music(struct opusenc *e, bool on)
{
    if (on == e->conf.music)
        return;
    e->conf.music = on;
    set(e, OPUS_RESET_STATE, 0); /* the application can only be changed before the first frame */
    set(e, OPUS_SET_APPLICATION_REQUEST, application(on));
    apply(e);
}
