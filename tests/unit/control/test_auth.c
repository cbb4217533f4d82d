/* test_auth.c - tokens and grants: what we signed is taken, and nothing else. */
#include "tests/unit/test.h"

#include "relay/control/auth.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/liangshi-auth-XXXXXX";
static struct auth *auth;

static int set_up(void **unused)
{
    (void)unused;
    char why[256];
    return mkdtemp(dir) && auth_new(&auth, dir, why) == OK ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    char path[64];
    auth_free(&auth);
    text_put(path, sizeof path, "%s/node.jwk", dir);
    return unlink(path) + rmdir(dir);
}

static struct claims someone(void)
{
    struct claims c = {.role = ROLE_LEAD, .iat = 1000, .exp = 2000};
    text_put(c.sub, sizeof c.sub, "wang");
    text_put(c.name, sizeof c.name, "王老师");
    text_put(c.site, sizeof c.site, "S0");
    return c;
}

static void what_was_signed_comes_back(void **unused)
{
    (void)unused;
    char token[TOKEN_CAP];
    struct claims out;
    struct problem p = {.kind = P_NONE};
    const struct claims in = someone();
    assert_true(auth_sign(auth, &in, token));
    assert_true(auth_check(auth, token, 1999, &out, &p));
    assert_string_equal(out.sub, "wang");
    assert_string_equal(out.name, "王老师");
    assert_string_equal(out.site, "S0");
    assert_string_equal(out.lesson, "");
    assert_int_equal(out.role, ROLE_LEAD);
    assert_int_equal(out.exp, 2000);
    assert_false(out.ticket);
}

static void a_token_ends_at_its_second(void **unused)
{
    (void)unused;
    char token[TOKEN_CAP];
    struct claims out;
    struct problem p = {.kind = P_NONE};
    const struct claims in = someone();
    assert_true(auth_sign(auth, &in, token));
    assert_false(auth_check(auth, token, 2000, &out, &p));
    assert_int_equal(p.kind, P_TOKEN_EXPIRED);
}

static void every_changed_character_is_noticed(void **unused)
{
    (void)unused;
    char token[TOKEN_CAP];
    struct claims out;
    const struct claims in = someone();
    assert_true(auth_sign(auth, &in, token));
    const size_t n = strlen(token);
    for (size_t i = 0; i + 1 < n; i += 3) { /* the last character has bits that mean nothing */
        struct problem p = {.kind = P_NONE};
        const char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        assert_false(auth_check(auth, token, 1500, &out, &p));
        assert_int_equal(p.kind, P_BAD_TOKEN);
        token[i] = was;
    }
}

static void the_key_survives_and_is_private(void **unused)
{
    (void)unused;
    char why[256];
    char path[64];
    char token[TOKEN_CAP];
    struct stat st;
    struct claims out;
    struct auth *again;
    struct problem p = {.kind = P_NONE};
    const struct claims in = someone();
    text_put(path, sizeof path, "%s/node.jwk", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(auth_sign(auth, &in, token));
    assert_int_equal(auth_new(&again, dir, why), OK);
    assert_true(auth_check(again, token, 1500, &out, &p));
    auth_free(&again);
}

static void a_grant_opens_one_resource_for_a_time(void **unused)
{
    (void)unused;
    char grant[GRANT_CAP];
    struct problem p = {.kind = P_NONE};
    auth_grant(auth, "L7", 2000, grant);
    assert_true(auth_grant_check(auth, grant, "L7", 1999, &p));
    assert_false(auth_grant_check(auth, grant, "L7", 2000, &p));
    assert_int_equal(p.kind, P_GRANT_EXPIRED);
    p.kind = P_NONE;
    assert_false(auth_grant_check(auth, grant, "L8", 1999, &p));
    assert_int_equal(p.kind, P_BAD_GRANT);
    grant[0] = '3'; /* a later end than was signed */
    p.kind = P_NONE;
    assert_false(auth_grant_check(auth, grant, "L7", 1999, &p));
    assert_int_equal(p.kind, P_BAD_GRANT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_signed_comes_back),
        cmocka_unit_test(a_token_ends_at_its_second),
        cmocka_unit_test(every_changed_character_is_noticed),
        cmocka_unit_test(the_key_survives_and_is_private),
        cmocka_unit_test(a_grant_opens_one_resource_for_a_time),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
