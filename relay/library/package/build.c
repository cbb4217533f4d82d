/* build.c - which files there will be, and the threads that write them. */
#include "relay/library/package/build.h"

#include "relay/library/package/floor.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS_MAX 8
#define TRACKS_MAX 1024u

/* ---- which files */

static bool same_track(const struct build_track *a, const struct tape_stream *s)
{
    return a->site_no == s->info.site_no && a->layer == s->info.layer && a->codec == s->codec &&
           strcmp(a->source, s->info.source) == 0;
}

/* A name that is safe in any file system and URL. */
static void clean(char *out, size_t cap, const char *s)
{
    size_t n = 0;
    for (; *s && n + 1 < cap; s++) {
        const bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
                           (*s >= '0' && *s <= '9') || *s == '-' || *s == '_';
        out[n++] = (char)(plain ? *s : '_');
    }
    out[n] = 0;
}

static void name_track(struct build_track *t)
{
    char site[RECORD_TEXT];
    char source[RECORD_TEXT];
    char layer[8] = "";
    clean(site, sizeof site, t->site);
    clean(source, sizeof source, t->source);
    if (t->codec != TAPE_OPUS)
        (void)snprintf(layer, sizeof layer, "-%u", (unsigned)t->layer);
    const char *const kind = t->codec == TAPE_VP9 ? "-vp9" : "";
    if (t->site_no == 0)
        (void)snprintf(t->name, sizeof t->name, "%s%s%s.webm", source, kind, layer);
    else
        (void)snprintf(t->name, sizeof t->name, "site%u-%.32s-%s%s%s.webm", (unsigned)t->site_no,
                       site, source, kind, layer);
}

static enum err add_track(struct build *b, const struct build_track *t)
{
    if (b->tracks == b->cap) {
        const size_t cap = b->cap ? b->cap * 2 : 16;
        struct build_track *const p = realloc(b->track, cap * sizeof *p);
        if (!p)
            return E_NOMEM;
        b->track = p;
        b->cap = cap;
    }
    b->track[b->tracks++] = *t;
    return OK;
}

static enum err plan_stream(struct build *b, const struct tape_stream *s)
{
    if (s->codec == TAPE_OTHER || s->packets == 0 || b->tracks >= TRACKS_MAX)
        return OK;
    for (size_t i = 0; i < b->tracks; i++)
        if (same_track(&b->track[i], s))
            return OK;
    struct build_track t = {.site_no = s->info.site_no,
                            .layer = s->info.layer,
                            .codec = s->codec,
                            .channels = s->info.channels == 2 ? 2 : 1};
    memcpy(t.source, s->info.source, sizeof t.source);
    memcpy(t.site, s->info.site, sizeof t.site);
    name_track(&t);
    return add_track(b, &t);
}

static unsigned source_order(const char *source)
{
    static const char *const order[] = {"camera", "slides", "board", "class", "voice"};
    unsigned i = 0;
    while (i < ARRAY_LEN(order) && strcmp(order[i], source) != 0)
        i++;
    return i;
}

static int by_place(const void *pa, const void *pb)
{
    const struct build_track *const a = pa;
    const struct build_track *const b = pb;
    const unsigned oa = source_order(a->source);
    const unsigned ob = source_order(b->source);
    if (a->site_no != b->site_no)
        return a->site_no < b->site_no ? -1 : 1;
    if (oa != ob)
        return oa < ob ? -1 : 1;
    const int s = strcmp(a->source, b->source);
    return s != 0 ? s : (int)a->layer - (int)b->layer;
}

static enum err plan(struct build *b)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < b->tape->streams; i++)
        e = plan_stream(b, &b->tape->stream[i]);
    if (e == OK && b->tracks > 1)
        qsort(b->track, b->tracks, sizeof *b->track, by_place);
    return e;
}

/* ---- one file */

/* When the stream that continues this one begins. */
static int64_t continued_at(const struct build *b, const struct build_track *t, size_t after)
{
    for (size_t i = after + 1; i < b->tape->streams; i++) {
        const struct tape_stream *const s = &b->tape->stream[i];
        if (same_track(t, s) && s->packets > 0)
            return tape_time(b->tape, s, &s->packet[0]);
    }
    return INT64_MAX;
}

static enum err assemble(const struct build *b, struct build_track *t)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < b->tape->streams; i++)
        if (same_track(t, &b->tape->stream[i]))
            e = frames_add(&t->frames, b->tape, &b->tape->stream[i], continued_at(b, t, i));
    return e;
}

static bool path_of(char out[4096], const char *dir, const char *name)
{
    return snprintf(out, 4096, "%s/%s", dir, name) < 4096;
}

static enum err write_track(const struct build *b, struct build_track *t)
{
    char path[4096];
    if (t->frames.n == 0)
        return OK;
    if (!path_of(path, b->dir, t->name))
        return E_LIMIT;
    const enum err e = webm_write(&t->file, path, &t->frames, t->channels, b->tape->end);
    return e == OK ? build_sha256(t->sha256, path) : e;
}

enum err build_sha256(char out[BUILD_SHA256], const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st = {0};
    if (fd < 0 || fstat(fd, &st) != 0) {
        if (fd >= 0)
            (void)close(fd);
        return E_IO;
    }
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    bool good = false;
    void *const p =
        st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0) : NULL;
    if (p != MAP_FAILED) {
        good = EVP_Digest(p ? p : "", (size_t)st.st_size, sum, &len, EVP_sha256(), NULL) == 1;
        if (p)
            (void)munmap(p, (size_t)st.st_size);
    }
    (void)close(fd);
    for (unsigned i = 0; good && i < len; i++)
        (void)snprintf(out + (size_t)2 * i, 3, "%02x", sum[i]);
    return good ? OK : E_IO;
}

