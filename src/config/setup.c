/* SPDX-License-Identifier: Apache-2.0 */
#include "config/setup.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/error.h"
#include "config/url.h"

#define SOURCE_SIZE 320

void ll_free_secret(char *text)
{
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
        ll_free(text);
    }
}

void ll_setup_free(struct ll_setup *setup)
{
    for (size_t i = 0; i < LL_SETTINGS; i++) {
        ll_free_secret(setup->texts[i]);
    }
    ll_free_secret(setup->url);
    ll_free(setup->file);
    *setup = (struct ll_setup){0};
}

void ll_source_print(const struct ll_source *source, char *text, size_t size)
{
    switch (source->origin) {
    case LL_FROM_DEFAULT:
        (void)snprintf(text, size, "%s", "");
        break;
    case LL_FROM_OPTIONS:
        (void)snprintf(text, size, "the option %s", source->name);
        break;
    case LL_FROM_URL:
        (void)snprintf(text, size, "the URL's %s", source->name);
        break;
    case LL_FROM_VARIABLE:
    case LL_FROM_ETCDCTL:
        (void)snprintf(text, size, "the variable %s", source->name);
        break;
    case LL_FROM_FILE:
        (void)snprintf(text, size, "the file %.200s, line %u", source->name,
                       source->line);
        break;
    }
}

int ll_setup_fail(struct leaselock_error *reterr,
                  const struct ll_source *source,
                  enum ll_setting_id id,
                  const char *fault)
{
    char where[SOURCE_SIZE];
    bool is_file = source->origin == LL_FROM_FILE;

    ll_source_print(source, where, sizeof(where));
    return ll_error_format(reterr, LEASELOCK_E_ARGUMENT, "%s%s%s %s", where,
                           is_file ? ": " : "",
                           is_file ? ll_settings[id].about.name : "", fault);
}

/** Reports a bad value and the valid ones; never shows a possible password. */
static int fail_value(struct leaselock_error *reterr,
                      const struct ll_source *source,
                      enum ll_setting_id id,
                      const struct ll_value_of *value)
{
    const struct ll_setting *setting = &ll_settings[id];
    bool in_text = source->origin != LL_FROM_OPTIONS || value->text != NULL;
    char wanted[LL_SETTING_WANTED_SIZE];
    char fault[LEASELOCK_ERROR_MESSAGE_SIZE];

    ll_setting_wanted(setting, in_text, wanted);
    if (!in_text) {
        (void)snprintf(fault, sizeof(fault), "is %d; it must be %s",
                       value->number, wanted);
    } else if (setting->kind == LL_KIND_SECRET ||
               setting->kind == LL_KIND_USER ||
               setting->kind == LL_KIND_ENDPOINTS) {
        (void)snprintf(fault, sizeof(fault), "is not %s", wanted);
    } else {
        (void)snprintf(fault, sizeof(fault), "is \"%.60s\", which is not %s",
                       value->text, wanted);
    }
    return ll_setup_fail(reterr, source, id, fault);
}

/** The other setting of two that exclude each other; -1: there is none. */
static int alternative_of(enum ll_setting_id id)
{
    static const int pairs[][2] = {
        {LL_SETTING_ENDPOINTS, LL_SETTING_DISCOVERY_SRV},
        {LL_SETTING_PASSWORD, LL_SETTING_PASSWORD_FILE}};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        for (int side = 0; side < 2; side++) {
            if (pairs[i][side] == (int)id) {
                return pairs[i][1 - side];
            }
        }
    }
    return -1;
}

/** Whether a setting or its alternative has a value; *ret_both: whether that
 *  value is from the current source. */
static bool
is_settled(const struct ll_setup *setup, enum ll_setting_id id, bool *ret_both)
{
    int other = alternative_of(id);

    if (id == LL_SETTING_DISCOVERY_SRV && setup->url != NULL) {
        *ret_both = true;
        return true;
    }
    *ret_both = setup->passes[id] == setup->pass ||
                (other >= 0 && setup->passes[other] == setup->pass);
    return setup->passes[id] != 0 || (other >= 0 && setup->passes[other] != 0);
}

