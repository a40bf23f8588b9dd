/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CONFIG_SETTINGS_H
#define LL_CONFIG_SETTINGS_H

#include <stddef.h>

#include "base/near.h"
#include "leaselock/config.h"

/**
 * The table of settings: their names, kinds and bounds. The environment, URLs,
 * config files, the tool's options and leaselock-settings(5) all use it.
 */
enum ll_setting_id {
    LL_SETTING_ENDPOINTS,
    LL_SETTING_DISCOVERY_SRV,
    LL_SETTING_DISCOVERY_SRV_NAME,
    LL_SETTING_DISCOVERY_DNS,
    LL_SETTING_SYNC_INTERVAL,
    LL_SETTING_FIXED_ENDPOINT,
    LL_SETTING_NAMESPACE,
    LL_SETTING_TLS,
    LL_SETTING_CACERT,
    LL_SETTING_CERT,
    LL_SETTING_KEY,
    LL_SETTING_SERVER_NAME,
    LL_SETTING_USER,
    LL_SETTING_PASSWORD,
    LL_SETTING_PASSWORD_FILE,
    LL_SETTING_DIAL_TIMEOUT,
    LL_SETTING_REQUEST_TIMEOUT,
    LL_SETTING_KEEPALIVE_TIME,
    LL_SETTING_KEEPALIVE_TIMEOUT,
    LL_SETTING_SEND_BYTES_MAX,
    LL_SETTING_RECEIVE_BYTES_MAX,
    LL_SETTING_CONFIG,
    LL_SETTING_GUARDIAN,
    LL_SETTING_GUARDIAN_PATH,
};
#define LL_SETTINGS 24

enum ll_setting_kind {
    LL_KIND_TEXT,
    /** A text that is the path of a file. */
    LL_KIND_FILE,
    /** Texts that are or may contain a password. */
    LL_KIND_SECRET,
    LL_KIND_USER,
    LL_KIND_ENDPOINTS,
    /** Milliseconds. */
    LL_KIND_TIME,
    LL_KIND_BYTES,
    /** 1 or 0. */
    LL_KIND_SWITCH,
};

struct ll_setting {
    struct leaselock_setting about;
    enum ll_setting_kind kind;
    /** Its offset in struct leaselock_client_options. */
    size_t member_at;
    /** Bounds of a number. If `off` is set, 0 is also allowed, and turns the
     *  feature off. */
    int min;
    int max;
    int initial;
    int off;
};

/** A setting's value: a number if its kind is numeric, else a text. */
struct ll_value_of {
    const char *text;
    int number;
};

extern const struct ll_setting ll_settings[LL_SETTINGS];

/** Longest text of a setting, and of a list of endpoints. */
#define LL_SETTING_SIZE_MAX 4096
#define LL_SETTING_ENDPOINTS_SIZE_MAX 16384

/** Bytes for ll_setting_wanted's sentence. */
#define LL_SETTING_WANTED_SIZE 160

/** Finds a setting by its name, which need not end in a NUL; -1: there is no
 *  such setting. */
int ll_setting_find(const char *name, size_t size);

/**
 * Suggests the setting that is nearest to an unknown name.
 *
 * @param in_url  whether only those that a URL may contain are meant
 * @return hint, "" if none is near (ll_near_hint)
 */
const char *ll_setting_hint(const char *name,
                            size_t size,
                            int in_url,
                            char hint[LL_NEAR_HINT_SIZE]);

/** Whether a URL may contain the setting: not if it gives the place of other
 *  settings, or a program to run. */
int ll_setting_is_for_url(int id);

/** Whether its value is a number. */
int ll_setting_is_number(const struct ll_setting *setting);

/**
 * Reads a value from a text, and checks it.
 *
 * @param text       borrowed by the value
 * @param ret_value  set only on success
 * @return 0 or -1
 */
int ll_setting_read(const struct ll_setting *setting,
                    const char *text,
                    struct ll_value_of *ret_value);

/** Checks a value: 0 or -1. */
int ll_setting_check(const struct ll_setting *setting,
                     const struct ll_value_of *value);

/** Describes the valid values of a setting, as in "which is not ...". Times
 *  have units in a text, and are milliseconds as a member of the options. */
void ll_setting_wanted(const struct ll_setting *setting,
                       int in_text,
                       char wanted[LL_SETTING_WANTED_SIZE]);

/** Writes a number in the form that ll_setting_read accepts. */
void ll_setting_print(const struct ll_setting *setting,
                      int number,
                      char *text,
                      size_t size);

#endif
