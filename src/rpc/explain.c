/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/** The prefix of etcd's own sentences. */
#define ANSWER_MARK "etcdserver: "

/** How many bytes of a file's name are shown. */
#define FILE_SHOWN 100

__attribute__((format(printf, 2, 3))) static void
say(char text[LL_STATUS_TEXT_SIZE], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, LL_STATUS_TEXT_SIZE, format, arguments);
    va_end(arguments);
}

/** The text after a mark in a text, or NULL. */
static const char *behind(const char *text, const char *mark)
{
    const char *at = strstr(text, mark);

    return at != NULL ? at + strlen(mark) : NULL;
}

static bool has(const char *text, const char *mark)
{
    return strstr(text, mark) != NULL;
}

/** The reason in "failed to connect to all addresses; last error: CODE:
 *  ADDRESS: reason", or NULL for a text of another form. */
static const char *connect_reason(const char *text)
{
    static const char *const schemes[] = {": ipv4:", ": ipv6:", ": unix:"};
    const char *reason = behind(text, "failed to connect to all addresses");
    size_t i = 0;

    if (reason == NULL) {
        return NULL;
    }
    for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        const char *address = behind(reason, schemes[i]);
        const char *end = address != NULL ? behind(address, ": ") : NULL;

        if (end != NULL) {
            return end;
        }
    }
    return reason;
}

static void client_certificate(const struct ll_explain *about,
                               char text[LL_STATUS_TEXT_SIZE])
{
    if (about->cert == NULL) {
        say(text, "etcd ended the connection after the TLS handshake, as it "
                  "does when it wants a client's certificate: give one with "
                  "its key (cert, key)");
    } else if (about->cert_trouble[0] != '\0') {
        say(text,
            "etcd refused the client's certificate, and the one in %.*s %s: "
            "it has to be renewed",
            FILE_SHOWN, about->cert, about->cert_trouble);
    } else {
        say(text,
            "etcd ended the connection after the TLS handshake, as it does "
            "when it does not trust the client's certificate: the one in %.*s "
            "must be signed by an authority in etcd's --trusted-ca-file, and "
            "be for clients",
            FILE_SHOWN, about->cert);
    }
}

/** OpenSSL's names of the alerts by which a server rejects a client's
 *  certificate, in the handshake or after it. */
static bool is_certificate_alert(const char *reason)
{
    return has(reason, "alert bad certificate") ||
           has(reason, "alert certificate required") ||
           has(reason, "alert certificate expired") ||
           has(reason, "alert certificate unknown") ||
           has(reason, "alert unknown ca") ||
           has(reason, "alert unsupported certificate") ||
           has(reason, "alert access denied") ||
           has(reason, "alert handshake failure");
}

/** Whether the peer closed the connection without an alert. */
static bool is_hangup(const char *reason)
{
    return has(reason, "Socket closed") ||
           has(reason, "Endpoint read failed") ||
           has(reason, "Connection reset by peer") ||
           has(reason, "Broken pipe") || has(reason, "Handshake read failed") ||
           has(reason, "Handshake write failed");
}

static bool is_other_protocol(const char *reason)
{
    return has(reason, "wrong version number") ||
           has(reason, "packet length too long") ||
           has(reason, "http request") || has(reason, "record too small");
}

static void connect_tls(const struct ll_explain *about,
                        const char *reason,
                        char text[LL_STATUS_TEXT_SIZE])
{
    const char *ours = behind(reason, "Custom verification check failed with "
                                      "error: UNAUTHENTICATED: ");

    if (ours != NULL) {
        memmove(text, ours, strlen(ours) + 1);
    } else if (is_certificate_alert(reason) ||
               (is_hangup(reason) && about->verified)) {
        client_certificate(about, text);
    } else if (is_hangup(reason) || is_other_protocol(reason)) {
        say(text, "what answers there ended the TLS handshake, as something "
                  "does that speaks plain text: such an endpoint is written "
                  "with http://");
    } else if (has(reason, "missing selected ALPN")) {
        say(text, "what answers there speaks TLS but no HTTP/2: it is not "
                  "etcd's port for clients");
    } else if (has(reason, "Failed to create security handshaker")) {
        say(text, "TLS could not be set up with the certificates at hand; "
                  "where the system has none, give etcd's CA file (cacert)");
    } else {
        memmove(text, reason, strlen(reason) + 1);
    }
}

static void connect_plain(const char *reason, char text[LL_STATUS_TEXT_SIZE])
{
    if (is_hangup(reason)) {
        say(text, "the server closed the connection at once, as one does that "
                  "speaks TLS: such an endpoint is written with https://");
    } else if (has(reason, "http1.x server")) {
        say(text, "what answers there speaks no HTTP/2: it is not etcd's port "
                  "for clients, or it wants TLS (https://)");
    } else {
        memmove(text, reason, strlen(reason) + 1);
    }
}

