/* calls.c - members whose media comes by TCP, through the port of HTTPS. */
#include "relay/control/core.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct addr addr_of(const struct sockaddr_in6 *s)
{
    struct addr a = addr_v6((const uint8_t *)&s->sin6_addr, ntohs(s->sin6_port));
    a.proto = ADDR_TCP;
    return a;
}

static bool hand_over(struct control *c, const struct session *s, const struct guest *g)
{
    struct cmd cmd = {.kind = CMD_CALL, .member = s->id};
    cmd.call = malloc(sizeof *cmd.call + g->len);
    if (!cmd.call)
        return false;
    cmd.call->fd = g->fd;
    cmd.call->from = addr_of(&g->from);
    cmd.call->len = g->len;
    memcpy(cmd.call->bytes, g->bytes, g->len);
    if (rooms_command(c, s->worker, &cmd))
        return true;
    free(cmd.call);
    return false;
}

/* Whom the check names is proved by the worker, which has the password. */
void calls_guest(void *ctx, const struct guest *g)
{
    struct control *const c = ctx;
    const struct session *const s = table_get(&c->ufrags, g->ufrag);
    if (s && hand_over(c, s, g))
        return;
    c->count.calls_refused++;
    (void)close(g->fd);
}
