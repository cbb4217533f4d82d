#include "relay/media/cmd.h"

#include <stdlib.h>
#include <unistd.h>

void cmd_drop(struct cmd *c)
{
    if (c->kind == CMD_MEMBER_ADD)
        free(c->join);
    else if (c->kind == CMD_RESTART)
        free(c->ice);
    else if (c->kind == CMD_CALL && c->call) {
        if (c->call->fd >= 0)
            (void)close(c->call->fd);
        free(c->call);
    }
}
