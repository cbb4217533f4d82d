/* test_mailbox.c - messages between two real threads. */
#include "engine/io/clock.h"
#include "engine/io/loop.h"
#include "engine/io/mailbox.h"
#include "engine/io/thread.h"
#include "tests/unit/test.h"

enum { MESSAGES = 200000 };

static void send_numbers(void *arg)
{
    struct mailbox *const m = arg;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        while (!mailbox_send(m, &i))
            mailbox_wake(m);
        if (i % 7 == 0)
            mailbox_wake(m);
    }
    mailbox_wake(m);
}

static void every_message_comes_once_and_in_order(void **unused)
{
    (void)unused;
    struct mailbox *m = NULL;
    struct thread *t = NULL;
    struct loop loop;
    assert_int_equal(mailbox_new(&m, 64, sizeof(uint32_t)), OK);
    assert_int_equal(loop_init(&loop), OK);
    assert_int_equal(loop_set(&loop, mailbox_fd(m), LOOP_READ, 1), OK);
    assert_int_equal(thread_start(&t, "sender", send_numbers, m), OK);

    uint32_t next = 0;
    while (next < MESSAGES) {
        struct loop_ready ready[1];
        const usec now = clock_now();
        assert_int_equal(loop_wait(&loop, now, now + 20 * USEC_SEC, ready, 1), 1);
        uint32_t got = 0;
        while (mailbox_recv(m, &got))
            assert_int_equal(got, next++);
    }
    thread_join(&t);
    loop_fini(&loop);
    mailbox_free(&m);
}

static void a_full_mailbox_refuses_and_counts(void **unused)
{
    (void)unused;
    struct mailbox *m = NULL;
    assert_int_equal(mailbox_new(&m, 2, sizeof(int)), OK);
    assert_true(mailbox_send(m, &(int){1}));
    assert_true(mailbox_send(m, &(int){2}));
    assert_false(mailbox_send(m, &(int){3}));
    assert_int_equal(mailbox_refused(m), 1);
    int got = 0;
    assert_true(mailbox_recv(m, &got));
    assert_int_equal(got, 1);
    mailbox_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_comes_once_and_in_order),
        cmocka_unit_test(a_full_mailbox_refuses_and_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
