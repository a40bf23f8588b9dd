/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CONFIG_SETUP_H
#define LL_CONFIG_SETUP_H

#include <stdbool.h>

#include "config/settings.h"

/**
 * The settings that a client is opened with, collected from their sources.
 *
 * Sources are taken one after the other, in descending order of precedence; the
 * first value of a setting is kept. A URL among the endpoints is a source of
 * its own, directly after the one that contains it. Two pairs of settings
 * exclude each other: endpoints and discovery-srv, and password and
 * password-file; a source's values are ignored if an earlier source has set
 * either. A password is also ignored if its source names another user than the
 * one in effect.
 *
 * Passwords are kept in separate memory, which is wiped.
 */
struct ll_setup;

enum ll_origin {
    LL_FROM_DEFAULT,
    LL_FROM_OPTIONS,
    LL_FROM_URL,
    LL_FROM_VARIABLE,
    LL_FROM_ETCDCTL,
    LL_FROM_FILE,
};

/** The origin of a value. */
struct ll_source {
    enum ll_origin origin;
    /** The variable or file; borrowed as long as the setup exists. */
    const char *name;
    unsigned line; /* of the file */
};

struct ll_setup {
    char *texts[LL_SETTINGS]; /* owned; NULL: none */
    int numbers[LL_SETTINGS];
    struct ll_source sources[LL_SETTINGS];
    unsigned passes[LL_SETTINGS]; /* the number of its source, from 1 */
    unsigned pass;
    bool is_other_user; /* the current source names another user */
    char *url;          /* of the current source, to be taken next */
    char *file;         /* the config file's path, for its sources */
};

/** The texts of a source; NULL: not set. */
struct ll_texts {
    const char *texts[LL_SETTINGS];
    struct ll_source sources[LL_SETTINGS];
};

/** Takes a source's texts. Texts that are ignored are checked, too.
 *  @return 0, LEASELOCK_E_ARGUMENT, _NOMEM */
int ll_setup_take(struct ll_setup *setup,
                  const struct ll_texts *texts,
                  struct leaselock_error *reterr);

/** Takes the user's own options and endpoints (or NULL); to be called first.
 *  @return as ll_setup_take */
int ll_setup_take_options(struct ll_setup *setup,
                          const char *endpoints,
                          const struct leaselock_client_options *options,
                          struct leaselock_error *reterr);

/** Takes LEASELOCK_'s variables, then etcdctl's. Returns as ll_setup_take. */
int ll_setup_take_environment(struct ll_setup *setup,
                              struct leaselock_error *reterr);

/**
 * Takes the config file that is set, if any.
 *
 * @param looks  if none is set, search the standard places
 * @return as ll_setup_take
 */
int ll_setup_take_file(struct ll_setup *setup,
                       bool looks,
                       struct leaselock_error *reterr);

/**
 * Sets the defaults, and checks settings that depend on each other.
 *
 * @param needs_password  a user without one is an error
 * @return 0 or LEASELOCK_E_ARGUMENT, _NOMEM
 */
int ll_setup_finish(struct ll_setup *setup,
                    bool needs_password,
                    struct leaselock_error *reterr);

/** All of these steps: options, environment (optional), file, defaults. */
int ll_setup_make(struct ll_setup *setup,
                  const char *endpoints,
                  const struct leaselock_client_options *options,
                  bool from_env,
                  bool needs_password,
                  struct leaselock_error *reterr);

/** Bytes of the longest namespace. */
#define LL_NAMESPACE_MAX 256

/** A sentence on what is wrong with a namespace (more than LL_NAMESPACE_MAX
 *  bytes, or control bytes), or NULL when it is valid. */
const char *ll_namespace_fault(const char *namespace);

/** Writes the settings into options, which borrow their texts. */
void ll_setup_options(const struct ll_setup *setup,
                      struct leaselock_client_options *options);

/** Frees what a setup owns. An empty setup is all zero. */
void ll_setup_free(struct ll_setup *setup);

/** Describes the origin of a value: "the variable LEASELOCK_CACERT". */
void ll_source_print(const struct ll_source *source, char *text, size_t size);

/** Wipes and frees a text; NULL does nothing. */
void ll_free_secret(char *text);

/**
 * Fails with a sentence on a setting's value.
 *
 * @param fault   as in "the variable LEASELOCK_X <fault>"
 * @return LEASELOCK_E_ARGUMENT
 */
int ll_setup_fail(struct leaselock_error *reterr,
                  const struct ll_source *source,
                  enum ll_setting_id id,
                  const char *fault);

#endif
