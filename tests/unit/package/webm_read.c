/* webm_read.c - EBML by the book (RFC 8794), sizes checked against each other. */
#include "tests/unit/package/webm_read.h"

#include "engine/base/bytes.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct element {
    uint32_t id;
    struct reader body;
    uint64_t at; /* of its first byte */
};

static uint64_t number(struct reader *r, bool keep_marker)
{
    const uint8_t first = read_u8(r);
    assert_true(first != 0);
    unsigned more = 0;
    while (!(first & 0x80 >> more))
        more++;
    uint64_t v = keep_marker ? first : first & (0x7fu >> more);
    for (; more > 0; more--)
        v = v << 8 | read_u8(r);
    assert_false(r->bad);
    return v;
}

static bool next_element(struct reader *r, const uint8_t *file, struct element *e)
{
    if (r->left == 0)
        return false;
    e->at = (uint64_t)(r->p - file);
    e->id = (uint32_t)number(r, true);
    const uint64_t size = number(r, false);
    const uint8_t *const p = read_bytes(r, size);
    assert_non_null(p);
    e->body = reader_of(p, size);
    return true;
}

static uint64_t uint_of(struct reader r)
{
    uint64_t v = 0;
    while (r.left > 0)
        v = v << 8 | read_u8(&r);
    return v;
}

struct in_group {
    int64_t stays;
    bool refers;
};

static void add_block(struct webm_read *w, int64_t cluster_ms, struct reader r,
                      const struct in_group *group)
{
    assert_int_equal(number(&r, false), 1);
    const int64_t ms = cluster_ms + (int16_t)read_u16(&r);
    const uint8_t flags = read_u8(&r);
    assert_true(w->blocks < WEBM_BLOCKS);
    w->block[w->blocks++] = (struct webm_block){.ms = ms,
                                                .bytes = r.left,
                                                .key = group ? !group->refers : (flags & 0x80) != 0,
                                                .stays_ms = group ? group->stays : 0};
    if (ms - cluster_ms > w->longest_cluster_ms)
        w->longest_cluster_ms = ms - cluster_ms;
}

static void read_group(struct webm_read *w, int64_t cluster_ms, struct reader r,
                       const uint8_t *file)
{
    struct element e;
    struct reader block = {0};
    struct in_group group = {0};
    while (next_element(&r, file, &e)) {
        if (e.id == 0xA1)
            block = e.body;
        if (e.id == 0x9B)
            group.stays = (int64_t)uint_of(e.body);
        if (e.id == 0xFB)
            group.refers = true;
    }
    assert_non_null(block.p);
    add_block(w, cluster_ms, block, &group);
}

static void read_cluster(struct webm_read *w, const struct element *c, const uint8_t *file)
{
    struct reader r = c->body;
    struct element e;
    int64_t ms = -1;
    const size_t first = w->blocks;
    if (!w->first_cluster)
        w->first_cluster = c->at;
    while (next_element(&r, file, &e)) {
        if (e.id == 0xE7)
            ms = (int64_t)uint_of(e.body);
        else if (e.id == 0xA3)
            add_block(w, ms, e.body, NULL);
        else if (e.id == 0xA0)
            read_group(w, ms, e.body, file);
    }
    w->clusters_without_key += w->blocks == first || !w->block[first].key;
}

static void read_cue(struct webm_read *w, struct reader r, const uint8_t *file, uint64_t segment)
{
    struct element e;
    struct element in;
    while (next_element(&r, file, &e)) {
        if (e.id == 0xB3)
            w->cue_ms[w->cues] = (int64_t)uint_of(e.body);
        while (e.id == 0xB7 && next_element(&e.body, file, &in))
            if (in.id == 0xF1)
                w->cue_at[w->cues] = segment + uint_of(in.body);
    }
    assert_true(++w->cues < 10000);
}

static void read_info(struct webm_read *w, struct reader r, const uint8_t *file)
{
    struct element e;
    while (next_element(&r, file, &e)) {
        if (e.id != 0x4489)
            continue;
        const uint64_t bits = uint_of(e.body);
        memcpy(&w->duration_ms, &bits, sizeof bits);
    }
}

static void check_cues(struct webm_read *w, const uint8_t *file, size_t len)
{
    w->cues_hit = true;
    for (size_t i = 0; i < w->cues; i++) {
        struct reader r = reader_of(file + w->cue_at[i], len - w->cue_at[i]);
        struct element cluster;
        struct element first;
        assert_true(next_element(&r, file, &cluster));
        assert_true(next_element(&cluster.body, file, &first));
        w->cues_hit &= cluster.id == 0x1F43B675 && first.id == 0xE7 &&
                       (int64_t)uint_of(first.body) == w->cue_ms[i];
    }
}

static void read_segment(struct webm_read *w, struct reader r, const uint8_t *file)
{
    const uint64_t segment = (uint64_t)(r.p - file);
    struct element e;
    struct element cue;
    while (next_element(&r, file, &e)) {
        if (e.id == 0x1549A966)
            read_info(w, e.body, file);
        if (e.id == 0x1F43B675)
            read_cluster(w, &e, file);
        if (e.id != 0x1C53BB6B)
            continue;
        w->cues_from = e.at;
        w->cues_to = (uint64_t)(r.p - file) - 1;
        while (next_element(&e.body, file, &cue))
            read_cue(w, cue.body, file, segment);
    }
}

void webm_read(struct webm_read *w, const char *path)
{
    memset(w, 0, sizeof *w);
    FILE *const f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    const size_t len = (size_t)ftell(f);
    rewind(f);
    uint8_t *const file = malloc(len);
    w->block = calloc(WEBM_BLOCKS, sizeof *w->block);
    assert_true(file && w->block && fread(file, 1, len, f) == len);
    (void)fclose(f);
    struct reader r = reader_of(file, len);
    struct element e;
    while (next_element(&r, file, &e))
        if (e.id == 0x18538067)
            read_segment(w, e.body, file);
    check_cues(w, file, len);
    free(file);
}

void webm_read_free(struct webm_read *w)
{
    free(w->block);
    w->block = NULL;
}
