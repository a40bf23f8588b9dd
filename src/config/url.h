/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CONFIG_URL_H
#define LL_CONFIG_URL_H

#include <stdbool.h>

#include "config/setup.h"

/**
 * "etcd://user:password@host:port,host:port/namespace?cacert=file&tls=1", or
 * "etcds://" for TLS. Special characters are written as %xx.
 */
struct ll_url {
    char *buffer; /* contains the texts */
    size_t size;
    struct ll_texts texts;
};

/** Whether a list of endpoints is such a URL. */
bool ll_url_is(const char *text);

/**
 * Parses a URL.
 *
 * @param ret_url  freed with ll_url_free, after a failure, too
 * @param reterr   contains no text that could be a part of a password
 * @return 0, LEASELOCK_E_ARGUMENT, _NOMEM
 */
int ll_url_parse(const char *text,
                 struct ll_url *ret_url,
                 struct leaselock_error *reterr);

void ll_url_free(struct ll_url *url);

#endif
