/* replay.c - stands in for libFuzzer: feeds each file of a corpus to a fuzz target, as a test. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MAX (1 << 20)

static size_t replayed;

static bool replay_file(const char *path)
{
    static uint8_t data[FILE_MAX];
    FILE *const f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return false;
    }
    const size_t n = fread(data, 1, sizeof data, f);
    const bool whole = !ferror(f) && fgetc(f) == EOF;
    (void)fclose(f);
    if (!whole) {
        (void)fprintf(stderr, "%s: unreadable, or longer than %d bytes\n", path, FILE_MAX);
        return false;
    }
    (void)fprintf(stderr, "%s, %zu bytes\n", path, n); /* the last line before a crash */
    (void)LLVMFuzzerTestOneInput(data, n);
    replayed++;
    return true;
}

static int not_hidden(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static bool replay_folder(const char *path)
{
    struct dirent **names = NULL;
    const int n = scandir(path, &names, not_hidden, alphasort);
    if (n < 0) {
        perror(path);
        return false;
    }
    bool good = true;
    for (int i = 0; i < n; i++) {
        char file[4096];
        const int m = snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        good &= m > 0 && (size_t)m < sizeof file && replay_file(file);
        free(names[i]);
    }
    free(names);
    return good;
}

/* Files and folders, as libFuzzer takes them; its options (-runs=…) are ignored. */
int main(int argc, char **argv)
{
    bool good = true;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (argv[i][0] == '-')
            continue;
        if (stat(argv[i], &st) != 0) {
            perror(argv[i]);
            good = false;
        } else if (S_ISDIR(st.st_mode)) {
            good &= replay_folder(argv[i]);
        } else {
            good &= replay_file(argv[i]);
        }
    }
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0); /* nothing at all is an input too */
    if (replayed == 0)
        (void)fprintf(stderr, "no file to replay: an empty corpus tests nothing\n");
    (void)fprintf(stderr, "%zu inputs replayed\n", replayed);
    return good && replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
