/* test_journal_disk.c - full disks and killed writers. */
#include "engine/io/clock.h"
#include "tests/unit/journal/folder.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void limit_files(rlim_t bytes)
{
    struct rlimit l;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

/* One packet with a body of 1000 bytes. */
static enum err packet(struct journal *j, usec at, uint32_t seq)
{
    static uint8_t body[1000];
    uint8_t head[12] = {0x80, 96};
    const struct record_rtp r = {
        .ext_seq = seq, .head = head, .head_len = 12, .body = body, .body_len = sizeof body};
    return journal_rtp(j, at, 1, &r);
}

static void a_full_disk_is_reported_and_outlived(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    unsigned n[16];
    struct jreader_stat stat;
    struct record_gap g;
    (void)signal(SIGXFSZ, SIG_IGN);
    folder_make(path);
    struct journal *j = folder_open(path, 0, 0);
    folder_event(j, 0, 1);
    assert_int_equal(journal_flush(j, 0), OK);

    limit_files(10000);
    usec now = 0;
    uint32_t seq = 0;
    unsigned refused = 0;
    while (refused < 100) {
        now += 1000;
        if (packet(j, now, seq++) != OK)
            refused++;
        if (now >= journal_next(j) && journal_tick(j, now) != OK)
            assert_int_equal(journal_stat(j).last_errno, EFBIG);
    }
    folder_event(j, now, 2); /* there is room for what must not be lost */
    assert_int_equal(journal_stat(j).dropped, 100);
    assert_true(journal_stat(j).errors > 1 && journal_stat(j).errors < 10); /* not at each packet */

    limit_files(RLIM_INFINITY);
    now += JOURNAL_RETRY;
    assert_true(journal_next(j) <= now);
    assert_int_equal(journal_tick(j, now), OK);
    assert_int_equal(journal_stat(j).last_errno, 0);
    assert_int_equal(packet(j, now, seq), OK);
    folder_event(j, now, 3);
    journal_free(&j);

    assert_int_equal(folder_events(path, n, 16, &stat), 3);
    assert_int_equal(stat.holes, 0);
    assert_int_equal(stat.torn, 0);
    assert_int_equal(folder_gaps(path, RECORD_GAP_DISK, &g), 1);
    assert_int_equal(g.lost, 100);
    assert_true(g.from > 1000000); /* two megabytes could wait */
    folder_remove(path);
}

static void a_disk_that_was_full_at_the_change_of_files_is_outlived(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    unsigned n[16];
    struct journal *j = NULL;
    (void)signal(SIGXFSZ, SIG_IGN);
    folder_make(path);
    assert_int_equal(journal_open(&j, path, &(struct journal_conf){.segment = 60}, 0), OK);
    folder_event(j, 0, 1);
    assert_int_equal(journal_flush(j, 0), OK);
    limit_files(20);
    folder_event(j, 1, 2);
    assert_int_equal(journal_flush(j, 1), E_IO);
    limit_files(RLIM_INFINITY);
    assert_int_equal(journal_flush(j, 2), OK);
    journal_free(&j);
    assert_int_equal(folder_events(path, n, 16, NULL), 2);
    folder_remove(path);
}

/* Writes an event each millisecond and says so on `out`, until it is killed. */
static void write_until_killed(const char *path, int out)
{
    struct journal *j = folder_open(path, 0, clock_now());
    for (unsigned i = 0;; i++) {
        const usec now = clock_now();
        folder_event(j, now, i);
        if (now >= journal_next(j) && journal_tick(j, now) != OK)
            _exit(1);
        if (write(out, &i, sizeof i) != (ssize_t)sizeof i)
            _exit(1);
        (void)usleep(1000);
    }
}

static void a_killed_writer_loses_less_than_a_second(void **unused)
{
    (void)unused;
    char path[FOLDER_PATH];
    static unsigned n[20000];
    int fd[2];
    unsigned said = 0;
    folder_make(path);
    assert_int_equal(pipe(fd), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        write_until_killed(path, fd[1]);
    (void)close(fd[1]);
    for (unsigned i = 0; i < 600; i++)
        assert_int_equal(read(fd[0], &said, sizeof said), sizeof said);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    while (read(fd[0], &said, sizeof said) == (ssize_t)sizeof said)
        continue; /* what it managed to say before it died */
    (void)close(fd[0]);

    struct journal *j = folder_open(path, USEC_SEC, 0);
    folder_event(j, 0, 99999);
    journal_free(&j);
    struct jreader *r = NULL;
    struct record rec;
    int64_t before = 0;
    assert_int_equal(jreader_new(&r, path), OK);
    while (jreader_next(r, &rec) && rec.type == RECORD_EVENT)
        before = rec.at;
    jreader_free(&r);
    const size_t kept = folder_events(path, n, 20000, NULL);
    assert_true(kept > 2);
    for (unsigned i = 0; i + 1 < kept; i++)
        assert_int_equal(n[i], i); /* all up to the last, none twice */
    assert_int_equal(n[kept - 1], 99999);
    /* an event takes at least a millisecond, so these are well under a second */
    assert_true(said + 1 - (kept - 1) <= 400);
    assert_true(before > 0);
    folder_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_is_reported_and_outlived),
        cmocka_unit_test(a_disk_that_was_full_at_the_change_of_files_is_outlived),
        cmocka_unit_test(a_killed_writer_loses_less_than_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
