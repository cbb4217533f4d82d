/* fuzz_package.c - a script of records becomes a journal; its streams are put on the lesson clock
 * and joined to frames, whatever their numbers and times. */
#include "engine/base/bytes.h"
#include "engine/journal/journal.h"
#include "relay/library/package/frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64];

static void clean(void)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/000000.journal", dir);
    (void)unlink(path);
}

static void leave(void)
{
    clean();
    (void)rmdir(dir);
}

struct script {
    const uint8_t *p;
    size_t left;
    usec now;
    uint32_t seq[16];
    uint32_t ts[16];
};

static uint32_t number(struct script *s, unsigned bytes)
{
    uint32_t n = 0;
    for (; bytes > 0 && s->left > 0; bytes--, s->p++, s->left--)
        n = n << 8 | *s->p;
    return n;
}

static enum err put_track(struct script *s, struct journal *j)
{
    static const char *const codec[] = {"VP8", "VP9", "opus", "H264"};
    static const uint32_t rate[] = {90000, 48000, 1000, 1};
    const uint32_t n = number(s, 1);
    struct record_track t = {.source = "slides",
                             .site = "S",
                             .site_no = n >> 6 & 1,
                             .layer = n >> 4 & 3,
                             .clock_rate = rate[n >> 2 & 3]};
    uint32_t got = 0;
    (void)snprintf(t.codec, sizeof t.codec, "%s", codec[n & 3]);
    return journal_track(j, s->now, &t, &got);
}

/* Sequence numbers and timestamps go on by small steps, or jump. */
static enum err put_packet(struct script *s, struct journal *j)
{
    const uint32_t n = number(s, 1);
    const uint32_t track = n & 15;
    s->seq[track] += n & 16 ? number(s, 4) : 1;
    s->ts[track] += n & 32 ? number(s, 4) : n & 64 ? 3000 : 0;
    uint8_t head[12] = {0x80, n & 128 ? 0xe0 : 0x60};
    put_be16(head + 2, (uint16_t)s->seq[track]);
    put_be32(head + 4, s->ts[track]);
    size_t len = number(s, 1);
    len = len < s->left ? len : s->left;
    const struct record_rtp p = {.ext_seq = s->seq[track],
                                 .head = head,
                                 .head_len = sizeof head,
                                 .body = s->p,
                                 .body_len = len};
    const enum err e = journal_rtp(j, s->now, track, &p);
    s->p += len;
    s->left -= len;
    return e;
}

static enum err put_report(struct script *s, struct journal *j)
{
    const uint32_t track = number(s, 1) & 15;
    const uint64_t ntp = (uint64_t)number(s, 4) << 32 | number(s, 4);
    const struct record_sr sr = {.ntp = ntp, .ts = number(s, 4)};
    return journal_sr(j, s->now, track, &sr);
}

static void write_journal(struct script *s)
{
    struct journal *j = NULL;
    assert(journal_open(&j, dir, &(struct journal_conf){.wall_us = 1}, 0) == OK);
    enum err e = journal_event(j, 0, "{}", 2); /* or there is no file */
    while (e == OK && s->left > 0) {
        const uint32_t op = number(s, 1);
        s->now += op & 4 ? (usec)number(s, 4) * 1000 : (usec)(op >> 3) * 1000;
        if ((op & 3) == 0)
            e = put_track(s, j);
        else if ((op & 3) == 1)
            e = put_report(s, j);
        else
            e = put_packet(s, j);
    }
    journal_free(&j);
}

/* Every frame is what its packets hold, and comes after the one before it. */
static void check_frames(const struct frames *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct frame *const one = &f->frame[i];
        size_t sum = 0;
        assert(one->packets > 0 && one->at >= 0);
        for (uint32_t k = 0; k < one->packets; k++) {
            size_t len = 0;
            const uint8_t *const p = frames_piece(f->codec, &one->packet[k], &len);
            assert(p >= one->packet[k].body && p + len == one->packet[k].body + one->packet[k].len);
            assert(k == 0 || one->packet[k].ext_seq == one->packet[k - 1].ext_seq + 1);
            sum += len;
        }
        uint8_t tail[FRAMES_TAIL_MAX];
        assert(sum + frames_tail(f->codec, one, tail) == one->bytes);
        if (i > 0 && f->codec != TAPE_OPUS)
            assert(one->at > f->frame[i - 1].at);
        uint16_t width = 0;
        uint16_t height = 0;
        if (one->key && frames_size(f->codec, one->packet, &width, &height))
            assert(f->codec != TAPE_VP8 || (width > 0 && height > 0));
    }
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
    uint8_t *const copy = malloc(size ? size : 1);
    assert(copy);
    if (size > 0)
        memcpy(copy, data, size);
    struct script s = {.p = copy, .left = size};
    write_journal(&s);
    struct tape t;
    assert(tape_load(&t, dir) == OK);
    for (size_t i = 0; i < t.streams; i++) {
        struct frames f = {0};
        if (t.stream[i].codec != TAPE_OTHER) {
            assert(frames_add(&f, &t, &t.stream[i], INT64_MAX) == OK);
            check_frames(&f);
        }
        frames_fini(&f);
    }
    tape_free(&t);
    free(copy);
    return 0;
}