static int fail_both(struct leaselock_error *reterr,
                     const struct ll_setup *setup,
                     const struct ll_source *source,
                     enum ll_setting_id id)
{
    int earlier =
        setup->passes[id] == setup->pass ? (int)id : alternative_of(id);
    char fault[SOURCE_SIZE + 64];
    char where[SOURCE_SIZE] = "the endpoints' URL";

    if (setup->passes[earlier] == setup->pass) {
        ll_source_print(&setup->sources[earlier], where, sizeof(where));
    }
    (void)snprintf(fault, sizeof(fault),
                   "is set, and so is %s: one of them has to go", where);
    return ll_setup_fail(reterr, source, id, fault);
}

static int put(struct ll_setup *setup,
               enum ll_setting_id id,
               const struct ll_value_of *value,
               const struct ll_source *source,
               struct leaselock_error *reterr)
{
    bool both = false;

    if (is_settled(setup, id, &both)) {
        /* etcdctl prefers DNS to endpoints, and its defaults are ambient. */
        return both && source->origin != LL_FROM_ETCDCTL
                   ? fail_both(reterr, setup, source, id)
                   : 0;
    }
    if (!ll_setting_is_number(&ll_settings[id]) && value->text != NULL) {
        setup->texts[id] = ll_alloc_copy(value->text, strlen(value->text));
        if (setup->texts[id] == NULL) {
            return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
        }
    }
    setup->numbers[id] = value->number;
    setup->sources[id] = *source;
    setup->passes[id] = setup->pass;
    return 0;
}

/** Sets a user's name, and the password if one follows a colon. */
static int put_user(struct ll_setup *setup,
                    const struct ll_value_of *value,
                    const struct ll_source *source,
                    struct leaselock_error *reterr)
{
    const char *text = value->text;
    size_t size = strcspn(text, ":");
    struct ll_value_of part = {NULL, 0};
    const char *known = setup->texts[LL_SETTING_USER];
    char *name = NULL;
    int status;

    if (known != NULL &&
        (strncmp(known, text, size) != 0 || known[size] != '\0')) {
        setup->is_other_user = true;
        return 0;
    }
    name = ll_alloc_copy(text, size);
    if (name == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    part.text = name;
    status = put(setup, LL_SETTING_USER, &part, source, reterr);
    ll_free(name);
    if (status != 0 || text[size] == '\0' || text[size + 1] == '\0') {
        return status;
    }
    part.text = text + size + 1;
    return put(setup, LL_SETTING_PASSWORD, &part, source, reterr);
}

/** Whether an endpoint contains a user; passwords do not belong in a list of
 *  endpoints, which errors show. */
static bool has_user(const char *endpoints)
{
    const char *at = endpoints;

    while (at != NULL) {
        size_t size;

        at += strspn(at, " \t\r\n");
        size = strcspn(at, ",");
        if (strncasecmp(at, "unix:", 5) != 0 &&
            strncasecmp(at, "unixs:", 6) != 0 &&
            memchr(at, '@', size) != NULL) {
            return true;
        }
        at = at[size] == ',' ? at + size + 1 : NULL;
    }
    return false;
}

static int put_endpoints(struct ll_setup *setup,
                         const struct ll_value_of *value,
                         const struct ll_source *source,
                         struct leaselock_error *reterr)
{
    bool both = false;

