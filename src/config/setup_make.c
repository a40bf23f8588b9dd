/* SPDX-License-Identifier: Apache-2.0 */
/** The end of a setup: defaults, and settings that depend on each other. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "config/discovery.h"
#include "config/setup.h"

#define SERVER_NAME_SIZE_MAX 253

static bool is_set(const struct ll_setup *setup, enum ll_setting_id id)
{
    return setup->passes[id] != 0;
}

static int refuse(struct leaselock_error *reterr,
                  const struct ll_setup *setup,
                  enum ll_setting_id id,
                  const char *fault)
{
    return ll_setup_fail(reterr, &setup->sources[id], id, fault);
}

/** Resets a setting. */
static void unset(struct ll_setup *setup, enum ll_setting_id id)
{
    ll_free_secret(setup->texts[id]);
    setup->texts[id] = NULL;
    setup->passes[id] = 0;
    setup->sources[id] = (struct ll_source){0};
}

static int check_credentials(struct ll_setup *setup,
                             bool needs_password,
                             struct leaselock_error *reterr)
{
    enum ll_setting_id password = is_set(setup, LL_SETTING_PASSWORD)
                                      ? LL_SETTING_PASSWORD
                                      : LL_SETTING_PASSWORD_FILE;
    bool has_user = is_set(setup, LL_SETTING_USER);

    if (has_user == is_set(setup, password) || (has_user && !needs_password)) {
        return 0;
    }
    if (!has_user && setup->sources[password].origin == LL_FROM_ETCDCTL) {
        unset(setup, password); /* etcdctl ignores it, too */
        return 0;
    }
    return has_user ? refuse(reterr, setup, LL_SETTING_USER,
                             "is set without a password; set one of password "
                             "and password-file too")
                    : refuse(reterr, setup, password,
                             "is set without a user; set user too");
}

static int check_certificate(const struct ll_setup *setup,
                             struct leaselock_error *reterr)
{
    bool has_cert = is_set(setup, LL_SETTING_CERT);

    if (has_cert == is_set(setup, LL_SETTING_KEY)) {
        return 0;
    }
    return has_cert ? refuse(reterr, setup, LL_SETTING_CERT,
                             "is set without a key; set key too")
                    : refuse(reterr, setup, LL_SETTING_KEY,
                             "is set without a certificate; set cert too");
}

const char *ll_namespace_fault(const char *namespace)
{
    if (strlen(namespace) > LL_NAMESPACE_MAX) {
        return "a namespace is at most 256 bytes long";
    }
    for (const char *at = namespace; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;

        if (byte < 0x20 || byte == 0x7f) {
            return "a namespace must not hold control characters";
        }
    }
    return NULL;
}

static int check_namespace(const struct ll_setup *setup,
                           struct leaselock_error *reterr)
{
    const char *namespace = setup->texts[LL_SETTING_NAMESPACE];
    const char *fault =
        namespace != NULL ? ll_namespace_fault(namespace) : NULL;
    char text[160];

    if (fault == NULL) {
        return 0;
    }
    (void)snprintf(text, sizeof(text), "is not valid: %.120s", fault);
    return refuse(reterr, setup, LL_SETTING_NAMESPACE, text);
}

/** Checks a name of a host or domain, as far as is necessary here. */
static int check_name(const struct ll_setup *setup,
                      enum ll_setting_id id,
                      struct leaselock_error *reterr)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:";
    const char *name = setup->texts[id];

    if (name == NULL || (strlen(name) <= SERVER_NAME_SIZE_MAX &&
                         name[strspn(name, allowed)] == '\0')) {
        return 0;
    }
    return refuse(reterr, setup, id,
                  "is no name of the DNS, or longer than 253 bytes");
}

static int check_dns(const struct ll_setup *setup,
                     struct leaselock_error *reterr)
{
    const char *text = setup->texts[LL_SETTING_DISCOVERY_DNS];
    char server[LL_DISCOVERY_SERVER_SIZE];

    return text == NULL || ll_discovery_server(text, server)
               ? 0
               : refuse(reterr, setup, LL_SETTING_DISCOVERY_DNS,
                        "is no address of a server, such as 10.0.0.1:53 or "
                        "[::1]:53; a name is none");
}

static int set_endpoints(struct ll_setup *setup, struct leaselock_error *reterr)
{
    const char *initial = ll_settings[LL_SETTING_ENDPOINTS].about.initial;

    if (is_set(setup, LL_SETTING_ENDPOINTS) ||
        is_set(setup, LL_SETTING_DISCOVERY_SRV)) {
        return 0;
    }
    setup->texts[LL_SETTING_ENDPOINTS] =
        ll_alloc_copy(initial, strlen(initial));
    return setup->texts[LL_SETTING_ENDPOINTS] != NULL
               ? 0
               : ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
}

int ll_setup_finish(struct ll_setup *setup,
                    bool needs_password,
                    struct leaselock_error *reterr)
{
    static const enum ll_setting_id names[] = {LL_SETTING_SERVER_NAME,
                                               LL_SETTING_DISCOVERY_SRV,
                                               LL_SETTING_DISCOVERY_SRV_NAME};
    int status = check_credentials(setup, needs_password, reterr);

