/* depdesc.h - the dependency descriptor, a header extension by which a packet of layered video says
 * which frame it is of and what that needs, whatever the codec and also if the payload cannot be
 * read (RTP payload format of AV1, appendix A). A frame here is one spatial layer of a picture. */
#pragma once

#include "engine/base/base.h"

#define DEPDESC_TEMPLATES 64
#define DEPDESC_TARGETS 32 /* decode targets, and as many chains */
#define DEPDESC_SIDS 4
#define DEPDESC_REFS 8 /* the descriptor has no bound; AV1 has 7 references, VP9 3 */

/* What a frame is for a decode target (appendix A.8.3). */
enum depdesc_dti {
    DEPDESC_ABSENT,
    DEPDESC_DISCARDABLE,
    DEPDESC_SWITCH, /* who has decoded nothing of the target but what this frame needs may go on */
    DEPDESC_REQUIRED
};

struct depdesc_template {
    uint8_t sid, tid;
    uint8_t refs;
    uint8_t fdiff[DEPDESC_REFS]; /* frame number minus that of the reference */
    uint64_t dtis;               /* see depdesc_dti_of */
    uint8_t chain_fdiff[DEPDESC_TARGETS];
};

/* What key frames tell of all frames up to the next structure. */
struct depdesc_structure {
    uint8_t templates; /* 0: none yet */
    uint8_t offset;    /* id of the first */
    uint8_t targets;
    uint8_t chains;
    uint8_t sids; /* spatial layers, 1 to 4 */
    bool sized;   /* width and height are known */
    uint32_t width[DEPDESC_SIDS];
    uint32_t height[DEPDESC_SIDS];
    uint8_t target_sid[DEPDESC_TARGETS]; /* the highest layers of each decode target */
    uint8_t target_tid[DEPDESC_TARGETS];
    uint8_t protected_by[DEPDESC_TARGETS]; /* its chain, if there are any */
    struct depdesc_template template[DEPDESC_TEMPLATES];
};

struct depdesc {
    bool start, end; /* the first packet of the frame, the last */
    uint16_t frame;  /* its number */
    bool has_structure;
    bool has_active;
    uint32_t active; /* bit n: decode target n comes */
    uint8_t sid, tid;
    uint8_t refs;
    uint16_t fdiff[DEPDESC_REFS];
    uint64_t dtis;
    uint8_t chain_fdiff[DEPDESC_TARGETS]; /* to the frame before in each chain; 0 = none */
};

/* Reads the bytes of the extension. *s is the sender's last structure, and becomes the packet's if
 * that brings one. False: cut short, beyond a limit, or of a template that *s does not have; *d is
 * then meaningless and *s as before. */
MUST_USE bool depdesc_parse(const void *ext, size_t len, struct depdesc_structure *s,
                            struct depdesc *d);

static inline enum depdesc_dti depdesc_dti_of(uint64_t dtis, unsigned target)
{
    return (enum depdesc_dti)(dtis >> 2 * target & 3);
}
