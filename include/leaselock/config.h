/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_CONFIG_H
#define LEASELOCK_CONFIG_H

#include "leaselock/client.h"
#include "leaselock/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The settings of a client: how it connects. Each has one name in a URL, in the
 * config file and on the tool's command line. leaselock-settings(5) lists them
 * and the places that they come from.
 */

/** The name and meaning of one setting. Later releases may add members at the
 *  end. */
struct leaselock_setting {
    /** As in a URL, in the config file and as the tool's option: "cacert". */
    const char *name;
    /** The member of struct leaselock_client_options; NULL for the endpoints,
     *  which are an argument of their own. */
    const char *member;
    /** The environment's variable: "LEASELOCK_CACERT". */
    const char *variable;
    /** etcdctl's variable, used if ours is not set; NULL: none. */
    const char *etcdctl_variable;
    /** The kind of its value, for a help text: "FILE"; NULL for a switch. */
    const char *argument;
    /** Its default; NULL: none. */
    const char *initial;
    /** A line of help. */
    const char *help;
    /** Further sentences; NULL: none. */
    const char *more;
};

/**
 * The settings, one after the other.
 *
 * @param index  from 0
 * @return a static struct, or NULL when there are no more
 * @thread any
 * @since 0.1
 */
const struct leaselock_setting *leaselock_setting_at(unsigned index);

/**
 * Sets a member of options by a setting's name and a text, as a program's own
 * command line or config file has them.
 *
 * @param options  started with LEASELOCK_CLIENT_OPTIONS_INIT
 * @param name     a setting's name, except "endpoints"
 * @param text     its value: times are "2s", "500ms" or seconds, sizes may end
 *                 in K, M or G, a switch is "1" or "0"; a text is
 *                 not copied and must stay valid as long as options is used
 * @return 0 or LEASELOCK_E_ARGUMENT
 * @thread any
 * @since 0.1
 */
int leaselock_client_options_set(struct leaselock_client_options *options,
                                 const char *name,
                                 const char *text,
                                 struct leaselock_error *reterr);

/**
 * Called for each setting by leaselock_settings_resolve.
 *
 * @param value   as a text; NULL where it is not set and has no default; a
 *                password is "(hidden)"; valid until the function returns
 * @param source  where it comes from, such as "the variable LEASELOCK_CACERT";
 *                "" for a default; valid until the function returns
 */
typedef void leaselock_settings_fn(const struct leaselock_setting *setting,
                                   const char *value,
                                   const char *source,
                                   void *arg);

/**
 * Reports the settings with which leaselock_client_open_from_env would open a
 * client. It sends no request, and resolves no name. A user without a password
 * is no error yet: a program can detect it here, and prompt for one.
 *
 * @param endpoints  as there
 * @param options    as there
 * @param fn         called for each setting, in the order of
 *                   leaselock_setting_at, before this function returns
 * @return 0, LEASELOCK_E_ARGUMENT, _NOMEM
 * @thread any
 * @since 0.1
 */
int leaselock_settings_resolve(const char *endpoints,
                               const struct leaselock_client_options *options,
                               leaselock_settings_fn *fn,
                               void *arg,
                               struct leaselock_error *reterr);

/**
 * Parses a duration: "2s", "1m30s", "500ms", "1.5" (seconds);
 * the units are those of Go: h, m, s, ms, us and ns. It is rounded up, so that
 * only zero is 0.
 *
 * @param ret_ms  milliseconds, 0 to 2000000000
 * @return 0 or LEASELOCK_E_ARGUMENT
 * @thread any
 * @since 0.1
 */
int leaselock_duration_parse(const char *text, int *ret_ms);

#ifdef __cplusplus
}
#endif

#endif
