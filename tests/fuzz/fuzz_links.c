/* fuzz_links.c - any bytes as descriptions of links: refused in one line, or plans that a path can
 * follow. */
#include "tests/link/linkconf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct path_plan *p)
{
    assert(p->n >= 1 && p->n <= PATH_STEPS && p->steps[0].at == 0);
    for (size_t i = 0; i < p->n; i++) {
        const struct path_conf *const c = &p->steps[i].conf;
        assert(i == 0 || p->steps[i].at > p->steps[i - 1].at);
        assert(c->delay >= 0 && c->jitter >= 0 && c->queue >= 0 && c->reorder_by >= 0);
        assert(c->loss_good <= 1 && c->loss_bad <= 1 && c->to_bad <= 1 && c->to_good <= 1);
        assert(!c->bps || (usec)(12000 * USEC_SEC / (usec)c->bps) <= c->queue);
    }
    assert(!p->steps[p->n - 1].down);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct linkconf c;
    char *const text = malloc(size ? size : 1); /* exact */
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    if (linkconf_parse(&c, "links.conf", text, size)) {
        for (size_t i = 0; i < c.n; i++) {
            check(&c.links[i].up);
            check(&c.links[i].down);
        }
    } else
        assert(c.why[0] && !strchr(c.why, '\n'));
    free(text);
    return 0;
}
