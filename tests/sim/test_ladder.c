/* test_ladder.c - viewers behind thin links: what they get, how soon, and what is never lost. */
#include "relay/media/budget.h"
#include "relay/media/forward.h"
#include "relay/media/member.h"
#include "tests/sim/world.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#define K 1000u

static const struct path_conf clean = {.delay = 10000};

static struct world w;

static struct world_bot *viewer(const struct path_conf *down)
{
    const struct slot slot[NEGO_MEDIA] = {
        [PLAY_CAMERA] = {.kind = SLOT_SOURCE, .source = SRC_CAMERA},
        [PLAY_SLIDES] = {.kind = SLOT_SOURCE, .source = SRC_SLIDES},
    };
    const struct nego n = {.n = 4,
                           .media = {{.audio = true, .recv = true, .codec = NEGO_OPUS},
                                     {.audio = true, .recv = true, .codec = NEGO_OPUS},
                                     {.recv = true, .codec = NEGO_VP8},
                                     {.recv = true, .codec = NEGO_VP8}}};
    struct world_bot *const b = world_join(&w, "viewer", 1, &n, NULL, slot, down);
    b->up.conf.bps = 0; /* the way back is another story */
    b->up.conf.loss_good = 0;
    return b;
}

static const struct bot_recv *line(const struct world_bot *b, size_t i)
{
    return &b->bot->recv[i];
}

/* What came during a while. */
struct came {
    uint64_t voice, slides, p180, p360, p720;
};

static struct came so_far(const struct world_bot *b)
{
    const uint64_t *const camera = line(b, PLAY_CAMERA)->by_tag;
    return (struct came){line(b, PLAY_VOICE)->by_tag[TAG_LEAD_VOICE],
                         line(b, PLAY_SLIDES)->by_tag[TAG_SLIDES], camera[TAG_180], camera[TAG_360],
                         camera[TAG_720]};
}

/* TRACE=1: what the relay thinks of the way, ten times a second. */
static void run(const struct world_bot *b, usec time)
{
    for (const usec end = w.now + time; w.now < end;) {
        world_run(&w, usec_min(end, w.now + 100 * USEC_MS));
        const struct member *const m = table_get(&w.hub->members, &b->id);
        if (!getenv("TRACE") || !m)
            continue;
        const struct bwe *const e = &m->budget->bwe;
        const struct sub *const s = m->sub[PLAY_CAMERA];
        fprintf(stderr,
                "%7.1f est %5lu acked %5lu carried %5lu wanted %5lu queue %4ld rtt %4ld loss %.2f "
                "own %.2f drain %d trend %5.1f/%4.1f probe %lu rung %d camera %d waits %zu+%zu "
                "pace %lu nacks %lu voice %d lost %lu\n",
                (double)w.now / 1e6, bwe_bps(e) / K, e->acked / K, e->carried / K, e->wanted / K,
                (long)(e->queue / 1000), (long)(e->rtt / 1000), (double)e->loss,
                (double)e->own_loss, e->drains, (double)e->trend.before, (double)e->trend.threshold,
                e->probe_bps / K, m->budget->rung, s->current ? s->current->layer : -1,
                pacer_waiting(&m->pacer, PACER_VIDEO) + pacer_waiting(&m->pacer, PACER_SLIDES),
                pacer_waiting(&m->pacer, PACER_RTX), m->pacer.bps / K, w.hub->stat.repair[0],
                m->sub[PLAY_VOICE]->bundle.most, b->down.lost);
    }
}

static struct came during(const struct world_bot *b, usec time)
{
    const struct came before = so_far(b);
    run(b, time);
    const struct came is = so_far(b);
    return (struct came){is.voice - before.voice, is.slides - before.slides, is.p180 - before.p180,
                         is.p360 - before.p360, is.p720 - before.p720};
}

static void begin(uint8_t seed)
{
    world_init(&w, seed);
    world_lead_layers(&w, &clean);
    world_run(&w, 3 * USEC_SEC);
}

static void end(const struct world_bot *v)
{
    assert_int_equal(v->bot->wrong, 0);
    world_fini(&w);
}

