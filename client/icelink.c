/* icelink.c - libnice with one stream of one component (BUNDLE and rtcp-mux leave no other). */
#include "client/icelink.h"

#include "client/interfaces.h"
#include "client/timer.h"
#include "client/turntls.h"
#include "engine/io/clock.h"

#include <agent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define OTHERS_AFTER (300 * USEC_MS) /* libnice repeats a check after 500 ms */
/* TCP repairs what is lost of a check and so wins where every third packet is lost, which is where
 * a lesson over it creeps. */
#define TCP_AFTER (1500 * USEC_MS)

struct icelink {
    NiceAgent *agent;
    guint stream;
    GMainContext *ctx;
    struct icelink_calls calls;
    bool ready;
    bool several;                  /* interfaces */
    bool relaying;                 /* TURN servers are asked, or were */
    struct addr remote[ICE_CANDS]; /* best first */
    guint remotes;
    usec began;      /* the checks */
    GSource *others; /* has its time when the first gave no path, and when TCP may be tried */
    struct turntls *tls[ICELINK_RELAYS];
};

static size_t count_relayed(const struct icelink *l)
{
    size_t n = 0;
    GSList *const all = nice_agent_get_local_candidates(l->agent, l->stream, 1);
    for (GSList *i = all; i; i = i->next)
        n += ((const NiceCandidate *)i->data)->type == NICE_CANDIDATE_TYPE_RELAYED;
    g_slist_free_full(all, (GDestroyNotify)nice_candidate_free);
    return n;
}

/* The routing table goes by where a packet is to go, so all would leave by one interface with the
 * addresses of others. Without the privilege of older kernels (before 5.7) it stays like that. */
static void bind_to_interface(GSocket *socket)
{
    struct sockaddr_storage own;
    socklen_t len = sizeof(own);
    char name[MULTIHOME_NAME];
    const int fd = g_socket_get_fd(socket);
    if (getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
        interfaces_of((const struct sockaddr *)&own, name))
        (void)setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name) + 1);
}

static void bind_sockets(const struct icelink *l)
{
    GPtrArray *const all = nice_agent_get_sockets(l->agent, l->stream, 1);
    for (guint i = 0; all && i < all->len; i++)
        bind_to_interface(all->pdata[i]);
    if (all)
        g_ptr_array_unref(all);
}

static void on_gathered(NiceAgent *agent, guint stream, gpointer user)
{
    (void)agent;
    (void)stream;
    struct icelink *const l = user;
    if (l->several)
        bind_sockets(l);
    if (!l->relaying)
        l->calls.gathered(l->calls.user);
    else if (l->calls.relayed)
        l->calls.relayed(l->calls.user, count_relayed(l));
}

static bool others_follow(const struct icelink *l)
{
    return l->others && g_source_get_ready_time(l->others) >= 0;
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer user)
{
    (void)agent;
    (void)stream;
    (void)component;
    struct icelink *const l = user;
    if (state == NICE_COMPONENT_STATE_CONNECTED || state == NICE_COMPONENT_STATE_READY)
        l->ready = true;
    else if (state == NICE_COMPONENT_STATE_FAILED && !others_follow(l))
        l->calls.failed(l->calls.user);
}

static void on_datagram(NiceAgent *agent, guint stream, guint component, guint len, gchar *buf,
                        gpointer user)
{
    (void)agent;
    (void)stream;
    (void)component;
    struct icelink *const l = user;
    l->calls.received(l->calls.user, (const uint8_t *)buf, len);
}

/* libnice passes the loopback over unless it is named. */
static void use_loopback(NiceAgent *agent)
{
    static const char *const texts[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        NiceAddress a;
        nice_address_init(&a);
        if (nice_address_set_from_string(&a, texts[i]))
            nice_agent_add_local_address(agent, &a);
    }
}

static void use_address(void *agent, const struct sockaddr *a)
{
    NiceAddress n;
    nice_address_init(&n);
    nice_address_set_from_sockaddr(&n, a);
    nice_agent_add_local_address(agent, &n);
}

static void use_place(struct icelink *l, const struct icelink_place *p)
{
    if (p->loopback) {
        use_loopback(l->agent);
        return;
    }
    interfaces_refresh(p->home);
    l->several = p->home->n > 1;
    for (size_t i = 0; i < p->home->n && p->good_only && l->several; i++)
        if (multihome_good(p->home, p->home->way[i].name, clock_now()))
            interfaces_addresses(p->home->way[i].name, use_address, l->agent);
}

