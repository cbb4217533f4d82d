/* svc.h - a film as VP9 in spatial and temporal layers, by libvpx, each layer of each picture as
 * one RTP payload (RFC 9628). */
#pragma once

#include "engine/base/base.h"

#define SVC_SIDS 3
#define SVC_FRAME_MAX 60000

struct svc_frame {
    bool made;
    size_t len; /* of payload: the descriptor, then the layer */
    uint8_t payload[SVC_FRAME_MAX];
};

struct svc_picture {
    struct svc_frame layer[SVC_SIDS];
};

struct svc_conf {
    int width, height;
    unsigned sids, tids;
    bool key_only; /* spatial layers predict from lower ones in key pictures only: L3T3_KEY */
    bool flexible;
};

struct svc;

struct svc *svc_new(const struct svc_conf *c);
void svc_free(struct svc *s);
/* The next picture of the film. */
void svc_next(struct svc *s, bool key, struct svc_picture *out);

/* Decodes what a viewer got. */
struct svc_view;
struct svc_view *svc_view_new(int sid); /* up to this spatial layer of what it is given; -1 = all */
void svc_view_free(struct svc_view *v);
/* The layers of a picture, one after the other. A number that differs when any pixel differs; 0:
 * the decoder refused it, or showed nothing. */
uint64_t svc_view_show(struct svc_view *v, const uint8_t *data, size_t len);
