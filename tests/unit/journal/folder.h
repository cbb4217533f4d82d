/* folder.h - a journal folder of a test's own, and what is in it. */
#pragma once

#include "engine/journal/journal.h"
#include "engine/journal/jreader.h"

#define FOLDER_PATH 128

/* A new empty folder; path is its name. */
void folder_make(char path[FOLDER_PATH]);
/* With everything in it. */
void folder_remove(const char *path);

/* The whole of a file in it; *len bytes, freed by the caller. */
uint8_t *folder_get(const char *path, const char *name, size_t *len);
void folder_put(const char *path, const char *name, const uint8_t *p, size_t len);

/* Opens with lesson clock `clock` at monotonic `now`; fails the test if it cannot. */
struct journal *folder_open(const char *path, int64_t clock, usec now);
/* Appends event number n, whose text is "event n" and a few bytes more. */
void folder_event(struct journal *j, usec at, unsigned n);

/* Numbers of the events in a journal, in their order; returns how many (at most cap). The lesson
 * clock must not run backwards, or the test fails. */
size_t folder_events(const char *path, unsigned *out, size_t cap, struct jreader_stat *stat);
/* How many gaps of one reason are told of; the last in *gap. */
size_t folder_gaps(const char *path, enum record_gap_reason reason, struct record_gap *gap);
