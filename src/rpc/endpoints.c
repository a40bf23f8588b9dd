/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/endpoints.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "base/error.h"

#define FORM                                                                   \
    "expected \"host:port\", \"[v6]:port\", either behind \"http://\" or "     \
    "\"https://\", or \"unix:/path\", with TLS \"unixs:/path\""

#define PORT_MAX 65535
#define PORT_DIGITS_MAX 5

/** A piece of the user's text. */
struct piece {
    const char *at;
    size_t size;
};

/** Sets the endpoint that an error is about. */
static int
at_endpoint(struct leaselock_error *reterr, struct piece endpoint, int code)
{
    if (reterr != NULL) {
        (void)snprintf(reterr->endpoint, sizeof(reterr->endpoint), "%.*s",
                       (int)endpoint.size, endpoint.at);
    }
    return code;
}

static struct piece trim(struct piece piece)
{
    while (piece.size > 0 && strchr(" \t\r\n", piece.at[0]) != NULL) {
        piece.at++;
        piece.size--;
    }
    while (piece.size > 0 &&
           strchr(" \t\r\n", piece.at[piece.size - 1]) != NULL) {
        piece.size--;
    }
    return piece;
}

/** Removes a prefix, ignoring case. */
static bool take(struct piece *piece, const char *prefix)
{
    size_t size = strlen(prefix);

    if (piece->size < size || strncasecmp(piece->at, prefix, size) != 0) {
        return false;
    }
    piece->at += size;
    piece->size -= size;
    return true;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

static bool is_made_of(struct piece piece, const char *marks)
{
    size_t i = 0;

    for (i = 0; i < piece.size; i++) {
        char c = piece.at[i];

        if (!is_alnum(c) && (c == '\0' || strchr(marks, c) == NULL)) {
            return false;
        }
    }
    return piece.size > 0;
}

static bool is_port(struct piece port)
{
    unsigned number = 0;
    size_t i = 0;

    if (port.size == 0 || port.size > PORT_DIGITS_MAX) {
        return false;
    }
    for (i = 0; i < port.size; i++) {
        if (port.at[i] < '0' || port.at[i] > '9') {
            return false;
        }
        number = number * 10 + (unsigned)(port.at[i] - '0');
    }
    return number >= 1 && number <= PORT_MAX;
}

/** Splits "host:port", "host", "[v6]:port" or "[v6]"; brackets stay with the
 *  host. */
static bool
split(struct piece piece, struct piece *ret_host, struct piece *ret_port)
{
    const char *end = piece.at + piece.size;
    const char *colon = NULL;

    if (piece.size > 0 && piece.at[0] == '[') {
        const char *bracket = memchr(piece.at, ']', piece.size);
        struct piece inner = {NULL, 0};

        if (bracket == NULL || (bracket + 1 < end && bracket[1] != ':')) {
            return false;
        }
        inner.at = piece.at + 1;
        inner.size = (size_t)(bracket - inner.at);
        if (!is_made_of(inner, ":.%-_") ||
            memchr(inner.at, ':', inner.size) == NULL) {
            return false;
        }
        colon = bracket + 1 < end ? bracket + 1 : NULL;
        ret_host->at = piece.at;
        ret_host->size = (size_t)(bracket + 1 - piece.at);
    } else {
        colon = memchr(piece.at, ':', piece.size);
        ret_host->at = piece.at;
        ret_host->size =
            colon != NULL ? (size_t)(colon - piece.at) : piece.size;
        if (!is_made_of(*ret_host, "-._")) {
            return false;
        }
    }
    *ret_port = (struct piece){LL_ENDPOINT_PORT_DEFAULT,
                               sizeof(LL_ENDPOINT_PORT_DEFAULT) - 1};
    if (colon != NULL) {
        ret_port->at = colon + 1;
        ret_port->size = (size_t)(end - ret_port->at);
    }
    return true;
}

/** Writes a target, which is a URI: every byte that is special in a URI, or not
 *  allowed, is escaped. */
static void write_target(const char *scheme,
                         struct piece host,
                         const char *before_port,
                         struct piece port,
                         char target[LL_TARGET_SIZE])
{
    int at = snprintf(target, LL_TARGET_SIZE, "%s", scheme);
    size_t i = 0;

    for (i = 0; i < host.size; i++) {
        char c = host.at[i];
        bool plain = is_alnum(c) || (c != '\0' && strchr("-._~:/", c) != NULL);

        at += snprintf(target + at, LL_TARGET_SIZE - (size_t)at,
                       plain ? "%c" : "%%%02X", (unsigned char)c);
    }
    (void)snprintf(target + at, LL_TARGET_SIZE - (size_t)at, "%s%.*s",
                   before_port, (int)port.size, port.at);
}

/** The name that a certificate must be for: no brackets and no zone. */
static void write_host(struct piece host, char name[LL_ENDPOINT_SIZE_MAX + 1])
{
    if (host.at[0] == '[') {
        const char *zone = memchr(host.at, '%', host.size);

        host.size = (size_t)((zone != NULL ? zone : host.at + host.size - 1) -
                             (host.at + 1));
        host.at++;
    }
    memcpy(name, host.at, host.size);
    name[host.size] = '\0';
}

/** The name that a certificate must be for if the endpoint is a socket in the
 *  file system: the last component of its path without a port, as in etcd's own
 *  clients. False: there is none. */
static bool write_unix_host(struct piece path,
                            char name[LL_ENDPOINT_SIZE_MAX + 1])
{
    const char *slash = memrchr(path.at, '/', path.size);
    const char *end = path.at + path.size;
    const char *colon;

    if (slash != NULL) {
        path.at = slash + 1;
    }
    colon = memchr(path.at, ':', (size_t)(end - path.at));
    path.size = (size_t)((colon != NULL ? colon : end) - path.at);
    memcpy(name, path.at, path.size);
    name[path.size] = '\0';
    return path.size > 0;
}

/**
 * Parses what follows "unix:" or "unixs:". As in etcd and etcdctl:
 *
 *     unix:///run/etcd      the absolute path /run/etcd
 *     unix://localhost:7771 the file "localhost:7771" in the working directory
 *     unix:path             a path of either kind
 */
static int parse_unix(struct piece rest,
                      bool tls,
                      struct ll_endpoint *endpoint,
                      struct leaselock_error *reterr)
{
    const struct piece text = {endpoint->text, strlen(endpoint->text)};
    const struct piece nothing = {"", 0};
    const struct sockaddr_un *address = NULL;

    (void)take(&rest, "//");
    if (rest.size == 0) {
        return at_endpoint(
            reterr, text,
            ll_error_sentence(
                reterr, LEASELOCK_E_ARGUMENT,
                "the endpoint \"%s\" has no path; expected "
                "\"unix:/path\", \"unix:///path\" or, for a file in the "
                "working directory, \"unix://host:port\"",
                endpoint->text));
    }
    if (rest.size >= sizeof(address->sun_path)) {
        return at_endpoint(
            reterr, text,
            ll_error_sentence(
                reterr, LEASELOCK_E_LIMIT,
                "the path of the endpoint \"%.*s...\" is longer than the "
                "%zu bytes that a socket's may have",
                LL_ENDPOINT_SIZE_MAX / 2, endpoint->text,
                sizeof(address->sun_path) - 1));
    }
    endpoint->tls = tls;
    if (tls && !write_unix_host(rest, endpoint->host)) {
        return at_endpoint(
            reterr, text,
            ll_error_sentence(
                reterr, LEASELOCK_E_ARGUMENT,
                "the endpoint \"%s\" ends without a name that etcd's "
                "certificate can be for; expected \"unixs:/path/name\"",
                endpoint->text));
    }
    write_target("unix:", rest, "", nothing, endpoint->target);
    return 0;
}

static int parse_one(struct piece text,
                     bool tls,
                     struct ll_endpoint *endpoint,
                     struct leaselock_error *reterr)
{
    struct piece rest = text;
    struct piece host = {NULL, 0};
    struct piece port = {NULL, 0};

    if (text.size == 0) {
        return at_endpoint(
            reterr, text,
            ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                              "an endpoint of the list is empty; " FORM));
    }
    if (text.size > LL_ENDPOINT_SIZE_MAX) {
        return at_endpoint(
            reterr, text,
            ll_error_sentence(
                reterr, LEASELOCK_E_LIMIT,
                "the endpoint \"%.*s...\" is longer than %d bytes; " FORM,
                LL_ENDPOINT_SIZE_MAX / 2, text.at, LL_ENDPOINT_SIZE_MAX));
    }
    memcpy(endpoint->text, text.at, text.size);
    endpoint->text[text.size] = '\0';
    if (take(&rest, "unix:")) {
        return parse_unix(rest, false, endpoint, reterr);
    }
    if (take(&rest, "unixs:")) {
        return parse_unix(rest, true, endpoint, reterr);
    }
    if (take(&rest, "https://")) {
        tls = true;
    } else if (take(&rest, "http://")) {
        tls = false;
    }
    if (rest.at > text.at && rest.size > 0 && rest.at[rest.size - 1] == '/') {
        rest.size--;
    }
    if (memmem(rest.at, rest.size, "://", 3) != NULL) {
        return at_endpoint(
            reterr, text,
            ll_error_sentence(
                reterr, LEASELOCK_E_ARGUMENT,
                "the endpoint \"%s\" has a scheme that is not known; " FORM,
                endpoint->text));
    }
    if (!split(rest, &host, &port)) {
        return at_endpoint(
            reterr, text,
            ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                              "the endpoint \"%s\" has no valid host; " FORM,
                              endpoint->text));
    }
    if (!is_port(port)) {
        return at_endpoint(
            reterr, text,
            ll_error_sentence(
                reterr, LEASELOCK_E_ARGUMENT,
                "the endpoint \"%s\" has no port from 1 to %d; " FORM,
                endpoint->text, PORT_MAX));
    }
    endpoint->tls = tls;
    write_host(host, endpoint->host);
    /* The explicit scheme ensures that a host called "unix" or "ipv4" is not
     * parsed as a scheme. */
    write_target("dns:///", host, ":", port, endpoint->target);
    return 0;
}

