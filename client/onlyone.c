/* onlyone.c - a lock file named by who we are. */
#include "client/onlyone.h"

#include <fcntl.h>
#include <glib.h>
#include <sys/file.h>
#include <unistd.h>

static int open_lock(const char *dir, const char *name)
{
    char *const path = g_build_filename(dir, name, NULL);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    g_free(path);
    return fd;
}

int onlyone_enter(const struct conf *c)
{
    char *const who = g_strdup_printf("%s %s %d %s", c->relay, c->lesson, c->profile, c->token);
    char *const sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, who, -1);
    char *const name = g_strdup_printf("liangshi-room-%.24s.lock", sum);
    int fd = open_lock(g_get_user_runtime_dir(), name);
    if (fd < 0)
        fd = open_lock(g_get_tmp_dir(), name);
    g_free(name);
    g_free(sum);
    g_free(who);
    if (fd < 0)
        return -2;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    close(fd);
    return -1;
}
