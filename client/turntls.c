/* turntls.c - GIO's listener, client and splice; a connection lives as long as both its ends and
 * the pipe. */
#include "client/turntls.h"

#include <gio/gio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

/* What waits between the two ends would be delay that nobody can take anything out of. */
#define SOCKET_BYTES (16 << 10)

struct turntls {
    GSocketListener *listener;
    GCancellable *over;
    GTlsDatabase *trust; /* NULL = the system's */
    const struct log *log;
    uint16_t port;
    uint16_t far_port;
    char host[ICESERVER_HOST];
};

/* One connection on its way to the server. */
struct leg {
    GSocketConnection *near;
    GCancellable *over;
    const struct log *log;
    char host[ICESERVER_HOST];
};

static void leg_free(struct leg *g)
{
    g_object_unref(g->near);
    g_object_unref(g->over);
    free(g);
}

static void on_connected(GObject *client, GAsyncResult *result, gpointer user)
{
    struct leg *const g = user;
    GError *e = NULL;
    GSocketConnection *const far =
        g_socket_client_connect_to_host_finish(G_SOCKET_CLIENT(client), result, &e);
    if (far) {
        g_io_stream_splice_async(G_IO_STREAM(g->near), G_IO_STREAM(far),
                                 G_IO_STREAM_SPLICE_CLOSE_STREAM1 |
                                     G_IO_STREAM_SPLICE_CLOSE_STREAM2,
                                 G_PRIORITY_DEFAULT, g->over, NULL, NULL);
        g_object_unref(far);
    } else {
        if (!g_error_matches(e, G_IO_ERROR, G_IO_ERROR_CANCELLED))
            log_warn(g->log, "the TURN server is not reached by TLS", "host=%s why=%s", g->host,
                     e->message);
        g_error_free(e);
        (void)g_io_stream_close(G_IO_STREAM(g->near), NULL, NULL);
    }
    leg_free(g);
}

static void on_event(GSocketClient *client, GSocketClientEvent event, GSocketConnectable *to,
                     GIOStream *stream, gpointer trust)
{
    (void)client;
    (void)to;
    if (event == G_SOCKET_CLIENT_TLS_HANDSHAKING && trust)
        g_tls_connection_set_database(G_TLS_CONNECTION(stream), trust);
}

static void connect_far(const struct turntls *t, GSocketConnection *near)
{
    struct leg *const g = calloc(1, sizeof(*g));
    if (!g)
        return;
    g->near = g_object_ref(near);
    g->over = g_object_ref(t->over);
    g->log = t->log;
    memcpy(g->host, t->host, sizeof(g->host));
    GSocketClient *const client = g_socket_client_new();
    g_socket_client_set_tls(client, TRUE);
    g_socket_client_set_enable_proxy(client, FALSE);
    g_signal_connect_data(client, "event", G_CALLBACK(on_event),
                          t->trust ? g_object_ref(t->trust) : NULL,
                          t->trust ? (GClosureNotify)(void (*)(void))g_object_unref : NULL, 0);
    g_socket_client_connect_to_host_async(client, t->host, t->far_port, t->over, on_connected, g);
    g_object_unref(client);
}

static void small_buffers(GSocketConnection *c)
{
    GSocket *const s = g_socket_connection_get_socket(c);
    (void)g_socket_set_option(s, SOL_SOCKET, SO_RCVBUF, SOCKET_BYTES, NULL);
    (void)g_socket_set_option(s, SOL_SOCKET, SO_SNDBUF, SOCKET_BYTES, NULL);
    (void)g_socket_set_option(s, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
}

static void on_accepted(GObject *listener, GAsyncResult *result, gpointer user)
{
    GError *e = NULL;
    GSocketConnection *const near =
        g_socket_listener_accept_finish(G_SOCKET_LISTENER(listener), result, NULL, &e);
    const bool over = g_error_matches(e, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_clear_error(&e);
    if (over) /* the pipe is gone */
        return;
    const struct turntls *const t = user;
    if (near) {
        small_buffers(near);
        connect_far(t, near);
        g_object_unref(near);
    }
    g_socket_listener_accept_async(t->listener, t->over, on_accepted, user);
}

static bool listen_here(struct turntls *t)
{
    GInetAddress *const ip = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    GSocketAddress *const any = g_inet_socket_address_new(ip, 0);
    GSocketAddress *bound = NULL;
    const bool good = g_socket_listener_add_address(t->listener, any, G_SOCKET_TYPE_STREAM,
                                                    G_SOCKET_PROTOCOL_TCP, NULL, &bound, NULL);
    if (good)
        t->port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
    g_clear_object(&bound);
    g_object_unref(any);
    g_object_unref(ip);
    return good;
}

enum err turntls_new(struct turntls **out, const struct iceserver *s, const char *ca_file,
                     const struct log *log)
{
    struct turntls *const t = calloc(1, sizeof(*t));
    GError *e = NULL;
    *out = t;
    if (!t)
        return E_NOMEM;
    t->log = log;
    t->far_port = s->port;
    memcpy(t->host, s->host, sizeof(t->host));
    t->listener = g_socket_listener_new();
    t->over = g_cancellable_new();
    if (ca_file && *ca_file)
        t->trust = g_tls_file_database_new(ca_file, &e);
    if (!e && !g_tls_backend_supports_tls(g_tls_backend_get_default()))
        g_set_error(&e, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "glib-networking is not installed");
    if (!e && listen_here(t)) {
        g_socket_listener_accept_async(t->listener, t->over, on_accepted, t);
        return OK;
    }
    log_warn(log, "no TLS to the TURN server", "host=%s why=%s", s->host,
             e ? e->message : "no socket on the loopback");
    g_clear_error(&e);
    turntls_free(out);
    return E_IO;
}

void turntls_free(struct turntls **pt)
{
    struct turntls *const t = *pt;
    if (!t)
        return;
    g_cancellable_cancel(t->over);
    g_socket_listener_close(t->listener);
    g_object_unref(t->listener);
    g_object_unref(t->over);
    g_clear_object(&t->trust);
    free(t);
    *pt = NULL;
}

uint16_t turntls_port(const struct turntls *t)
{
    return t->port;
}