enum err icelink_new(struct icelink **out, GMainContext *ctx, const struct icelink_place *place,
                     const struct icelink_calls *calls)
{
    struct icelink *const l = calloc(1, sizeof(*l));
    *out = l;
    if (!l)
        return E_NOMEM;
    l->ctx = ctx;
    l->calls = *calls;
    /* Its consent freshness gives up after ten seconds without an answer to two checks (libnice
     * before 0.1.22): with a tenth of all packets lost that is every few minutes. Checks as
     * keepalives go out as often and give up after 50 s; that nothing is heard the session sees
     * much sooner. */
    l->agent =
        nice_agent_new_full(ctx, NICE_COMPATIBILITY_RFC5245, NICE_AGENT_OPTION_REGULAR_NOMINATION);
    g_object_set(l->agent, "controlling-mode", TRUE, "upnp", FALSE, "ice-tcp", TRUE,
                 "keepalive-conncheck", TRUE, NULL);
    use_place(l, place);
    g_signal_connect(l->agent, "candidate-gathering-done", G_CALLBACK(on_gathered), l);
    g_signal_connect(l->agent, "component-state-changed", G_CALLBACK(on_state), l);
    l->stream = nice_agent_add_stream(l->agent, 1);
    if (l->stream && nice_agent_attach_recv(l->agent, l->stream, 1, ctx, on_datagram, l) &&
        nice_agent_gather_candidates(l->agent, l->stream))
        return OK;
    icelink_free(out);
    return E_IO;
}

void icelink_give(struct icelink *l, const struct icelink_calls *calls)
{
    l->calls = *calls;
}

void icelink_free(struct icelink **pl)
{
    struct icelink *const l = *pl;
    if (!l)
        return;
    g_signal_handlers_disconnect_by_data(l->agent, l);
    if (l->others) {
        g_source_destroy(l->others);
        g_source_unref(l->others);
    }
    if (l->stream) {
        nice_agent_attach_recv(l->agent, l->stream, 1, l->ctx, NULL, NULL);
        nice_agent_remove_stream(l->agent, l->stream);
    }
    g_object_unref(l->agent);
    for (size_t i = 0; i < ICELINK_RELAYS; i++)
        turntls_free(&l->tls[i]);
    free(l);
    *pl = NULL;
}

static struct addr addr_of(const NiceAddress *a)
{
    char ip[NICE_ADDRESS_STRING_LEN];
    char text[ADDR_TEXT + NICE_ADDRESS_STRING_LEN];
    struct addr out = {0};
    nice_address_to_string(a, ip);
    const bool v6 = nice_address_ip_version(a) == 6;
    snprintf(text, sizeof(text), v6 ? "[%s]:%u" : "%s:%u", ip, nice_address_get_port(a));
    return addr_parse(&out, text) ? out : (struct addr){0};
}

size_t icelink_candidates(const struct icelink *l, struct addr *out, size_t cap)
{
    size_t n = 0;
    GSList *const all = nice_agent_get_local_candidates(l->agent, l->stream, 1);
    for (GSList *i = all; i && n < cap; i = i->next) {
        const NiceCandidate *const c = i->data;
        if (c->type == NICE_CANDIDATE_TYPE_HOST && c->transport == NICE_CANDIDATE_TRANSPORT_UDP)
            out[n++] = addr_of(&c->addr);
    }
    g_slist_free_full(all, (GDestroyNotify)nice_candidate_free);
    return n;
}

/* RFC 8445 5.1.2.1, RFC 6544 4.2: host candidates, UDP before TCP, each as good as its place. */
static NiceCandidate *candidate(const struct icelink *l, const struct addr *a, guint nth)
{
    char ip[ADDR_TEXT];
    const bool tcp = a->proto == ADDR_TCP;
    NiceCandidate *const c = nice_candidate_new(NICE_CANDIDATE_TYPE_HOST);
    c->transport = tcp ? NICE_CANDIDATE_TRANSPORT_TCP_PASSIVE : NICE_CANDIDATE_TRANSPORT_UDP;
    c->stream_id = l->stream;
    c->component_id = 1;
    c->priority = (tcp ? 1520435199 : 2130706431) - (nth << 8);
    snprintf(c->foundation, sizeof(c->foundation), "%u", nth + 1);
    if (!nice_address_set_from_string(&c->addr, addr_ip_text(a, ip))) {
        nice_candidate_free(c);
        return NULL;
    }
    nice_address_set_port(&c->addr, a->port);
    return c;
}

/* Which remote candidates, in the order in which they are checked. */
enum which { FIRST_UDP, OTHER_UDP, ALL_TCP };