/* ---- the floor, stills, poster */

static enum err plan_floor(struct build *b)
{
    struct floor_voice *const voice = calloc(b->tracks + 1, sizeof *voice);
    if (!voice)
        return E_NOMEM;
    struct build_track t = {.source = "floor",
                            .name = "floor.webm",
                            .codec = TAPE_OPUS,
                            .channels = 1,
                            .site_no = 255,
                            .floor = true};
    size_t n = 0;
    for (size_t i = 0; i < b->tracks; i++) {
        const struct build_track *const v = &b->track[i];
        if (v->codec != TAPE_OPUS || v->site_no == 0)
            continue;
        voice[n++] = (struct floor_voice){.site = v->site, .frames = &v->frames};
        t.channels = v->channels > t.channels ? v->channels : t.channels;
    }
    enum err e = floor_cut(&t.frames, b->story, voice, n);
    free(voice);
    if (e == OK && t.frames.n > 0)
        e = add_track(b, &t);
    if (e != OK || t.frames.n == 0)
        frames_fini(&t.frames);
    return e;
}

/* The largest layer of a source of the lead's. */
static const struct build_track *largest(const struct build *b, const char *source)
{
    const struct build_track *best = NULL;
    for (size_t i = 0; i < b->tracks; i++) {
        const struct build_track *const t = &b->track[i];
        if (t->site_no == 0 && t->frames.n > 0 && strcmp(t->source, source) == 0)
            best = t;
    }
    return best;
}

static enum err make_stills(struct build *b)
{
    const struct build_track *const slides = largest(b, "slides");
    const struct build_track *const camera = largest(b, "camera");
    const struct build_track *const front = camera ? camera : slides;
    char path[4096];
    if (front && !stills_possible(&b->no_stills))
        return OK;
    b->no_stills = NULL;
    if (front && path_of(path, b->dir, "poster.jpg"))
        b->poster = stills_poster(path, &front->frames);
    return slides ? stills_write(&b->stills, b->dir, &slides->frames) : OK;
}

/* ---- threads: each takes the next job until none is left */

enum job { JOB_ASSEMBLE, JOB_WRITE };

struct crew {
    struct build *b;
    enum job job;
    size_t first; /* of the tracks to be done */
    atomic_size_t next;
};

static void *work(void *arg)
{
    struct crew *const c = arg;
    for (;;) {
        const size_t i = c->first + atomic_fetch_add(&c->next, 1);
        if (i >= c->b->tracks)
            return NULL;
        struct build_track *const t = &c->b->track[i];
        t->result = c->job == JOB_ASSEMBLE ? assemble(c->b, t) : write_track(c->b, t);
        t->saved_errno = errno;
    }
}

static unsigned processors(void)
{
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

static enum err together(struct build *b, enum job job, char failed[BUILD_NAME])
{
    struct crew c = {.b = b, .job = job};
    pthread_t thread[THREADS_MAX];
    unsigned n = 0;
    const unsigned wanted = processors() - 1;
    while (n < wanted && pthread_create(&thread[n], NULL, work, &c) == 0)
        n++;
    (void)work(&c); /* this thread works too, and alone if it must */
    for (unsigned i = 0; i < n; i++)
        (void)pthread_join(thread[i], NULL);
    for (size_t i = 0; i < b->tracks; i++) {
        const struct build_track *const t = &b->track[i];
        if (t->result == OK)
            continue;
        (void)snprintf(failed, BUILD_NAME, "%s", t->name);
        errno = t->saved_errno;
        return t->result;
    }
    return OK;
}

struct side {
    struct build *b;
    enum err result;
};

static void *stills_thread(void *arg)
{
    struct side *const s = arg;
    s->result = make_stills(s->b);
    return NULL;
}

enum err build_run(struct build *b, const struct tape *t, const struct story *s, const char *dir,
                   char failed[BUILD_NAME])
{
    *b = (struct build){.tape = t, .story = s, .dir = dir};
    failed[0] = 0;
    enum err e = plan(b);
    if (e == OK)
        e = together(b, JOB_ASSEMBLE, failed);
    if (e == OK)
        e = plan_floor(b);
    if (e != OK)
        return e;
    /* decoding keeps one processor busy while the others write */
    struct side side = {.b = b};
    pthread_t thread;
    const bool aside = pthread_create(&thread, NULL, stills_thread, &side) == 0;
    e = together(b, JOB_WRITE, failed);
    if (aside)
        (void)pthread_join(thread, NULL);
    else
        (void)stills_thread(&side);
    if (e == OK && side.result != OK) {
        (void)snprintf(failed, BUILD_NAME, "slide stills");
        e = side.result;
    }
    return e;
}

void build_fini(struct build *b)
{
    for (size_t i = 0; i < b->tracks; i++)
        frames_fini(&b->track[i].frames);
    free(b->track);
    stills_fini(&b->stills);
    *b = (struct build){0};
}

const struct build_track *build_find(const struct build *b, unsigned site_no, const char *source)
{
    for (size_t i = 0; i < b->tracks; i++) {
        const struct build_track *const t = &b->track[i];
        if (t->site_no == site_no && t->frames.n > 0 && strcmp(t->source, source) == 0)
            return t;
    }
    return NULL;
}
