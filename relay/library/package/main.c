/* main.c - liangshi-package: one recorded lesson in, one replayable resource out. */
#include "relay/library/package/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char usage[] =
    "usage: liangshi-package --journal DIR --out DIR\n"
    "\n"
    "Turns the journal of a lesson into a resource that can be replayed: one WebM file for each\n"
    "source and layer, DASH manifests, slide stills, a poster, marks, manifest.json.\n"
    "\n"
    "  --journal DIR  folder of the journal (000000.journal, ...)\n"
    "  --out DIR      folder of the resource; replaced as a whole when everything is written\n"
    "  --help         this text\n"
    "  --version      the program's version\n"
    "\n"
    "Exit codes: 0 done, 1 failed at work, 2 wrong usage.\n";

struct args {
    const char *journal;
    const char *out;
};

/* -1: go on; else the exit code. */
static int read_args(struct args *a, int argc, char **argv)
{
    static const struct option options[] = {{"journal", required_argument, NULL, 'j'},
                                            {"out", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        switch (c) {
        case 'j':
            a->journal = optarg;
            break;
        case 'o':
            a->out = optarg;
            break;
        case 'h':
            (void)fputs(usage, stdout);
            return EXIT_DONE;
        case 'v':
            (void)puts("liangshi-package " LIANGSHI_VERSION);
            return EXIT_DONE;
        default:
            (void)fprintf(stderr,
                          "liangshi-package: %s: %s; the flags are --journal DIR --out DIR\n",
                          argv[optind - 1], c == ':' ? "needs a value" : "is no flag of ours");
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr,
                      "liangshi-package: \"%s\" is one argument too many; the flags are "
                      "--journal DIR --out DIR\n",
                      argv[optind]);
        return EXIT_USAGE;
    }
    if (!a->journal || !a->journal[0] || !a->out || !a->out[0]) {
        (void)fprintf(stderr, "liangshi-package: --%s DIR is missing\n",
                      !a->journal || !a->journal[0] ? "journal" : "out");
        return EXIT_USAGE;
    }
    return -1;
}

static int complain(const char *what, const char *name, enum err e)
{
    (void)fprintf(stderr, "liangshi-package: %s: %s: %s\n", what, name,
                  e == E_IO && errno ? strerror(errno) : err_name(e));
    return EXIT_FAILED;
}

/* A folder of plain files. */
static void remove_folder(const char *path)
{
    DIR *const d = opendir(path);
    if (!d)
        return;
    for (const struct dirent *f; (f = readdir(d));)
        if (strcmp(f->d_name, ".") != 0 && strcmp(f->d_name, "..") != 0)
            (void)unlinkat(dirfd(d), f->d_name, 0);
    (void)closedir(d);
    (void)rmdir(path);
}

/* A sound name for the work in progress, next to the result so that it can be renamed. What an
 * earlier run left under it goes. */
static bool begin_folder(char out[4096], const char *result)
{
    size_t n = strlen(result);
    while (n > 1 && result[n - 1] == '/')
        n--;
    if (n + 10 > 4096) {
        errno = ENAMETOOLONG;
        return false;
    }
    (void)snprintf(out, 4096, "%.*s.part", (int)n, result);
    remove_folder(out);
    return mkdir(out, 0750) == 0;
}

/* Everything is on the disk before the name says so. */
static bool sync_folder(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool good = fd >= 0 && syncfs(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return good;
}

static bool replace_folder(const char *part, const char *result)
{
    if (!sync_folder(part))
        return false;
    if (renameat2(AT_FDCWD, part, AT_FDCWD, result, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EEXIST || renameat2(AT_FDCWD, part, AT_FDCWD, result, RENAME_EXCHANGE) != 0)
        return false;
    remove_folder(part); /* the former result */
    return true;
}

static void report(const struct build *b)
{
    const struct jreader_stat s = jreader_stat(b->tape->reader);
    if (s.holes > 0 || s.torn > 0)
        (void)fprintf(stderr,
                      "liangshi-package: the journal is damaged: %u holes, %llu bytes skipped, "
                      "%llu bytes torn off its end; the rest is packaged\n",
                      (unsigned)s.holes, (unsigned long long)s.skipped, (unsigned long long)s.torn);
    if (b->no_stills)
        (void)fprintf(stderr,
                      "liangshi-package: no stills: GStreamer's element %s is not installed\n",
                      b->no_stills);
}

static int package(const struct args *a, const struct tape *t, const struct story *s)
{
    char part[4096];
    char failed[BUILD_NAME];
    if (!begin_folder(part, a->out))
        return complain("cannot make the folder", a->out, E_IO);
    struct build b;
    enum err e = build_run(&b, t, s, part, failed);
    if (e == OK)
        e = manifest_write(&b, failed);
    int code = EXIT_DONE;
    if (e != OK)
        code = complain("cannot write", failed, e);
    else if (!replace_folder(part, a->out))
        code = complain("cannot replace", a->out, E_IO);
    else
        report(&b);
    if (code != EXIT_DONE)
        remove_folder(part);
    build_fini(&b);
    return code;
}

int main(int argc, char **argv)
{
    struct args a = {0};
    const int done = read_args(&a, argc, argv);
    if (done >= 0)
        return done;
    gst_init(NULL, NULL);
    struct tape t;
    struct story s = {0};
    enum err e = tape_load(&t, a.journal);
    int code = e == OK ? EXIT_DONE : complain("cannot read the journal", a.journal, e);
    if (e == OK) {
        e = story_load(&s, &t);
        code = e == OK ? package(&a, &t, &s) : complain("cannot read the events of", a.journal, e);
    }
    story_fini(&s);
    tape_free(&t);
    return code;
}
