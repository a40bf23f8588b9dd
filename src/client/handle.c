/* SPDX-License-Identifier: Apache-2.0 */
#include "client/handle.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/core.h"
#include "leaselock/status.h"

static pthread_mutex_t handles_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct ll_table handles;
static uint64_t handles_last;
static pthread_once_t handles_once = PTHREAD_ONCE_INIT;
static int handles_once_status;
static atomic_bool handles_forked;

/* In a child the mutex may stay locked forever, and must not be locked there;
 * so every function tests the flag first. */
static void handles_on_fork(void)
{
    atomic_store(&handles_forked, true);
}

static void handles_init(void)
{
    if (pthread_atfork(NULL, NULL, handles_on_fork) != 0) {
        handles_once_status = LEASELOCK_E_NOMEM;
    }
}

int ll_handle_prepare(void)
{
    if (ll_handle_is_forked()) {
        return LEASELOCK_E_FORKED;
    }
    (void)pthread_once(&handles_once, handles_init);
    return handles_once_status;
}

bool ll_handle_is_forked(void)
{
    return atomic_load(&handles_forked);
}

/** Gives an object the next id, and reserves the ids that follow it. */
static int handle_add(struct ll_handle *handle, uint64_t reserved)
{
    uint64_t last = handles_last + 1 + reserved;

    if (last >= LL_ID_MAX || last >= UINTPTR_MAX) {
        return LEASELOCK_E_LIMIT;
    }
    handle->entry.id = handles_last + 1;
    if (!ll_table_add(&handles, &handle->entry)) {
        return LEASELOCK_E_NOMEM;
    }
    handles_last = last;
    handle->entered = true;
    return 0;
}

int ll_handle_enter_with(struct ll_handle *handle,
                         enum ll_handle_kind kind,
                         bool open,
                         uint64_t reserved,
                         void (*destroy)(struct ll_handle *handle))
{
    int status;

    handle->kind = kind;
    handle->open = open;
    handle->refs = 1;
    handle->destroy = destroy;
    pthread_mutex_lock(&handles_mutex);
    status = handle_add(handle, reserved);
    pthread_mutex_unlock(&handles_mutex);
    return status;
}

int ll_handle_enter(struct ll_handle *handle,
                    enum ll_handle_kind kind,
                    bool open,
                    void (*destroy)(struct ll_handle *handle))
{
    return ll_handle_enter_with(handle, kind, open, 0, destroy);
}

int ll_handle_renew(struct ll_handle *handle)
{
    int status;

    pthread_mutex_lock(&handles_mutex);
    ll_table_remove(&handles, &handle->entry);
    handle->entered = false;
    status = handle_add(handle, 0);
    pthread_mutex_unlock(&handles_mutex);
    return status;
}

void ll_handle_leave(struct ll_handle *handle)
{
    pthread_mutex_lock(&handles_mutex);
    if (handle->entered) {
        ll_table_remove(&handles, &handle->entry);
        handle->entered = false;
    }
    handle->open = false;
    pthread_mutex_unlock(&handles_mutex);
    ll_handle_put(handle);
}

int ll_handle_get(const void *user,
                  enum ll_handle_kind kind,
                  struct ll_handle **ret_handle)
{
    struct ll_entry *entry;
    struct ll_handle *handle = NULL;

    if (ll_handle_is_forked()) {
        return LEASELOCK_E_FORKED;
    }
    pthread_mutex_lock(&handles_mutex);
    entry = ll_table_find(&handles, (uint64_t)(uintptr_t)user);
    if (entry != NULL) {
        handle = (struct ll_handle *)(void *)entry;
        if (handle->kind == kind && handle->open) {
            handle->refs++;
        } else {
            handle = NULL;
        }
    }
    pthread_mutex_unlock(&handles_mutex);
    if (handle == NULL) {
        return LEASELOCK_E_HANDLE;
    }
    *ret_handle = handle;
    return 0;
}

bool ll_handle_shut(struct ll_handle *handle)
{
    bool was_open;

    pthread_mutex_lock(&handles_mutex);
    was_open = handle->open;
    handle->open = false;
    pthread_mutex_unlock(&handles_mutex);
    return was_open;
}

struct ll_handle *ll_handle_find(uint64_t id)
{
    struct ll_entry *entry;

    pthread_mutex_lock(&handles_mutex);
    entry = ll_table_find(&handles, id);
    pthread_mutex_unlock(&handles_mutex);
    return (struct ll_handle *)(void *)entry;
}

void ll_handle_ref(struct ll_handle *handle)
{
    pthread_mutex_lock(&handles_mutex);
    handle->refs++;
    pthread_mutex_unlock(&handles_mutex);
}

void ll_handle_put(struct ll_handle *handle)
{
    bool last;

    if (handle == NULL) {
        return;
    }
    pthread_mutex_lock(&handles_mutex);
    last = --handle->refs == 0;
    pthread_mutex_unlock(&handles_mutex);
    if (last) {
        handle->destroy(handle);
    }
}
