/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CONFIG_SETUP_H
#define LL_CONFIG_SETUP_H

#include <stdbool.h>

#include "config/settings.h"

/**
 * What a client is opened with, gathered from its sources.
 *
 * Sources are taken one after the other, the one that counts most first; a
 * setting that has a value keeps it. A URL among the endpoints is a source of
 * its own, right behind the one that it stands in. Two kinds of settings go
 * together: endpoints and discovery-srv, and password and password-file; a
 * source's are left alone where an earlier one has either. A password is left
 * alone too where its source names another user than the one that counts.
 *
 * Passwords stand in memory of their own, which is wiped.
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

/** Where a value is from. */
struct ll_source {
    enum ll_origin origin;
    /** The variable or file; borrowed as long as the setup lives. */
    const char *name;
    unsigned line; /* of the file */
};

struct ll_setup {
    char *texts[LL_SETTINGS]; /* own; NULL: none */
    int numbers[LL_SETTINGS];
    struct ll_source sources[LL_SETTINGS];
    unsigned passes[LL_SETTINGS]; /* which source it is from, from 1 */
    unsigned pass;
    bool is_other_user; /* the present source's user is not the one that counts
                         */
    char *url;          /* of the present source's, to be taken next */
    char *file;         /* the config file's path, for its sources */
};

/** The texts of a source, each NULL when there is none. */
struct ll_texts {
    const char *texts[LL_SETTINGS];
    struct ll_source sources[LL_SETTINGS];
};

/** Takes a source's texts. A text that is not taken is checked all the same.
 *  @return 0, LEASELOCK_E_ARGUMENT, _NOMEM */
int ll_setup_take(struct ll_setup *setup,
                  const struct ll_texts *texts,
                  struct leaselock_error *reterr);

/** Takes the user's own options and endpoints (or NULL); to come first.
 *  @return as ll_setup_take */
int ll_setup_take_options(struct ll_setup *setup,
                          const char *endpoints,
                          const struct leaselock_client_options *options,
                          struct leaselock_error *reterr);

/** Takes LEASELOCK_'s variables, then etcdctl's. Returns as ll_setup_take. */
int ll_setup_take_environment(struct ll_setup *setup,
                              struct leaselock_error *reterr);

/**
 * Takes the config file that is set, if one is.
 *
 * @param looks  when none is set, look in the usual places
 * @return as ll_setup_take
 */
int ll_setup_take_file(struct ll_setup *setup,
                       bool looks,
                       struct leaselock_error *reterr);

/**
 * Fills in the defaults, and checks what belongs together.
 *
 * @param needs_password  a user without one is an error
 * @return 0 or LEASELOCK_E_ARGUMENT, _NOMEM
 */
int ll_setup_finish(struct ll_setup *setup,
                    bool needs_password,
                    struct leaselock_error *reterr);

/** All of that: from the options, from the environment if so, from a file. */
int ll_setup_make(struct ll_setup *setup,
                  const char *endpoints,
                  const struct leaselock_client_options *options,
                  bool from_env,
                  bool needs_password,
                  struct leaselock_error *reterr);

/** Bytes of the longest namespace. */
#define LL_NAMESPACE_MAX 256

/** Says what is wrong with a namespace: at most LL_NAMESPACE_MAX bytes, no
 *  control bytes. Returns NULL when it is valid. */
const char *ll_namespace_fault(const char *namespace);

/** Writes the settings into options; their texts are the setup's. */
void ll_setup_options(const struct ll_setup *setup,
                      struct leaselock_client_options *options);

/** Frees what a setup holds. One that is all zero is empty. */
void ll_setup_free(struct ll_setup *setup);

/** Describes where a value is from: "the variable LEASELOCK_CACERT". */
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
