#include "engine/media/pick.h"

#define WINDOW 64u
#define LATE_MOST (10 * 90000) /* what is older is a sender that set its clock back */

void pick_begin(struct pick *k)
{
    *k = (struct pick){0};
}

static void turn(struct pick *k, const struct video_desc *d)
{
    if (!d->has_pid)
        return;
    const unsigned step = (d->picture_id - k->picture_id) & video_pid_mask(d);
    k->known = step < WINDOW ? k->known << step : 0;
    k->sent = step < WINDOW ? k->sent << step : 0;
    k->picture_id = d->picture_id;
}

/* Of a reference that never came, or is too old to know, only its layer tells: what goes out of it
 * goes out whole. */
static bool has_references(const struct pick *k, const struct video_desc *d, bool usual)
{
    for (unsigned i = 0; i < d->refs; i++) {
        const bool known = d->ref[i] < WINDOW && k->known >> d->ref[i] & 1;
        if (known ? !(k->sent >> d->ref[i] & 1) : !usual)
            return false;
    }
    return true;
}

static bool follows(struct pick *k, const struct video_desc *d, uint8_t tid)
{
    if (k->tid > tid)
        k->tid = tid;
    const bool usual = d->tid <= k->tid;
    if (d->tid > tid || !(d->refs ? has_references(k, d, usual) : usual || d->sync))
        return false;
    if (!usual)
        k->tid = d->tid;
    return true;
}

static void begin_picture(struct pick *k, const struct pkt_rtp *in, const struct video_desc *d,
                          uint8_t sids, uint8_t tid)
{
    turn(k, d);
    k->ts = in->ts;
    if (in->key) { /* all that any layer needs */
        k->sids = sids;
        k->tid = tid;
        k->takes = true;
    } else {
        k->sids = k->sids < sids ? k->sids : sids;
        k->takes = follows(k, d, tid);
    }
    k->begun = true;
    k->known |= 1;
    k->sent |= k->takes;
}

bool pick_other_picture(struct pick *k, const struct pkt_rtp *in, const struct video_desc *d,
                        uint8_t sids, uint8_t tid)
{
    const int32_t ahead = (int32_t)(in->ts - k->ts);
    if (k->begun && ahead < 0 && ahead > -LATE_MOST)
        return d->sid < k->sids && d->tid <= k->tid;
    begin_picture(k, in, d, sids, tid);
    return k->takes && d->sid < k->sids;
}
