/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/error.h"
#include "config/setup.h"

/** An empty variable counts as not set. A program that runs with more
 *  privileges than its caller ignores the caller's environment. */
static const char *variable(const char *name)
{
    const char *text = secure_getenv(name);

    return text != NULL && text[0] != '\0' ? text : NULL;
}

/** Parses a flag as Go does. @return 1, 0, or -1 for neither */
static int read_flag(const char *text)
{
    static const char *const words[][2] = {
        {"1", "0"},        {"t", "f"},        {"T", "F"},
        {"true", "false"}, {"TRUE", "FALSE"}, {"True", "False"}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i][0]) == 0) {
            return 1;
        }
        if (strcmp(text, words[i][1]) == 0) {
            return 0;
        }
    }
    return -1;
}

/** Reads one of etcdctl's flags, if it is set. */
static int
take_flag(const char *name, int *ret_flag, struct leaselock_error *reterr)
{
    const struct ll_source source = {LL_FROM_ETCDCTL, name, 0};
    const char *text = variable(name);

    if (text == NULL) {
        return 0;
    }
    *ret_flag = read_flag(text);
    return *ret_flag >= 0 ? 0
                          : ll_setup_fail(reterr, &source, LL_SETTING_TLS,
                                          "is neither true nor false");
}

/**
 * etcdctl's variables state which TLS checks to omit. This library has no TLS
 * without verification, so it refuses a request to skip it: to verify anyway,
 * or to ignore the variable, would not be what the user requested.
 */
static int take_tls(const struct ll_setup *setup,
                    struct ll_texts *texts,
                    struct leaselock_error *reterr)
{
    static const char skip[] = "ETCDCTL_INSECURE_SKIP_TLS_VERIFY";
    static const char *const wanted[] = {"ETCDCTL_INSECURE_TRANSPORT",
                                         "ETCDCTL_INSECURE_DISCOVERY"};
    const struct ll_source source = {LL_FROM_ETCDCTL, skip, 0};
    int flag = 0;
    int status;

    if (setup->passes[LL_SETTING_TLS] != 0) {
        return 0;
    }
    status = take_flag(skip, &flag, reterr);
    if (status != 0) {
        return status;
    }
    if (flag == 1) {
        return ll_setup_fail(reterr, &source, LL_SETTING_TLS,
                             "is set, but certificates are always verified "
                             "here; name their authority with cacert, and "
                             "unset the variable or set LEASELOCK_TLS=1");
    }
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        flag = 1;
        status = take_flag(wanted[i], &flag, reterr);
        if (status != 0) {
            return status;
        }
        if (flag == 0) {
            texts->texts[LL_SETTING_TLS] = "1";
            texts->sources[LL_SETTING_TLS] =
                (struct ll_source){LL_FROM_ETCDCTL, wanted[i], 0};
        }
    }
    return 0;
}

/** Raises etcdctl's interval, by default 2 s, to one that etcd tolerates. */
static void take_keepalive_time(struct ll_texts *texts)
{
    const struct ll_setting *setting = &ll_settings[LL_SETTING_KEEPALIVE_TIME];
    const char *text = texts->texts[LL_SETTING_KEEPALIVE_TIME];
    int ms = 0;

    if (text != NULL && leaselock_duration_parse(text, &ms) == 0 &&
        ms < setting->min) {
        texts->texts[LL_SETTING_KEEPALIVE_TIME] = "5s";
    }
}

static int take_etcdctl(struct ll_setup *setup, struct leaselock_error *reterr)
{
    struct ll_texts texts = {{NULL}, {{0}}};
    int status;

    for (int i = 0; i < LL_SETTINGS; i++) {
        const char *name = ll_settings[i].about.etcdctl_variable;

        /* LEASELOCK_'s variables override these, without a check. */
        if (name != NULL && i != LL_SETTING_TLS && setup->passes[i] == 0) {
            texts.texts[i] = variable(name);
            texts.sources[i] = (struct ll_source){LL_FROM_ETCDCTL, name, 0};
        }
    }
    if (texts.texts[LL_SETTING_DISCOVERY_SRV] != NULL) {
        texts.texts[LL_SETTING_ENDPOINTS] = NULL; /* as in etcdctl */
    }
    take_keepalive_time(&texts);
    status = take_tls(setup, &texts, reterr);
    return status == 0 ? ll_setup_take(setup, &texts, reterr) : status;
}

int ll_setup_take_environment(struct ll_setup *setup,
                              struct leaselock_error *reterr)
{
    struct ll_texts texts = {{NULL}, {{0}}};
    int status;

    for (int i = 0; i < LL_SETTINGS; i++) {
        const char *name = ll_settings[i].about.variable;

        texts.texts[i] = variable(name);
        texts.sources[i] = (struct ll_source){LL_FROM_VARIABLE, name, 0};
    }
    status = ll_setup_take(setup, &texts, reterr);
    return status == 0 ? take_etcdctl(setup, reterr) : status;
}
