#include "relay/library/package.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIES_MAX 6
#define FIRST_PAUSE (2 * USEC_SEC) /* doubled with every failure */
#define MANIFEST_MAX (8 << 20)

struct job {
    char id[ID_CAP];
    usec due;
};

struct packager {
    struct packager_conf conf;
    struct job *job;
    size_t n, cap;
    char running[ID_CAP]; /* "" = none */
    pid_t pid;
    int pidfd;
};

static bool is_queued(const struct packager *p, const char *id)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->job[i].id, id) == 0)
            return true;
    return strcmp(p->running, id) == 0;
}

static void queue(struct packager *p, const char *id, usec due)
{
    if (is_queued(p, id))
        return;
    if (p->n == p->cap) {
        const size_t cap = p->cap ? 2 * p->cap : 16;
        struct job *const job = realloc(p->job, cap * sizeof *job);
        if (!job) {
            log_error(p->conf.log, "no memory: packaged at the next start", "resource=%s", id);
            return;
        }
        p->job = job;
        p->cap = cap;
    }
    text_put(p->job[p->n].id, ID_CAP, "%s", id);
    p->job[p->n++].due = due;
}

/* What the catalogue says of a resource after a change. */
static void keep(struct packager *p, const struct resource *r)
{
    if (catalogue_resource_save(p->conf.catalogue, r) != OK)
        log_error(p->conf.log, "the catalogue cannot write", "resource=%s state=%s", r->id,
                  resource_state_name(r->state));
}

void packager_add(struct packager *p, const char *id)
{
    struct resource r;
    if (catalogue_resource(p->conf.catalogue, id, &r) != OK) {
        log_error(p->conf.log, "a recording without a row in the catalogue", "resource=%s", id);
        return;
    }
    r.state = RES_PACKAGING;
    keep(p, &r);
    queue(p, id, 0);
}

static bool lesson_has_ended(struct packager *p, const char *id)
{
    struct resource r;
    struct lesson *l;
    if (catalogue_resource(p->conf.catalogue, id, &r) != OK ||
        catalogue_lesson(p->conf.catalogue, r.lesson, &l) != OK)
        return false;
    const bool ended = l->state == LESSON_ENDED;
    lesson_free(&l);
    return ended;
}

static enum err take_up(struct packager *p, enum resource_state state)
{
    json_t *const ids = json_array();
    const enum err e = ids ? catalogue_resources_in(p->conf.catalogue, state, ids) : E_NOMEM;
    for (size_t i = 0; e == OK && i < json_array_size(ids); i++) {
        const char *const id = json_string_value(json_array_get(ids, i));
        if (lesson_has_ended(p, id))
            packager_add(p, id);
    }
    json_decref(ids);
    return e;
}

enum err packager_new(struct packager **out, const struct packager_conf *c)
{
    static const enum resource_state unfinished[] = {RES_PACKAGING, RES_RECORDING, RES_FAILED};
    struct packager *p = calloc(1, sizeof *p);
    enum err e = p ? OK : E_NOMEM;
    if (p) {
        p->conf = *c;
        p->pidfd = -1;
    }
    for (size_t i = 0; e == OK && i < ARRAY_LEN(unfinished); i++)
        e = take_up(p, unfinished[i]);
    if (e != OK)
        packager_free(&p);
    *out = p;
    return e;
}

static void forget_child(struct packager *p)
{
    if (p->pidfd >= 0)
        (void)close(p->pidfd);
    p->pidfd = -1;
    p->running[0] = 0;
}

void packager_free(struct packager **p)
{
    if (!*p)
        return;
    if ((*p)->running[0]) {
        (void)kill((*p)->pid, SIGTERM);
        (void)waitpid((*p)->pid, NULL, 0);
        forget_child(*p);
    }
    free((*p)->job);
    free(*p);
    *p = NULL;
}

int packager_fd(const struct packager *p)
{
    return p->pidfd;
}

usec packager_next(const struct packager *p)
{
    usec next = USEC_NEVER;
    for (size_t i = 0; !p->running[0] && i < p->n; i++)
        next = usec_min(next, p->job[i].due);
    return next;
}

/* The child gets no descriptor of ours but the three standard ones, and default signals. */
static int spawn(struct packager *p, char *const argv[])
{
    posix_spawnattr_t attr;
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    if (posix_spawnattr_init(&attr) != 0)
        return ENOMEM;
    (void)posix_spawnattr_setsigmask(&attr, &none);
    (void)posix_spawnattr_setsigdefault(&attr, &all);
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const int rc = posix_spawnp(&p->pid, argv[0], NULL, &attr, argv, environ);
    (void)posix_spawnattr_destroy(&attr);
    return rc;
}

static void failed(struct packager *p, const char *id, usec now, const char *why)
{
    struct resource r;
    if (catalogue_resource(p->conf.catalogue, id, &r) != OK)
        return;
    r.tries++;
    text_put(r.detail, sizeof r.detail, "%s", why);
    r.state = r.tries >= TRIES_MAX ? RES_FAILED : RES_PACKAGING;
    keep(p, &r);
    log_error(p->conf.log, "packaging failed", "resource=%s try=%lld why=\"%s\"", id,
              (long long)r.tries, why);
    if (r.state == RES_PACKAGING)
        queue(p, id, now + (FIRST_PAUSE << r.tries));
}