static void a_wide_link_gets_everything_soon(void **unused)
{
    (void)unused;
    begin(1);
    const struct world_bot *const v =
        viewer(&(struct path_conf){.delay = 10000, .bps = 10000 * K, .queue = 300000});
    run(v, 4 * USEC_SEC);
    const struct came c = during(v, 20 * USEC_SEC);
    assert_in_range(c.voice, 990, 1010);
    assert_in_range(c.p720, 20 * 25 * 6 - 30, 20 * 25 * 6 + 60);
    assert_int_equal(c.p180 + c.p360, 0);
    assert_int_equal(v->last.rung, SHARE_RUNGS);
    assert_true(v->first_us < 500000);
    assert_int_equal(v->down.lost, 0);
    assert_int_equal(line(v, PLAY_CAMERA)->torn, 0);
    end(v);
}

/* 64 kbit/s with all headers: speech and slides, nothing else. */
static void the_thinnest_link_keeps_voice_and_slides(void **unused)
{
    (void)unused;
    begin(2);
    const struct world_bot *const v = viewer(
        &(struct path_conf){.delay = 100000, .bps = 64 * K, .queue = 500000, .loss_good = 0.01});
    run(v, 15 * USEC_SEC);
    const struct came c = during(v, 60 * USEC_SEC);
    print_message("# 64 kbit/s: voice %lu of 3000, slides %lu of 72, lost %lu of %lu\n",
                  (unsigned long)c.voice, (unsigned long)c.slides, (unsigned long)v->down.lost,
                  (unsigned long)v->down.sent);
    assert_true(c.voice >= 2940);
    assert_true(c.slides >= 5 * WORLD_SLIDE);
    assert_int_equal(c.p360 + c.p720, 0);
    assert_int_equal(v->last.rung, 1);
    end(v);
}

static void a_village_link_has_a_thumbnail_too(void **unused)
{
    (void)unused;
    begin(3);
    const struct world_bot *const v = viewer(
        &(struct path_conf){.delay = 158000, .bps = 245 * K, .queue = 500000, .loss_good = 0.013});
    run(v, 15 * USEC_SEC);
    const struct came c = during(v, 60 * USEC_SEC);
    print_message(
        "# village: voice %lu of 3000, slides %lu, 180p %lu of 1500, rung %u, %u kbit/s\n",
        (unsigned long)c.voice, (unsigned long)c.slides, (unsigned long)c.p180, v->last.rung,
        v->last.way_kbps);
    assert_true(c.voice >= 2940);
    assert_true(c.slides >= 5 * WORLD_SLIDE);
    assert_true(c.p180 >= 1000);
    assert_int_equal(c.p720, 0);
    end(v);
}

/* Down to a sixth and back: the voice does not notice, the picture follows. */
static void a_step_of_the_rate_is_followed(void **unused)
{
    (void)unused;
    begin(4);
    struct world_bot *const v =
        viewer(&(struct path_conf){.delay = 25000, .bps = 3000 * K, .queue = 300000});
    run(v, 10 * USEC_SEC);
    assert_true(during(v, 5 * USEC_SEC).p720 > 700);
    v->down.conf.bps = 500 * K;
    const struct came fall = during(v, 5 * USEC_SEC);
    assert_true(fall.voice >= 245);
    const struct came low = during(v, 20 * USEC_SEC);
    assert_in_range(low.voice, 990, 1010);
    assert_true(low.p360 + low.p180 >= 20 * 25 - 25);
    assert_int_equal(low.p720, 0);
    v->down.conf.bps = 3000 * K;
    const struct came rise = during(v, 15 * USEC_SEC);
    assert_in_range(rise.voice, 740, 760);
    const struct came high = during(v, 5 * USEC_SEC);
    print_message("# 3, 0.5, 3 Mbit/s: voice in the fall %lu of 250; 720p after 15 s %lu of 750\n",
                  (unsigned long)fall.voice, (unsigned long)high.p720);
    assert_true(high.p720 > 700);
    end(v);
}

/* Loss that no queue makes is not a reason to give anything up. */
static void random_loss_leaves_the_picture(void **unused)
{
    (void)unused;
    begin(5);
    const struct world_bot *const v = viewer(
        &(struct path_conf){.delay = 50000, .bps = 3000 * K, .queue = 300000, .loss_good = 0.1});
    run(v, 15 * USEC_SEC);
    const struct came c = during(v, 30 * USEC_SEC);
    print_message("# 10 %% lost: 180p %lu, 360p %lu, 720p %lu of 4500, rung %u\n",
                  (unsigned long)c.p180, (unsigned long)c.p360, (unsigned long)c.p720,
                  v->last.rung);
    assert_true(c.p360 / 2 + c.p720 / 6 >= 30 * 25 * 95 / 100);
    end(v);
}