static bool check(const struct icelink *l, enum which which)
{
    bool any = false;
    GSList *list = NULL;
    for (guint i = 0; i < l->remotes; i++) {
        const struct addr *const a = &l->remote[i];
        const bool tcp = a->proto == ADDR_TCP;
        const enum which is = tcp ? ALL_TCP : any ? OTHER_UDP : FIRST_UDP;
        any |= !tcp;
        NiceCandidate *const c = is == which ? candidate(l, a, i) : NULL;
        if (c)
            list = g_slist_append(list, c);
    }
    const bool good = list && nice_agent_set_remote_candidates(l->agent, l->stream, 1, list) > 0;
    g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
    return good;
}

/* Of a path through a NAT libnice waits until all other checks have failed: those that may well
 * lead nowhere, such as a private address of the relay, are not to hold up what is there. */
static gboolean on_others(gpointer user)
{
    struct icelink *const l = user;
    const bool tcp = clock_now() >= l->began + TCP_AFTER;
    g_source_set_ready_time(l->others, tcp || l->ready ? -1 : l->began + TCP_AFTER);
    if (!l->ready && (!tcp || l->calls.wants_tcp(l->calls.user)))
        (void)check(l, tcp ? ALL_TCP : OTHER_UDP);
    return G_SOURCE_CONTINUE;
}

bool icelink_start(struct icelink *l, const struct ice_conf *ice)
{
    if (!nice_agent_set_local_credentials(l->agent, l->stream, ice->local_ufrag, ice->local_pwd) ||
        !nice_agent_set_remote_credentials(l->agent, l->stream, ice->remote_ufrag, ice->remote_pwd))
        return false;
    bool udp = false;
    l->remotes = 0;
    for (size_t i = 0; i < ice->cands; i++) {
        l->remote[l->remotes++] = ice->cand[i];
        udp |= ice->cand[i].proto == ADDR_UDP;
    }
    if (!l->others)
        l->others = timer_new(l->ctx, on_others, l);
    l->began = clock_now();
    g_source_set_ready_time(l->others, udp ? l->began + OTHERS_AFTER : -1);
    return udp ? check(l, FIRST_UDP) : check(l, ALL_TCP);
}

bool icelink_ready(const struct icelink *l)
{
    return l->ready;
}

void icelink_interface(const struct icelink *l, char name[MULTIHOME_NAME])
{
    NiceCandidate *local;
    NiceCandidate *remote;
    struct sockaddr_storage own = {0};
    name[0] = 0;
    if (!nice_agent_get_selected_pair(l->agent, l->stream, 1, &local, &remote))
        return;
    nice_address_copy_to_sockaddr(&local->base_addr, (struct sockaddr *)&own);
    (void)interfaces_of((const struct sockaddr *)&own, name);
}

enum icelink_way icelink_way(const struct icelink *l)
{
    NiceCandidate *local;
    NiceCandidate *remote;
    if (!nice_agent_get_selected_pair(l->agent, l->stream, 1, &local, &remote))
        return ICELINK_UDP;
    if (local->type == NICE_CANDIDATE_TYPE_RELAYED)
        return ICELINK_TURN;
    return remote->transport == NICE_CANDIDATE_TRANSPORT_UDP ? ICELINK_UDP : ICELINK_TCP;
}

const char *icelink_way_name(enum icelink_way way)
{
    static const char *const names[] = {"udp", "tcp", "turn"};
    return names[way];
}

/* libnice speaks no TLS to TURN servers (its type of that name is plain TCP, or a fake handshake in
 * the dialects of Google and Microsoft): a pipe on this machine does. */
static bool add_relay(struct icelink *l, size_t i, const struct icelink_relays *r,
                      const struct log *log)
{
    const struct iceserver *const s = &r->server[i];
    const char *host = s->host;
    guint port = s->port;
    if (s->tls) {
        if (turntls_new(&l->tls[i], s, r->ca, log) != OK)
            return false;
        host = "127.0.0.1";
        port = turntls_port(l->tls[i]);
    }
    return nice_agent_set_relay_info(l->agent, l->stream, 1, host, port, s->username, s->password,
                                     s->tcp ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP);
}

bool icelink_relay(struct icelink *l, const struct icelink_relays *r, const struct log *log)
{
    bool any = false;
    if (l->relaying)
        return false;
    l->relaying = true;
    for (size_t i = 0; i < r->n && i < ICELINK_RELAYS; i++)
        any |= add_relay(l, i, r, log);
    return any;
}

bool icelink_send(struct icelink *l, const uint8_t *bytes, size_t len)
{
    /* the interface takes char pointers but does not write */
    return nice_agent_send(l->agent, l->stream, 1, (guint)len, (const gchar *)bytes) == (gint)len;
}