    if (!ll_url_is(value->text)) {
        if (has_user(value->text)) {
            return ll_setup_fail(
                reterr, source, LL_SETTING_ENDPOINTS,
                "has an endpoint with a user before an '@'; users go into a "
                "URL, etcd://user:password@host:port, or into a setting");
        }
        return put(setup, LL_SETTING_ENDPOINTS, value, source, reterr);
    }
    if (is_settled(setup, LL_SETTING_ENDPOINTS, &both)) {
        struct ll_url url = {0};
        int status =
            both ? fail_both(reterr, setup, source, LL_SETTING_ENDPOINTS)
                 : ll_url_parse(value->text, &url, reterr);

        ll_url_free(&url);
        return status;
    }
    setup->url = ll_alloc_copy(value->text, strlen(value->text));
    return setup->url != NULL ? 0
                              : ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
}

static int put_value(struct ll_setup *setup,
                     enum ll_setting_id id,
                     const struct ll_value_of *value,
                     const struct ll_source *source,
                     struct leaselock_error *reterr)
{
    if (id == LL_SETTING_ENDPOINTS) {
        return put_endpoints(setup, value, source, reterr);
    }
    if (id == LL_SETTING_USER) {
        return put_user(setup, value, source, reterr);
    }
    if ((id == LL_SETTING_PASSWORD || id == LL_SETTING_PASSWORD_FILE) &&
        setup->is_other_user) {
        return 0;
    }
    return put(setup, id, value, source, reterr);
}

/** Begins the next source. */
static void begin(struct ll_setup *setup)
{
    setup->pass++;
    setup->is_other_user = false;
}

static int take_texts(struct ll_setup *setup,
                      const struct ll_texts *texts,
                      struct leaselock_error *reterr)
{
    for (int i = 0; i < LL_SETTINGS; i++) {
        enum ll_setting_id id = (enum ll_setting_id)i;
        struct ll_value_of value = {texts->texts[i], 0};
        int status;

        if (value.text == NULL) {
            continue;
        }
        if (ll_setting_read(&ll_settings[i], value.text, &value) != 0) {
            return fail_value(reterr, &texts->sources[i], id, &value);
        }
        status = put_value(setup, id, &value, &texts->sources[i], reterr);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/** Takes the settings of the URL that the previous source had as endpoints. */
static int take_url(struct ll_setup *setup, struct leaselock_error *reterr)
{
    struct ll_url url = {0};
    char *text = setup->url;
    int status;

    if (text == NULL) {
        return 0;
    }
    setup->url = NULL;
    status = ll_url_parse(text, &url, reterr);
    if (status == 0) {
        begin(setup);
        status = take_texts(setup, &url.texts, reterr);
    }
    ll_url_free(&url);
    ll_free_secret(text);
    return status;
}

int ll_setup_take(struct ll_setup *setup,
                  const struct ll_texts *texts,
                  struct leaselock_error *reterr)
{
    int status;

    begin(setup);
    status = take_texts(setup, texts, reterr);
    return status == 0 ? take_url(setup, reterr) : status;
}

/** Reads a member of the options; false: it is not set. */
static bool member_value(const struct leaselock_client_options *options,
                         const struct ll_setting *setting,
                         struct ll_value_of *ret_value)
{
    const char *member = (const char *)options + setting->member_at;

    *ret_value = (struct ll_value_of){NULL, 0};
    if (!ll_setting_is_number(setting)) {
        memcpy(&ret_value->text, member, sizeof(ret_value->text));
        return ret_value->text != NULL && ret_value->text[0] != '\0';
    }
    memcpy(&ret_value->number, member, sizeof(ret_value->number));
    if (setting->kind == LL_KIND_SWITCH) {
        ret_value->number = ret_value->number != 0;
    }
    return ret_value->number != 0;
}

static int take_member(struct ll_setup *setup,
                       enum ll_setting_id id,
                       struct ll_value_of value,
                       struct leaselock_error *reterr)
{
    const struct ll_setting *setting = &ll_settings[id];
    struct ll_source source = {LL_FROM_OPTIONS, setting->about.member, 0};

    if (setting->off && value.number == -1) {
        value.number = 0;
    } else if (ll_setting_check(setting, &value) != 0 ||
               (setting->off && value.number == 0)) {
        return fail_value(reterr, &source, id, &value);
    }
    return put_value(setup, id, &value, &source, reterr);
}

int ll_setup_take_options(struct ll_setup *setup,
                          const char *endpoints,
                          const struct leaselock_client_options *options,
                          struct leaselock_error *reterr)
{
    static const struct ll_source argument = {LL_FROM_OPTIONS, "endpoints", 0};
    struct ll_value_of value = {endpoints, 0};
    int status = 0;

    begin(setup);
    if (endpoints != NULL) {
        if (ll_setting_check(&ll_settings[LL_SETTING_ENDPOINTS], &value) != 0) {
            return fail_value(reterr, &argument, LL_SETTING_ENDPOINTS, &value);
        }
        status =
            put_value(setup, LL_SETTING_ENDPOINTS, &value, &argument, reterr);
    }
    for (int i = LL_SETTING_ENDPOINTS + 1; status == 0 && i < LL_SETTINGS;
         i++) {
        if (member_value(options, &ll_settings[i], &value)) {
            status = take_member(setup, (enum ll_setting_id)i, value, reterr);
        }
    }
    return status == 0 ? take_url(setup, reterr) : status;
}