/** The piece up to the next comma; advances text past it, or to NULL. */
static struct piece next_piece(const char **text)
{
    const char *comma = strchr(*text, ',');
    struct piece piece = {*text, comma != NULL ? (size_t)(comma - *text)
                                               : strlen(*text)};

    *text = comma != NULL ? comma + 1 : NULL;
    return trim(piece);
}

int ll_endpoints_parse(const char *text,
                       bool tls,
                       struct ll_endpoints *ret_endpoints,
                       struct leaselock_error *reterr)
{
    struct ll_endpoints endpoints = {NULL, 0};
    const char *at = NULL;
    size_t n = 1;
    int status = 0;

    if (text == NULL || trim((struct piece){text, strlen(text)}).size == 0) {
        return ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                                 "there is no endpoint; " FORM);
    }
    for (at = strchr(text, ','); at != NULL; at = strchr(at + 1, ',')) {
        n++;
    }
    if (n > LL_ENDPOINTS_MAX) {
        return ll_error_sentence(
            reterr, LEASELOCK_E_LIMIT,
            "there are %zu endpoints, and %d is the most; " FORM
            ", with commas between them",
            n, LL_ENDPOINTS_MAX);
    }
    endpoints.list = ll_alloc_zero(n, sizeof(*endpoints.list));
    if (endpoints.list == NULL) {
        return ll_error_sentence(reterr, LEASELOCK_E_NOMEM, "out of memory");
    }
    for (at = text; at != NULL; endpoints.n++) {
        status = parse_one(next_piece(&at), tls, &endpoints.list[endpoints.n],
                           reterr);
        if (status != 0) {
            ll_endpoints_free(&endpoints);
            return status;
        }
    }
    *ret_endpoints = endpoints;
    return 0;
}

int ll_endpoints_reserve(struct ll_endpoints *endpoints)
{
    struct ll_endpoint *list =
        ll_realloc(endpoints->list, LL_ENDPOINTS_MAX * sizeof(*list));

    if (list == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    endpoints->list = list;
    return 0;
}

bool ll_endpoint_is_local(const struct ll_endpoint *endpoint)
{
    const char *host = endpoint->host;

    return strncmp(endpoint->target, "unix:", 5) == 0 ||
           strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           strncmp(host, "127.", 4) == 0;
}

void ll_endpoints_free(struct ll_endpoints *endpoints)
{
    ll_free(endpoints->list);
    *endpoints = (struct ll_endpoints){NULL, 0};
}