/* Starts the child for a job. False: it could not be started, and has been put back. */
static void start(struct packager *p, usec now, size_t i)
{
    char id[ID_CAP];
    char journal[4096];
    char out[4096];
    memcpy(id, p->job[i].id, sizeof id);
    p->job[i] = p->job[--p->n];
    text_put(journal, sizeof journal, "%s/%s", p->conf.journal_dir, id);
    text_put(out, sizeof out, "%s/%s", p->conf.library_dir, id);
    char *const program = strdup(p->conf.program);
    char journal_flag[] = "--journal";
    char out_flag[] = "--out";
    char *const argv[] = {program, journal_flag, journal, out_flag, out, NULL};
    const int rc = program ? spawn(p, argv) : ENOMEM;
    free(program);
    if (rc != 0) {
        char why[256];
        text_put(why, sizeof why, "cannot run %s: %s", p->conf.program, strerror(rc));
        failed(p, id, now, why);
        return;
    }
    memcpy(p->running, id, sizeof id);
    p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    log_info(p->conf.log, "packaging begins", "resource=%s pid=%d", id, (int)p->pid);
}

static int64_t folder_bytes(const char *path)
{
    int64_t sum = 0;
    DIR *const d = opendir(path);
    if (!d)
        return 0;
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            sum += st.st_size;
    }
    (void)closedir(d);
    return sum;
}

static json_t *read_manifest(const char *folder)
{
    char path[4200];
    struct stat st;
    text_put(path, sizeof path, "%s/manifest.json", folder);
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > MANIFEST_MAX)
        return NULL;
    json_t *const j = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(j))
        return j;
    json_decref(j);
    return NULL;
}

/* Names of people and sites, and the texts of marks, for the search. */
static void index_lesson(struct packager *p, const struct resource *r)
{
    struct lesson *l;
    char *const marks = calloc(1, 65536);
    json_t *const list = json_array();
    if (marks && list && catalogue_lesson(p->conf.catalogue, r->lesson, &l) == OK) {
        char people[4096];
        const char *const title = json_string_value(json_object_get(l->meta, "title"));
        const char *const teacher = json_string_value(json_object_get(l->meta, "teacher"));
        const char *const subject = json_string_value(json_object_get(l->meta, "subject"));
        const char *const grade = json_string_value(json_object_get(l->meta, "grade"));
        text_put(people, sizeof people, "%s %s %s", teacher ? teacher : "", subject ? subject : "",
                 grade ? grade : "");
        for (size_t i = 0; i < l->sites; i++)
            text_add(people, sizeof people, " %s", l->site[i].name);
        text_repair(people); /* it may have been cut */
        if (catalogue_newest(p->conf.catalogue, r->lesson, "mark", 1000, list) == OK)
            for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *const mark =
                    json_object_get(json_object_get(json_array_get(list, i), "data"), "mark");
                if (!json_is_true(json_object_get(mark, "private")))
                    text_add(marks, 65536, " %s", json_string_value(json_object_get(mark, "text")));
            }
        const struct resource_text t = {title ? title : "", people, marks};
        if (catalogue_index(p->conf.catalogue, r->id, &t) != OK)
            log_error(p->conf.log, "the search index cannot be written", "resource=%s", r->id);
        lesson_free(&l);
    }
    json_decref(list);
    free(marks);
}

static const char *poster_of(const json_t *manifest)
{
    const char *const poster = json_string_value(json_object_get(manifest, "poster"));
    return poster && strlen(poster) < sizeof((struct resource *)0)->poster ? poster : "";
}

static void finished(struct packager *p, const char *id, usec now)
{
    char folder[4096];
    struct resource r;
    text_put(folder, sizeof folder, "%s/%s", p->conf.library_dir, id);
    json_t *const manifest = read_manifest(folder);
    if (!manifest) {
        failed(p, id, now, "the packager wrote no manifest.json that can be read");
        return;
    }
    if (catalogue_resource(p->conf.catalogue, id, &r) == OK) {
        r.state = RES_READY;
        r.duration_ms = json_integer_value(json_object_get(manifest, "duration_ms"));
        r.bytes = folder_bytes(folder);
        r.detail[0] = 0;
        text_put(r.poster, sizeof r.poster, "%s", poster_of(manifest));
        keep(p, &r);
        index_lesson(p, &r);
        log_info(p->conf.log, "a lesson stands in the library",
                 "resource=%s duration_ms=%lld bytes=%lld", id, (long long)r.duration_ms,
                 (long long)r.bytes);
    }
    json_decref(manifest);
}

static bool reap(struct packager *p, usec now, char id[ID_CAP])
{
    int status;
    char why[64];
    const pid_t got = waitpid(p->pid, &status, WNOHANG);
    if (got == 0)
        return false;
    memcpy(id, p->running, ID_CAP);
    forget_child(p);
    if (got > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        finished(p, id, now);
        return true;
    }
    if (got > 0 && WIFSIGNALED(status))
        text_put(why, sizeof why, "the packager was ended by signal %d", WTERMSIG(status));
    else
        text_put(why, sizeof why, "the packager ended with code %d",
                 got > 0 ? WEXITSTATUS(status) : -1);
    failed(p, id, now, why);
    return true;
}

bool packager_turn(struct packager *p, usec now, char id[ID_CAP])
{
    if (p->running[0])
        return reap(p, now, id);
    for (size_t i = 0; i < p->n; i++)
        if (p->job[i].due <= now) {
            memcpy(id, p->job[i].id, ID_CAP);
            start(p, now, i);
            return !p->running[0]; /* it could not be started: told as failed */
        }
    return false;
}
