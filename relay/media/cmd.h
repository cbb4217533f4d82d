/* cmd.h - what control tells a hub and what a hub tells control. Numbers and values travel; the
 * three pointers that do are named below and change owner with the message. */
#pragma once

#include "engine/peer/nego.h"

/* Numbers are control's, never used again while the process lives; 0 = none. */
typedef uint32_t room_id;
typedef uint32_t member_id;

/* Who a member is to the media plane. A site is a number in its room: 0 the lead room, 1 … n the
 * points in the order of the lesson; observers and pupils at home have SITE_NONE. */
#define SITE_LEAD 0
#define SITE_NONE 255
#define SITES_MAX 64

enum source { SRC_VOICE, SRC_CAMERA, SRC_SLIDES, SRC_BOARD, SRC_CLASS, SRC_COUNT };

enum slot_kind {
    SLOT_OFF,
    SLOT_SOURCE, /* a source of the lead: camera, slides, board */
    SLOT_SITE,   /* the main picture of a site: camera of the lead, class of a point */
    SLOT_FLOOR,  /* the main picture of who has the floor */
};

/* Where a viewer's video line points. */
struct slot {
    uint8_t kind;   /* enum slot_kind */
    uint8_t source; /* SLOT_SOURCE: enum source */
    uint8_t site;   /* SLOT_SITE */
    bool small;     /* the lowest layer will do (a tile of the wall) */
};

enum room_mode { MODE_LECTURE, MODE_INTERACT };

enum cmd_kind {
    CMD_ROOM_OPEN,  /* room, home: publishers are members there, other hubs only have viewers */
    CMD_ROOM_CLOSE, /* room: what is left of its members goes too */
    CMD_ROOM_STATE, /* room, state */
    CMD_MEMBER_ADD, /* room, member, join: the hub owns and frees join */
    CMD_MEMBER_DEL, /* member */
    CMD_RESTART,    /* member, ice: ICE restart; the hub owns and frees ice */
    CMD_SLOTS,      /* member, slots */
    CMD_CALL,       /* member, call: it came by TCP; the worker owns and frees call */
};

/* A connection as negotiated, by the lines of nego.media[]. Audio lines that we send are numbered
 * by their order: the first is the lead's voice, the second the floor's, others the other open
 * voices, loudest first. */
struct cmd_join {
    uint8_t site;
    uint8_t source[NEGO_MEDIA];   /* of a line that we receive: enum source */
    struct slot slot[NEGO_MEDIA]; /* of a video line that we send */
    struct nego nego;
};

/* A connection of ICE over TCP, and what was read of it: the first datagram in its frame. */
struct cmd_call {
    int fd;
    struct addr from;
    size_t len;
    uint8_t bytes[];
};

struct cmd_state {
    uint8_t mode;       /* enum room_mode */
    uint8_t floor_site; /* SITE_NONE: nobody has the floor */
    bool record;
};

struct cmd {
    enum cmd_kind kind;
    room_id room;
    member_id member;
    union {
        struct cmd_join *join;
        struct ice_conf *ice;
        struct cmd_call *call;
        struct cmd_state state;
        uint8_t home;                  /* number of a hub */
        struct slot slots[NEGO_MEDIA]; /* by line; audio lines are passed over */
    };
};

/* Frees what the command owns: nobody took it. */
void cmd_drop(struct cmd *c);

enum note_kind {
    NOTE_MEMBER, /* room, member, state */
    NOTE_TRACK,  /* room, member, track: media of a source began or ended */
    NOTE_STATS,  /* room, member, stats: once a second */
    NOTE_SPEAK,  /* room, site: who is heard now; SITE_NONE nobody */
    NOTE_FIRST,  /* room, member, took_us: from CMD_MEMBER_ADD to the first key frame sent */
};

enum member_state {
    MEMBER_CONNECTING,
    MEMBER_OPEN,
    MEMBER_AWAY, /* nothing heard for AWAY_AFTER; may come back (MEMBER_OPEN again) */
    MEMBER_GONE, /* closed, failed, or away for GONE_AFTER: the hub has dropped it */
};

#define AWAY_AFTER (1800 * USEC_MS)
#define GONE_AFTER (30 * USEC_SEC)

/* Of the last second, both directions as seen from the relay. */
struct member_stats {
    uint32_t rtt_us; /* 0 = not known */
    uint32_t in_kbps, out_kbps;
    uint32_t way_kbps;     /* what its way to it carries, estimated; 0 = not known */
    uint8_t rung;          /* of the ladder (engine/media/share.h) that it gets; 0 = not known */
    uint16_t in_loss_ppt;  /* thousandths lost on the way to us */
    uint16_t out_loss_ppt; /* as the viewer reports */
    uint32_t nacks_in, nacks_out, plis_in, plis_out, rtx_out;
};

struct note {
    enum note_kind kind;
    room_id room;
    member_id member;
    union {
        uint8_t state; /* enum member_state */
        struct {
            uint8_t source; /* enum source */
            bool up;
            uint8_t layers;
        } track;
        struct member_stats stats;
        uint8_t site;
        uint32_t took_us;
    };
};
