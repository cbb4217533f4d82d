/* package.h - turns the journals of ended lessons into library resources: runs liangshi-package as
 * a child, one at a time, and writes its result into the catalogue. */
#pragma once

#include "engine/base/log.h"
#include "relay/library/catalogue.h"

struct packager;

struct packager_conf {
    struct log *log;
    struct catalogue *catalogue;
    const char *program;     /* liangshi-package */
    const char *journal_dir; /* a folder for each lesson */
    const char *library_dir; /* a folder for each resource */
};

/* Takes up what an earlier run of the relay left: recordings whose lesson has ended, packages that
 * were not finished, failures that may be tried again. */
MUST_USE enum err packager_new(struct packager **p, const struct packager_conf *c);
/* A child that runs is ended; it is run again at the next start. */
void packager_free(struct packager **p);

/* The journal of this resource is closed. */
void packager_add(struct packager *p, const char *id);
/* Readable when the child has ended; -1: none runs. Changes with each child. */
int packager_fd(const struct packager *p);
/* Starts and reaps. True: a resource changed its state, `id` says which; call again. */
MUST_USE bool packager_turn(struct packager *p, usec now, char id[ID_CAP]);
usec packager_next(const struct packager *p);