static void after_an_outage_voice_and_picture_are_back_at_once(void **unused)
{
    (void)unused;
    begin(6);
    struct world_bot *const v =
        viewer(&(struct path_conf){.delay = 25000, .bps = 3000 * K, .queue = 300000});
    run(v, 10 * USEC_SEC);
    v->down.down = v->up.down = true;
    run(v, 10 * USEC_SEC);
    v->down.down = v->up.down = false;
    const struct came first = during(v, 1 * USEC_SEC);
    const struct came second = during(v, 1 * USEC_SEC);
    print_message("# after 10 s of nothing: voice %lu and %lu of 50, pictures %lu and %lu\n",
                  (unsigned long)first.voice, (unsigned long)second.voice,
                  (unsigned long)(first.p180 + first.p360 / 2 + first.p720 / 6),
                  (unsigned long)(second.p180 + second.p360 / 2 + second.p720 / 6));
    assert_true(first.voice >= 45);
    assert_true(second.p180 + second.p360 + second.p720 > 20);
    end(v);
}

/* Its first network fell silent and it goes on over a mobile one, which is longer and thinner: that
 * is no queue, and the steps down of the silence are no warning. */
static void over_another_way_the_picture_is_back_at_once(void **unused)
{
    (void)unused;
    for (usec joined = 2 * USEC_SEC; joined <= 6 * USEC_SEC; joined += USEC_SEC) {
        begin(7);
        struct world_bot *const v =
            viewer(&(struct path_conf){.delay = 25000, .bps = 3000 * K, .queue = 300000});
        run(v, joined);
        v->down.down = v->up.down = true;
        run(v, 3 * USEC_SEC);
        v->down.down = v->up.down = false;
        v->up.conf.delay = v->down.conf.delay = 90000;
        v->down.conf.bps = 2000 * K;
        v->bot->addr.ip[15] = 77;
        run(v, 1500 * USEC_MS); /* until its next check */
        const struct came c = during(v, 2 * USEC_SEC);
        const uint64_t pictures = c.p180 + c.p360 / 2 + c.p720 / 6;
        print_message("# another way after %ld s: voice %lu of 100, pictures %lu\n",
                      (long)(joined / USEC_SEC), (unsigned long)c.voice, (unsigned long)pictures);
        assert_true(c.voice >= 95);
        assert_true(pictures >= 30);
        end(v);
    }
}

/* A camera of one size that is dearer than the first estimate: nothing of it has been shown that
 * could be sent again, so padding tries the way, as fast as it is to be tried. */
static void a_dear_picture_is_found_room_for_with_padding(void **unused)
{
    (void)unused;
    const struct slot slot[NEGO_MEDIA] = {[1] = {.kind = SLOT_SOURCE, .source = SRC_CAMERA}};
    const struct nego n = {.n = 2,
                           .media = {{.audio = true, .recv = true, .codec = NEGO_OPUS},
                                     {.recv = true, .codec = NEGO_VP8}}};
    world_init(&w, 9);
    world_lead(&w, &clean);
    world_run(&w, 3 * USEC_SEC); /* what the camera takes is known */
    struct world_bot *const v = world_join(&w, "viewer", 1, &n, NULL, slot, &clean);
    const struct member *const m = table_get(&w.hub->members, &v->id);
    size_t most = 0; /* padding that waits: it does not leave all at once */
    for (const usec end = w.now + 2 * USEC_SEC; w.now < end;) {
        world_run(&w, w.now + 2 * USEC_MS);
        if (w.hub->stat.padding_out && !line(v, 1)->packets)
            most = pacer_waiting(&m->pacer, PACER_RTX) > most ? pacer_waiting(&m->pacer, PACER_RTX)
                                                              : most;
    }
    print_message("# %lu packets of padding, %zu bytes waited, then %lu of the camera\n",
                  (unsigned long)w.hub->stat.padding_out, most, (unsigned long)line(v, 1)->packets);
    assert_in_range(w.hub->stat.padding_out, 10, 80);
    assert_true(most > 3000);
    assert_true(line(v, 1)->packets > 75);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wide_link_gets_everything_soon),
        cmocka_unit_test(the_thinnest_link_keeps_voice_and_slides),
        cmocka_unit_test(a_village_link_has_a_thumbnail_too),
        cmocka_unit_test(a_step_of_the_rate_is_followed),
        cmocka_unit_test(random_loss_leaves_the_picture),
        cmocka_unit_test(after_an_outage_voice_and_picture_are_back_at_once),
        cmocka_unit_test(over_another_way_the_picture_is_back_at_once),
        cmocka_unit_test(a_dear_picture_is_found_room_for_with_padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