    if (status == 0) {
        status = check_certificate(setup, reterr);
    }
    if (status == 0) {
        status = check_namespace(setup, reterr);
    }
    for (size_t i = 0; status == 0 && i < sizeof(names) / sizeof(names[0]);
         i++) {
        status = check_name(setup, names[i], reterr);
    }
    if (status == 0) {
        status = check_dns(setup, reterr);
    }
    for (int i = 0; i < LL_SETTINGS; i++) {
        if (!is_set(setup, (enum ll_setting_id)i)) {
            setup->numbers[i] = ll_settings[i].initial;
        }
    }
    return status == 0 ? set_endpoints(setup, reterr) : status;
}

int ll_setup_make(struct ll_setup *setup,
                  const char *endpoints,
                  const struct leaselock_client_options *options,
                  bool from_env,
                  bool needs_password,
                  struct leaselock_error *reterr)
{
    int status = ll_setup_take_options(setup, endpoints, options, reterr);

    if (status == 0 && from_env) {
        status = ll_setup_take_environment(setup, reterr);
    }
    if (status == 0) {
        status = ll_setup_take_file(setup, from_env, reterr);
    }
    return status == 0 ? ll_setup_finish(setup, needs_password, reterr)
                       : status;
}

void ll_setup_options(const struct ll_setup *setup,
                      struct leaselock_client_options *options)
{
    for (int i = LL_SETTING_ENDPOINTS + 1; i < LL_SETTINGS; i++) {
        const struct ll_setting *setting = &ll_settings[i];
        char *member = (char *)options + setting->member_at;

        if (ll_setting_is_number(setting)) {
            memcpy(member, &setup->numbers[i], sizeof(setup->numbers[i]));
        } else {
            memcpy(member, &setup->texts[i], sizeof(setup->texts[i]));
        }
    }
}

int leaselock_client_options_set(struct leaselock_client_options *options,
                                 const char *name,
                                 const char *text,
                                 struct leaselock_error *reterr)
{
    const struct ll_setting *setting;
    struct ll_value_of value;
    char *member;
    char fault[LEASELOCK_ERROR_MESSAGE_SIZE];
    char wanted[LL_SETTING_WANTED_SIZE];
    char hint[LL_NEAR_HINT_SIZE];
    int id;

    if (options == NULL || name == NULL || text == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    id = ll_setting_find(name, strlen(name));
    if (id < 0 || id == LL_SETTING_ENDPOINTS) {
        (void)snprintf(fault, sizeof(fault),
                       "\"%.60s\" is no setting that options have%s", name,
                       ll_setting_hint(name, strlen(name), 0, hint));
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, fault);
    }
    setting = &ll_settings[id];
    if (ll_setting_read(setting, text, &value) != 0) {
        bool shown =
            setting->kind != LL_KIND_SECRET && setting->kind != LL_KIND_USER;

        ll_setting_wanted(setting, 1, wanted);
        (void)snprintf(fault, sizeof(fault), "%s is %s%.60s%s%s", name,
                       shown ? "\"" : "", shown ? text : "",
                       shown ? "\", which is not " : "not ", wanted);
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, fault);
    }
    if (value.number == 0 && setting->off) {
        value.number = -1;
    }
    if (options->struct_size <
        setting->member_at + (ll_setting_is_number(setting)
                                  ? sizeof(value.number)
                                  : sizeof(value.text))) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "start the options with "
                             "LEASELOCK_CLIENT_OPTIONS_INIT");
    }
    member = (char *)options + setting->member_at;
    if (ll_setting_is_number(setting)) {
        memcpy(member, &value.number, sizeof(value.number));
    } else {
        memcpy(member, &value.text, sizeof(value.text));
    }
    return 0;
}

/** Reports one setting to the callback. */
static void tell(const struct ll_setup *setup,
                 enum ll_setting_id id,
                 leaselock_settings_fn *fn,
                 void *arg)
{
    const struct ll_setting *setting = &ll_settings[id];
    const char *value = setup->texts[id];
    char source[320];
    char number[24];

    ll_source_print(&setup->sources[id], source, sizeof(source));
    if (ll_setting_is_number(setting)) {
        ll_setting_print(setting, setup->numbers[id], number, sizeof(number));
        value = number;
    } else if (setting->kind == LL_KIND_SECRET && value != NULL) {
        value = "(hidden)";
    }
    fn(&setting->about, value, source, arg);
}

int leaselock_settings_resolve(const char *endpoints,
                               const struct leaselock_client_options *user,
                               leaselock_settings_fn *fn,
                               void *arg,
                               struct leaselock_error *reterr)
{
    struct leaselock_client_options options;
    struct ll_setup setup = {0};
    int status;

    if (fn == NULL || ll_options_copy(&options, sizeof(options), user) != 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    status = ll_setup_make(&setup, endpoints, &options, true, false, reterr);
    for (int i = 0; status == 0 && i < LL_SETTINGS; i++) {
        tell(&setup, (enum ll_setting_id)i, fn, arg);
    }
    ll_setup_free(&setup);
    return status;
}
