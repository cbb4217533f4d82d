/* test_turn.c - the password that coturn computes for itself from the same secret. */
#include "tests/unit/test.h"

#include "relay/control/turn.h"

/* printf %s 1700000000:A | openssl dgst -sha1 -hmac north -binary | base64 */
static void the_password_is_the_servers(void **unused)
{
    (void)unused;
    char out[TURN_PASSWORD];
    assert_true(turn_password("north", "1700000000:A", out));
    assert_string_equal(out, "QP1+Ami8oe1IYadnT9kZzU2GRDE=");
    assert_true(turn_password("north", "1700000001:A", out));
    assert_string_not_equal(out, "QP1+Ami8oe1IYadnT9kZzU2GRDE=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_password_is_the_servers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
