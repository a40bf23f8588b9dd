/* SPDX-License-Identifier: Apache-2.0 */
#include "config/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/error.h"

#define SCHEME "etcd://"
#define SCHEME_TLS "etcds://"
#define HTTPS "https://"

#define HELP "; leaselock-settings(5) describes it"

/** A part of the URL's text. */
struct part {
    const char *at;
    const char *end;
};

struct parser {
    struct ll_url *url;
    char *out; /* the next free byte of the buffer */
    bool is_tls;
    /** A password was read, so the following text may be a part of it. */
    bool has_secret;
    struct leaselock_error *reterr;
};

bool ll_url_is(const char *text)
{
    text += strspn(text, " \t\r\n");
    return strncasecmp(text, SCHEME, strlen(SCHEME)) == 0 ||
           strncasecmp(text, SCHEME_TLS, strlen(SCHEME_TLS)) == 0;
}

void ll_url_free(struct ll_url *url)
{
    if (url->buffer != NULL) {
        explicit_bzero(url->buffer, url->size);
        ll_free(url->buffer);
    }
    *url = (struct ll_url){0};
}

static int hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/** Decodes a part and appends it to the buffer. A decoded NUL is refused. */
static int decode(struct parser *parser, struct part part, const char *what)
{
    const char *at = part.at;

    while (at < part.end) {
        int high;
        int low;

        if (*at != '%') {
            *parser->out++ = *at++;
            continue;
        }
        high = part.end - at > 2 ? hex(at[1]) : -1;
        low = part.end - at > 2 ? hex(at[2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            return ll_error_format(
                parser->reterr, LEASELOCK_E_ARGUMENT,
                "in the URL's %s a '%%' is not followed by two "
                "hexadecimal digits, other than 00" HELP,
                what);
        }
        *parser->out++ = (char)(high * 16 + low);
        at += 3;
    }
    return 0;
}

/** Ends the text in the buffer that begins at @text, and sets it. */
static int set(struct parser *parser, enum ll_setting_id id, const char *text)
{
    if (parser->url->texts.texts[id] != NULL) {
        return ll_error_format(parser->reterr, LEASELOCK_E_ARGUMENT,
                               "the URL sets %s twice",
                               ll_settings[id].about.name);
    }
    *parser->out++ = '\0';
    parser->url->texts.texts[id] = text;
    parser->url->texts.sources[id] =
        (struct ll_source){LL_FROM_URL, ll_settings[id].about.name, 0};
    return 0;
}

static const char *find(struct part part, char c)
{
    const char *at = memchr(part.at, c, (size_t)(part.end - part.at));

    return at != NULL ? at : part.end;
}

static int parse_user(struct parser *parser, struct part part)
{
    const char *colon = find(part, ':');
    char *user = parser->out;
    char *password;
    int status = decode(parser, (struct part){part.at, colon}, "user");

    if (status != 0) {
        return status;
    }
    if (parser->out == user ||
        memchr(user, ':', (size_t)(parser->out - user)) != NULL) {
        return ll_error_format(
            parser->reterr, LEASELOCK_E_ARGUMENT,
            "the URL has no user's name before its '@', or one "
            "with a ':' in it" HELP);
    }
    status = set(parser, LL_SETTING_USER, user);
    if (status != 0 || part.end - colon < 2) {
        return status;
    }
    parser->has_secret = true;
    password = parser->out;
    status = decode(parser, (struct part){colon + 1, part.end}, "password");
    return status == 0 ? set(parser, LL_SETTING_PASSWORD, password) : status;
}

static int parse_host(struct parser *parser, struct part part)
{
    char *host;
    int status;

    if (parser->is_tls) {
        memcpy(parser->out, HTTPS, strlen(HTTPS));
        parser->out += strlen(HTTPS);
    }
    host = parser->out;
    status = decode(parser, part, "host");
    if (status != 0) {
        return status;
    }
    *parser->out = '\0';
    if (host[0] == '\0' || strpbrk(host, "/?#@, \t\r\n") != NULL) {
        return ll_error_format(
            parser->reterr, LEASELOCK_E_ARGUMENT,
            "the URL has an empty host, or one that cannot be "
            "a host" HELP);
    }
    return 0;
}

static int parse_hosts(struct parser *parser, struct part part)
{
    char *list = parser->out;
    int status;

    for (;;) {
        const char *comma = find(part, ',');

        status = parse_host(parser, (struct part){part.at, comma});
        if (status != 0 || comma == part.end) {
            break;
        }
        *parser->out++ = ',';
        part.at = comma + 1;
    }
    return status == 0 ? set(parser, LL_SETTING_ENDPOINTS, list) : status;
}

/** The path: "/prod" is the namespace "prod/". */
static int parse_path(struct parser *parser, struct part part)
{
    char *prefix = parser->out;
    int status;

    if (part.end - part.at < 2) {
        return 0;
    }
    part.at++;
    status = decode(parser, part, "path");
    if (status == 0 && parser->out[-1] != '/') {
        *parser->out++ = '/';
    }
    return status == 0 ? set(parser, LL_SETTING_NAMESPACE, prefix) : status;
}

static int parse_pair(struct parser *parser, struct part part)
{
    const char *equals = find(part, '=');
    size_t size = (size_t)(equals - part.at);
    char *value = parser->out;
    int id = ll_setting_find(part.at, size);
    int status;

    if (!ll_setting_is_for_url(id)) {
        bool shown = !parser->has_secret;
        char hint[LL_NEAR_HINT_SIZE] = "";

        if (shown) {
            (void)ll_setting_hint(part.at, size, 1, hint);
        }
        return ll_error_format(
            parser->reterr, LEASELOCK_E_ARGUMENT,
            "the URL has %s%.*s%s, which is not a setting that "
            "a URL has%s" HELP,
            shown ? "\"" : "an entry",
            shown && size < 60 ? (int)size
            : shown            ? 60
                               : 0,
            part.at, shown ? "\"" : "", hint);
    }
    if (part.end - equals < 2) {
        return ll_error_format(parser->reterr, LEASELOCK_E_ARGUMENT,
                               "the URL's %s has no value",
                               ll_settings[id].about.name);
    }
    parser->has_secret = parser->has_secret || id == LL_SETTING_PASSWORD ||
                         id == LL_SETTING_USER;
    status = decode(parser, (struct part){equals + 1, part.end},
                    ll_settings[id].about.name);
    return status == 0 ? set(parser, (enum ll_setting_id)id, value) : status;
}

static int parse_query(struct parser *parser, struct part part)
{
    int status = 0;

    while (status == 0 && part.at < part.end) {
        const char *ampersand = find(part, '&');

        if (ampersand > part.at) {
            status = parse_pair(parser, (struct part){part.at, ampersand});
        }
        part.at = ampersand < part.end ? ampersand + 1 : part.end;
    }
    return status;
}

/** The scheme sets TLS; the query must not contradict it. */
static int check_tls(struct parser *parser)
{
    struct ll_texts *texts = &parser->url->texts;
    struct ll_value_of value = {NULL, 0};
    const char *text = texts->texts[LL_SETTING_TLS];

    if (!parser->is_tls) {
        return 0;
    }
    if (text == NULL) {
        texts->texts[LL_SETTING_TLS] = "1";
        texts->sources[LL_SETTING_TLS] =
            (struct ll_source){LL_FROM_URL, "etcds://", 0};
        return 0;
    }
    return ll_setting_read(&ll_settings[LL_SETTING_TLS], text, &value) == 0 &&
                   value.number == 0
               ? ll_error_format(
                     parser->reterr, LEASELOCK_E_ARGUMENT,
                     "the URL asks for TLS by etcds:// and against it "
                     "by tls")
               : 0;
}

static int parse(struct parser *parser, struct part whole)
{
    struct part authority = {whole.at, whole.at};
    struct part path;
    struct part query;
    const char *at_sign;
    int status = 0;

    while (authority.end < whole.end && strchr("/?", *authority.end) == NULL) {
        authority.end++;
    }
    path = (struct part){authority.end, authority.end};
    path.end = find((struct part){path.at, whole.end}, '?');
    query = (struct part){path.end < whole.end ? path.end + 1 : whole.end,
                          whole.end};
    at_sign = find(authority, '@');
    /* A password that contains one of these unescaped must not be parsed as
     * something else, which an error could show. */
    if (find((struct part){authority.end, whole.end}, '@') != whole.end ||
        find(whole, '#') != whole.end ||
        (at_sign != authority.end &&
         find((struct part){at_sign + 1, authority.end}, '@') !=
             authority.end)) {
        return ll_error_format(
            parser->reterr, LEASELOCK_E_ARGUMENT,
            "the URL has a '#', or an '@' beside the one behind "
            "its user; write %%23 or %%40, and in a password "
            "%%2F for '/' and %%3F for '?'");
    }
    if (at_sign != authority.end) {
        status = parse_user(parser, (struct part){authority.at, at_sign});
        authority.at = at_sign + 1;
    }
    if (status == 0) {
        status = parse_path(parser, path);
    }
    if (status == 0) {
        status = parse_query(parser, query);
    }
    if (status == 0 &&
        (authority.at != authority.end ||
         parser->url->texts.texts[LL_SETTING_DISCOVERY_SRV] == NULL)) {
        status = parse_hosts(parser, authority);
    }
    return status == 0 ? check_tls(parser) : status;
}

int ll_url_parse(const char *text,
                 struct ll_url *ret_url,
                 struct leaselock_error *reterr)
{
    struct parser parser = {.url = ret_url, .reterr = reterr};
    struct part whole = {text + strspn(text, " \t\r\n"), NULL};
    size_t hosts = 1;

    *ret_url = (struct ll_url){0};
    whole.end = whole.at + strlen(whole.at);
    while (whole.end > whole.at && strchr(" \t\r\n", whole.end[-1]) != NULL) {
        whole.end--;
    }
    for (const char *at = whole.at; at < whole.end; at++) {
        hosts += *at == ',';
    }
    parser.is_tls = strncasecmp(whole.at, SCHEME_TLS, strlen(SCHEME_TLS)) == 0;
    whole.at += strlen(parser.is_tls ? SCHEME_TLS : SCHEME);
    /* Each host may get a scheme, each text a NUL, and a path a slash. */
    ret_url->size = (size_t)(whole.end - whole.at) + hosts * strlen(HTTPS) +
                    LL_SETTINGS + 2;
    ret_url->buffer = ll_alloc_zero(1, ret_url->size);
    if (ret_url->buffer == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    parser.out = ret_url->buffer;
    return parse(&parser, whole);
}
