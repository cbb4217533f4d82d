/* test_conf.c - the command line: what is right is taken, what is wrong is named. */
#include "client/conf.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define BASE                                                                                       \
    "liangshi-room", "lead", "--relay", "https://r.example:8443/", "--lesson", "l1", "--token", "t"
#define PARSE(c, ...) parse(c, (const char *[]){__VA_ARGS__, NULL})

static char why[CONF_WHY];

static enum conf_result parse(struct conf *c, const char *const *words)
{
    char *argv[32];
    int argc = 0;
    for (; words[argc]; argc++)
        argv[argc] = strdup(words[argc]);
    argv[argc] = NULL;
    const enum conf_result r = conf_parse(c, argc, argv, why);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return r;
}

static void a_lead_with_everything_is_understood(void **unused)
{
    (void)unused;
    struct conf c;
    assert_int_equal(PARSE(&c, BASE, "--camera", "file:/a:b.webm", "--slides", "test", "--board",
                           "screen", "--mic", "alsa:hw:0", "--display", "none", "--speaker",
                           "file:x.wav", "--journal", "/j", "--ca", "c.pem", "--json", "--seconds",
                           "30", "--burn-time", "--echo-cancel", "--vp9"),
                     CONF_RUN);
    assert_int_equal(c.profile, CONF_LEAD);
    assert_string_equal(c.relay, "https://r.example:8443");
    assert_int_equal(c.camera.kind, SOURCE_FILE);
    assert_string_equal(c.camera.arg, "/a:b.webm");
    assert_int_equal(c.slides.kind, SOURCE_TEST);
    assert_int_equal(c.board.kind, SOURCE_SCREEN);
    assert_int_equal(c.mic.kind, SOURCE_ALSA);
    assert_string_equal(c.mic.arg, "hw:0");
    assert_int_equal(c.display.kind, SINK_NONE);
    assert_int_equal(c.speaker.kind, SINK_FILE);
    assert_true(c.json && c.burn_time && c.echo_cancel && c.vp9);
    assert_int_equal(c.seconds, 30);
}

static void what_is_not_said_is_a_real_classroom(void **unused)
{
    (void)unused;
    struct conf c;
    assert_int_equal(PARSE(&c, BASE), CONF_RUN);
    assert_int_equal(c.camera.kind, SOURCE_V4L2);
    assert_string_equal(c.camera.arg, "/dev/video0");
    assert_int_equal(c.slides.kind, SOURCE_NONE);
    assert_int_equal(c.mic.kind, SOURCE_PULSE);
    assert_int_equal(c.display.kind, SINK_SHOW);
    assert_false(c.json);
}

static void wrong_flags_are_named(void **unused)
{
    (void)unused;
    struct conf c;
    assert_int_equal(PARSE(&c, BASE, "--camera", "webcam"), CONF_WRONG);
    assert_non_null(strstr(why, "--camera \"webcam\": must be v4l2:DEVICE"));
    assert_int_equal(PARSE(&c, BASE, "--camera", "pulse"), CONF_WRONG);
    assert_int_equal(PARSE(&c, BASE, "--mic", "screen"), CONF_WRONG);
    assert_int_equal(PARSE(&c, BASE, "--camera", "file:"), CONF_WRONG);
    assert_int_equal(PARSE(&c, BASE, "--camera", "test:1"), CONF_WRONG);
    assert_int_equal(PARSE(&c, BASE, "--seconds", "-3"), CONF_WRONG);
    assert_int_equal(PARSE(&c, BASE, "--seconds", "1x"), CONF_WRONG);
    assert_int_equal(PARSE(&c, BASE, "--nonsense"), CONF_WRONG);
    assert_non_null(strstr(why, "--nonsense"));
    assert_int_equal(PARSE(&c, BASE, "--mic"), CONF_WRONG);
    assert_non_null(strstr(why, "--mic: needs a value"));
    assert_int_equal(PARSE(&c, BASE, "stray"), CONF_WRONG);
    assert_non_null(strstr(why, "stray"));
}

static void what_belongs_together_is_asked_for(void **unused)
{
    (void)unused;
    struct conf c;
    unsetenv("LIANGSHI_TOKEN");
    assert_int_equal(PARSE(&c, "liangshi-room"), CONF_WRONG);
    assert_int_equal(PARSE(&c, "liangshi-room", "teacher"), CONF_WRONG);
    assert_int_equal(PARSE(&c, "liangshi-room", "lead", "--lesson", "l", "--token", "t"),
                     CONF_WRONG);
    assert_non_null(strstr(why, "--relay"));
    assert_int_equal(PARSE(&c, "liangshi-room", "lead", "--relay", "ftp://x", "--lesson", "l"),
                     CONF_WRONG);
    assert_int_equal(PARSE(&c, "liangshi-room", "lead", "--relay", "http://x", "--lesson", "l"),
                     CONF_WRONG);
    assert_non_null(strstr(why, "--token"));
    assert_int_equal(PARSE(&c, BASE, "--lesson", "../x"), CONF_WRONG);
    assert_int_equal(PARSE(&c, BASE, "--camera", "none"), CONF_WRONG);
    assert_int_equal(PARSE(&c, "liangshi-room", "point", "--relay", "http://x", "--lesson", "l",
                           "--token", "t", "--slides", "test"),
                     CONF_WRONG);
    assert_non_null(strstr(why, "lead only"));
}

static void the_token_may_stay_out_of_the_process_list(void **unused)
{
    (void)unused;
    struct conf c;
    setenv("LIANGSHI_TOKEN", "secret", 1);
    assert_int_equal(PARSE(&c, "liangshi-room", "point", "--relay", "http://x", "--lesson", "l"),
                     CONF_RUN);
    assert_string_equal(c.token, "secret");
    unsetenv("LIANGSHI_TOKEN");
}

static void help_and_version_are_found_before_and_after_the_profile(void **unused)
{
    (void)unused;
    struct conf c;
    assert_int_equal(PARSE(&c, "liangshi-room", "--help"), CONF_HELP);
    assert_int_equal(PARSE(&c, "liangshi-room", "lead", "--help"), CONF_HELP);
    assert_int_equal(PARSE(&c, "liangshi-room", "--version"), CONF_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lead_with_everything_is_understood),
        cmocka_unit_test(what_is_not_said_is_a_real_classroom),
        cmocka_unit_test(wrong_flags_are_named),
        cmocka_unit_test(what_belongs_together_is_asked_for),
        cmocka_unit_test(the_token_may_stay_out_of_the_process_list),
        cmocka_unit_test(help_and_version_are_found_before_and_after_the_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