static void connect_failed(const struct ll_explain *about,
                           const char *reason,
                           char text[LL_STATUS_TEXT_SIZE])
{
    const char *why = behind(reason, "Failed to connect to remote host: ");

    if (why != NULL && has(why, "Connection refused")) {
        say(text, "nothing listens there (Connection refused)");
    } else if (why != NULL) {
        char kept[LL_STATUS_TEXT_SIZE];

        say(kept, "%s", why);
        say(text, "cannot connect: %.*s", LL_STATUS_TEXT_SIZE / 2, kept);
    } else if (has(reason, "before receiving SETTINGS frame") ||
               has(reason, "connect timed out") ||
               has(reason, "Timeout occurred")) {
        say(text, "the connection was not established in time");
    } else if (about->tls) {
        connect_tls(about, reason, text);
    } else {
        connect_plain(reason, text);
    }
}

/** "DNS resolution failed for NAME: C-ares status …: reason" */
static void resolve_failed(const char *rest, char text[LL_STATUS_TEXT_SIZE])
{
    char kept[LL_STATUS_TEXT_SIZE];
    const char *last = rest;
    const char *at = rest;

    while ((at = behind(at, ": ")) != NULL) {
        last = at;
    }
    say(kept, "%s", last);
    say(text, "the host's name cannot be resolved: %.*s",
        LL_STATUS_TEXT_SIZE / 2, kept);
}

static void
append(char text[LL_STATUS_TEXT_SIZE], const char *between, const char *more)
{
    size_t at = strlen(text);

    (void)snprintf(text + at, LL_STATUS_TEXT_SIZE - at, "%s%s", between, more);
}

/** Advice for etcd's sentences on why it does not serve a request. The sentence
 *  is quoted, so that users can search for it and it is recognized as an
 *  answer. */
static const struct {
    const char *sentence;
    const char *advice;
} answers[] = {
    {"mvcc: database space exceeded",
     "the NOSPACE alarm is on, and etcd takes no write until it has space "
     "again: "
     "etcdctl compact, etcdctl defrag on each member, then etcdctl alarm "
     "disarm"},
    {"rpc not supported for learner",
     "this member is a learner, which serves no locks: name a voting member's "
     "endpoint, or promote it (etcdctl member promote)"},
    {"etcdserver: no leader",
     "this member has no leader: it is cut off from most of its cluster, or "
     "most members are down, or an election is under way"},
    {"etcdserver: not capable",
     "the cluster's version is older than this member's: wait until all "
     "members are of one version"},
    {"etcdserver: corrupt cluster",
     "the CORRUPT alarm is on: a member's data differ from the others'; see "
     "etcdctl alarm list and etcd's manual on data corruption"},
    {"etcdserver: too many requests",
     "more requests are waiting in etcd than it takes (its disk may be slow)"},
};

static bool explain_answer(char text[LL_STATUS_TEXT_SIZE])
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        if (has(text, answers[i].sentence)) {
            const char *mark =
                has(answers[i].sentence, ANSWER_MARK) ? "" : ANSWER_MARK;

            say(text, "\"%s%s\": %s", mark, answers[i].sentence,
                answers[i].advice);
            return true;
        }
    }
    return false;
}

bool ll_explain_is_answer(const char *text)
{
    return has(text, ANSWER_MARK);
}

void ll_explain(const struct ll_explain *about, char text[LL_STATUS_TEXT_SIZE])
{
    const char *reason = connect_reason(text);

    if (reason != NULL) {
        connect_failed(about, reason, text);
        if (about->tls && about->files_trouble[0] != '\0') {
            append(text, "; the TLS files have changed and are not in use: ",
                   about->files_trouble);
        }
    } else if (has(text, "DNS resolution failed for ")) {
        resolve_failed(behind(text, "DNS resolution failed for "), text);
    } else if (has(text, "keepalive watchdog timeout")) {
        say(text,
            "etcd did not answer a ping within %d ms: the connection is given "
            "up",
            about->ping_timeout_ms);
    } else if (has(text, "too_many_pings")) {
        say(text, "etcd ended the connection for pings that came too often: "
                  "the ping interval must not be below etcd's "
                  "--grpc-keepalive-min-time");
    } else if (strcmp(text, "Deadline Exceeded") == 0) {
        say(text, "no answer in time");
    } else if (strcmp(text, "Socket closed") == 0) {
        say(text, "the connection was closed by the other side");
    } else if (explain_answer(text)) {
        return;
    } else if (!about->user && has(text, "user name is empty")) {
        say(text,
            "etcd requires authentication, and the client has no user: "
            "give user and password (%s)",
            "etcdserver: user name is empty");
    }
}
