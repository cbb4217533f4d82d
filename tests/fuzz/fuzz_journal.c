/* fuzz_journal.c - any bytes as a segment: read without fault, then resumed and read again. */
#include "engine/journal/journal.h"
#include "engine/journal/jreader.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64];

static void clean(void)
{
    char path[128];
    for (unsigned i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%06u.journal", dir, i);
        (void)unlink(path);
    }
}

static void leave(void)
{
    clean();
    (void)rmdir(dir);
}

static void put_segment(const uint8_t *data, size_t size)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/000000.journal", dir);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)close(fd);
}

static void read_payload(const struct record *r)
{
    struct record_track t;
    struct record_rtp p;
    struct record_sr s;
    struct record_gap g;
    if (record_get_track(&t, r))
        assert(strlen(t.site) < RECORD_TEXT);
    if (record_get_rtp(&p, r))
        assert(p.head_len >= 12 && p.head + p.head_len == p.body);
    if (record_get_sr(&s, r) || record_get_gap(&g, r))
        assert(r->len >= RECORD_SR_LEN);
}

/* Number of records; every byte is a head, a record, skipped or torn. */
static uint64_t read_all(void)
{
    struct jreader *r = NULL;
    struct record rec;
    assert(jreader_new(&r, dir) == OK);
    while (jreader_next(r, &rec)) {
        assert(rec.at >= 0 && rec.len <= RECORD_PAYLOAD_MAX);
        read_payload(&rec);
    }
    const struct jreader_stat s = jreader_stat(r);
    assert(s.skipped + s.torn + s.records * RECORD_HEAD <= s.bytes);
    jreader_free(&r);
    return s.records;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!dir[0]) {
        (void)snprintf(dir, sizeof dir, "%s/liangshi-fuzz-XXXXXX",
                       access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
        assert(mkdtemp(dir));
        (void)atexit(leave);
    }
    clean();
    put_segment(data, size);
    const uint64_t before = read_all();
    struct journal *j = NULL;
    assert(journal_open(&j, dir, &(struct journal_conf){.wall_us = 1}, 0) == OK);
    assert(journal_event(j, 5, "x", 1) == OK);
    journal_free(&j);
    assert(read_all() > before); /* nothing that could be read is lost */
    return 0;
}
