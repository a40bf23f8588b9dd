/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/secret.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"

struct secret {
    size_t size;
    char bytes[];
};

/** A secret is written on one thread and wiped on another. Only gRPC's
 *  reference count orders the two, on which this code must not rely
 *  (threading.md, 7). */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void secret_wipe(void *arg)
{
    struct secret *secret = arg;

    (void)pthread_mutex_lock(&mutex);
    explicit_bzero(secret->bytes, secret->size);
    (void)pthread_mutex_unlock(&mutex);
    ll_free(secret);
}

bool ll_secret_slice(const void *data, size_t size, grpc_slice *ret_slice)
{
    struct secret *secret = ll_alloc(sizeof(*secret) + size);

    if (secret == NULL) {
        return false;
    }
    (void)pthread_mutex_lock(&mutex);
    secret->size = size;
    if (size > 0) {
        memcpy(secret->bytes, data, size);
    }
    (void)pthread_mutex_unlock(&mutex);
    *ret_slice =
        grpc_slice_new_with_user_data(secret->bytes, size, secret_wipe, secret);
    return true;
}
