/* budget.h - what a viewer's way carries, and what of the lesson goes over it: the estimate, its
 * division among the lines, the pace, and packets that try whether there is more. */
#pragma once

#include "engine/media/bwe.h"
#include "engine/media/share.h"

struct member;
struct twcc_feedback;

struct budget {
    struct bwe bwe;
    usec look_at;     /* the division is looked at again by then */
    uint64_t divided; /* the estimate that it was made of */
    usec up_at;       /* no line gets more before */
    usec went_up;     /* when one last did */
    usec hold;        /* after a step down nothing goes up for so long */
    uint64_t video;   /* bits per second that its pictures of people were given */
    size_t probe;     /* bytes that the cluster under way still wants */
    uint8_t cluster;
    uint8_t rung;     /* 1 … SHARE_RUNGS */
    bool anew;        /* the lines changed */
    bool tight;       /* some line could have more, or the estimate is near what goes out */
    unsigned reports; /* that said something of the way, this second */
};

/* For a member whose connection says how packets arrive; others get everything. */
MUST_USE enum err budget_new(struct budget **b, const struct member *m, usec now);
void budget_free(struct budget **b);

/* A packet of so many bytes left under this transport-wide number. */
void budget_sent(struct member *m, usec now, uint16_t twcc, size_t len);

void budget_twcc(struct member *m, usec now, const struct twcc_feedback *f);
void budget_report(struct member *m, usec now, unsigned loss_ppt);
void budget_remb(struct member *m, usec now, uint64_t bps);

/* What is sent to it takes another way from now on. */
void budget_other_way(struct member *m, usec now);
/* Its lines show something else now: what they may is decided anew, soon. */
void budget_again(struct member *m, usec now);
/* Looks whether anything should change. */
void budget_tick(struct member *m, usec now);
usec budget_next(const struct member *m);
