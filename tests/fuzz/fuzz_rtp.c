/* fuzz_rtp.c - any bytes as an RTP packet: refused, or described within its bounds. */
#include "engine/base/bytes.h"
#include "engine/wire/classify.h"
#include "engine/wire/rtp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The values found are copied to blocks of their own size, so that a wrong length is seen. */
static void look_at_extensions(const struct pkt *p)
{
    for (unsigned id = 0; id < 256; id++) {
        size_t len = 0;
        const uint8_t *const v = rtp_ext_find(p, (uint8_t)id, &len);
        if (!v)
            continue;
        assert(id > 0 && p->rtp.ext_off);
        assert(v >= p->data + p->rtp.ext_off + 4 && v + len <= p->data + p->rtp.payload_off);
        uint64_t ntp;
        if (rtp_abs_capture(p, (uint8_t)id, &ntp))
            assert(len == 8 || len == 16);
    }
}

static void look_at(struct pkt *p)
{
    if (!rtp_describe(p))
        return;
    const struct pkt_rtp *const r = &p->rtp;
    assert(r->payload_off >= RTP_HEADER && r->payload_off + r->payload_len <= p->len);
    assert(r->pt < 128 && r->ext_off < r->payload_off);
    look_at_extensions(p);

    const struct pkt_rtp before = *r;
    if (rtp_undo_rtx(p, 7, 96)) {
        assert(r->payload_len + 2 == before.payload_len && r->ssrc == 7 && r->pt == 96);
        assert(r->payload_off + r->payload_len <= p->len);
    } else {
        assert(before.payload_len < 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)wire_classify(data, size);
    if (size > PKT_CAP)
        return 0;
    /* A block that ends where the packet ends: a read past it is seen. */
    struct pkt p = {.data = malloc(size ? size : 1), .len = (uint16_t)size};
    if (!p.data)
        return 0;
    if (size)
        memcpy(p.data, data, size);
    look_at(&p);
    free(p.data);
    return 0;
}
