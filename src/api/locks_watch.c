/* SPDX-License-Identifier: Apache-2.0 */
#include "leaselock/locks_watch.h"

#include <string.h>

#include "api/board.h"
#include "api/hooks.h"
#include "api/scan.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "client/user_call.h"

/** A view of locks; core's follower reports to its board. */
struct ll_locks_watch_object {
    struct ll_handle handle;
    struct ll_link link; /* in client->locks_watches */
    bool end_due;        /* core's last effect is pending */
    enum leaselock_locks_watch_state state;
    struct leaselock_error error; /* of FAILED */
    int64_t revision;
    int64_t contact_ns; /* 0: never */
    uint64_t loads;
    uint64_t changes;
    struct ll_board board;
};

static void watch_destroy(struct ll_handle *handle)
{
    struct ll_locks_watch_object *watch =
        LL_CONTAINER(handle, struct ll_locks_watch_object, handle);

    ll_board_free(&watch->board);
    ll_handle_put(&watch->handle.client->handle);
    ll_free(watch);
}

/** Takes a watch out of the tables once nothing is due for it. */
static void watch_settle(struct ll_locks_watch_object *watch)
{
    if (!watch->handle.open && !watch->end_due &&
        !ll_link_alone(&watch->link)) {
        ll_link_remove(&watch->link);
        ll_handle_leave(&watch->handle);
    }
}

static int watch_apply_page(struct ll_locks_watch_object *watch,
                            const struct ll_effect *effect,
                            int64_t now_ns)
{
    int status = 0;

    if (effect->followed.is_first) {
        ll_board_load_begin(&watch->board);
        watch->loads++;
    }
    for (size_t i = 0; i < effect->followed.kvs_n && status == 0; i++) {
        status = ll_board_put(&watch->board, &effect->followed.kvs[i], now_ns);
    }
    if (effect->followed.is_last && status == 0) {
        status = ll_board_load_end(&watch->board, now_ns);
    }
    return status;
}

static int watch_apply_changes(struct ll_locks_watch_object *watch,
                               const struct ll_effect *effect,
                               int64_t now_ns)
{
    const struct ll_watch_event *events = effect->followed.events;
    size_t n = effect->followed.events_n;
    int status = 0;

    for (size_t i = 0; i < n && status == 0; i++) {
        if (events[i].deleted) {
            ll_board_delete(&watch->board, events[i].kv.key, now_ns);
        } else {
            status = ll_board_put(&watch->board, &events[i].kv, now_ns);
        }
        if (i + 1 == n ||
            events[i + 1].kv.mod_revision != events[i].kv.mod_revision) {
            ll_board_settle(&watch->board, now_ns);
        }
    }
    watch->changes += n;
    return status;
}

/** Applies what core reports; an error if there is no memory. */
static int watch_apply(struct ll_locks_watch_object *watch,
                       const struct ll_effect *effect)
{
    int64_t now_ns = ll_clock_now_ns();
    int status = 0;

    switch (effect->followed.kind) {
    case LL_FOLLOWED_LOADING:
        watch->state = LEASELOCK_LOCKS_WATCH_LOADING;
        break;
    case LL_FOLLOWED_PAGE:
        watch->state = LEASELOCK_LOCKS_WATCH_LOADING;
        watch->contact_ns = now_ns;
        watch->revision = effect->followed.revision;
        status = watch_apply_page(watch, effect, now_ns);
        break;
    case LL_FOLLOWED_CHANGES:
        watch->contact_ns = now_ns;
        watch->revision = effect->followed.revision;
        status = watch_apply_changes(watch, effect, now_ns);
        break;
    case LL_FOLLOWED_CURRENT:
        watch->state = LEASELOCK_LOCKS_WATCH_CURRENT;
        watch->contact_ns = now_ns;
        break;
    case LL_FOLLOWED_LOST:
        watch->state = LEASELOCK_LOCKS_WATCH_LOST;
        break;
    case LL_FOLLOWED_FAILED:
        watch->state = LEASELOCK_LOCKS_WATCH_FAILED;
        (void)ll_client_error(watch->handle.client, &effect->followed.detail,
                              &watch->error);
        break;
    case LL_FOLLOWED_END:
        watch->end_due = false;
        break;
    }
    return status;
}

void ll_locks_watch_effect(struct ll_client *client,
                           const struct ll_effect *effect)
{
    struct ll_handle *handle = ll_handle_find(effect->id);
    struct ll_locks_watch_object *watch;

    if (handle == NULL || handle->kind != LL_HANDLE_LOCKS_WATCH) {
        return;
    }
    watch = LL_CONTAINER(handle, struct ll_locks_watch_object, handle);
    if (watch_apply(watch, effect) != 0) {
        /* A report is missing: core is to begin again. */
        struct ll_event event = {.kind = LL_EVENT_FOLLOW, .id = effect->id};

        (void)ll_client_command(client, &event);
        return;
    }
    watch_settle(watch);
}

/** Makes a watch; with the client's mutex held. */
static int watch_start(struct ll_client *client,
                       const char *prefix,
                       leaselock_locks_watch **ret_watch)
{
    struct ll_locks_watch_object *watch;
    struct ll_event event = {.kind = LL_EVENT_FOLLOW};
    struct ll_bytes namespace = ll_client_namespace(client);
    struct ll_scan_bounds bounds;
    uint64_t seed = 0;
    size_t names_size;
    int status = ll_random(&seed);

    if (status != 0) {
        return status;
    }
    watch = ll_alloc_zero(1, sizeof(*watch));
    if (watch == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    watch->handle.client = client;
    ll_handle_ref(&client->handle);
    ll_link_init(&watch->link);
    names_size = ll_scan_range(namespace, prefix, &bounds, &event.follow.from,
                               &event.follow.end);
    ll_board_init(&watch->board, namespace.size, names_size, seed);
    status = ll_handle_enter(&watch->handle, LL_HANDLE_LOCKS_WATCH, true,
                             watch_destroy);
    if (status != 0) {
        watch_destroy(&watch->handle);
        return status;
    }
    ll_link_append(&client->locks_watches, &watch->link);
    watch->end_due = true;
    *ret_watch = ll_handle_user(&watch->handle);
    event.id = watch->handle.entry.id;
    status = ll_client_command(client, &event);
    if (status != 0) {
        watch->end_due = false;
        (void)ll_handle_shut(&watch->handle);
        watch_settle(watch);
    }
    return status;
}

int leaselock_locks_watch_open(leaselock_client *user,
                               const char *prefix,
                               leaselock_locks_watch **ret_watch,
                               struct leaselock_error *reterr)
{
    const char *names = prefix != NULL ? prefix : "";
    const char *fault = ll_scan_prefix_fault(names);
    leaselock_locks_watch *watch = NULL;
    struct ll_client *client = NULL;
    int status;

    if (fault != NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NAME, fault);
    }
    if (ret_watch == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    status = ll_client_enter(user, &client);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    status = watch_start(client, names, &watch);
    if (status == 0) {
        *ret_watch = watch;
    }
    ll_client_unlock(client);
    ll_handle_put(&client->handle);
    return ll_error_text(reterr, status, "");
}

int leaselock_locks_watch_close(leaselock_locks_watch *user)
{
    struct ll_locks_watch_object *watch;
    struct ll_handle *handle = NULL;
    int status =
        user == NULL ? 0 : ll_user_enter(user, LL_HANDLE_LOCKS_WATCH, &handle);

    if (handle == NULL) {
        return status;
    }
    watch = LL_CONTAINER(handle, struct ll_locks_watch_object, handle);
    if (ll_handle_shut(handle)) {
        struct ll_event event = {.kind = LL_EVENT_FOLLOW_END,
                                 .id = handle->entry.id};

        if (ll_client_command(handle->client, &event) != 0) {
            watch->end_due = false;
        }
        watch_settle(watch);
    } else {
        status = LEASELOCK_E_HANDLE;
    }
    ll_user_exit(handle);
    return status;
}

void ll_locks_watches_abort(struct ll_client *client)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &client->locks_watches) {
        struct ll_locks_watch_object *watch =
            LL_CONTAINER(at, struct ll_locks_watch_object, link);

        watch->end_due = false;
        (void)ll_handle_shut(&watch->handle);
        watch_settle(watch);
    }
}

/** The locks that a reader gets, and the size of their names. */
struct selection {
    size_t limit;
    size_t n;
    size_t size;
    struct leaselock_watched_lock *locks; /* NULL: only counts */
    char *at;                             /* of the next name */
    int64_t now_ns;
};

static void lock_fill(const struct ll_board_dir *dir,
                      int64_t now_ns,
                      struct leaselock_watched_lock *lock)
{
    const struct ll_board_key *first = ll_board_first(dir);

    lock->places_n = dir->places_n > 0 ? dir->keys_n : 0;
    lock->holders_n = dir->places_n > 0 ? dir->holders_n : 0;
    lock->mode = dir->mode;
    lock->permits = dir->permits;
    lock->candidate = dir->candidate;
    lock->held_ms = -1;
    lock->waiting_ms = -1;
    lock->holder_changes = dir->holder_changes;
    if (first != NULL && dir->holder_token == first->token) {
        lock->token = first->token;
        lock->lease = first->lease;
        lock->held_ms = (now_ns - dir->holder_ns) / LL_NS_PER_MS;
        lock->held_exactly = dir->holder_was_seen;
        lock->holder_since_unix_s = first->since_unix_s;
    }
    if (first != NULL && dir->waiter != NULL) {
        lock->waiting_ms = (now_ns - dir->waiter->seen_ns) / LL_NS_PER_MS;
        lock->waiter_since_unix_s = dir->waiter->since_unix_s;
    }
}

/** Selects locks, those that are free or those that are not. */
static void selection_add(struct selection *selection,
                          const struct ll_board *board,
                          bool are_free)
{
    const struct ll_link *at;

    for (at = board->locks.next;
         at != &board->locks && selection->n < selection->limit;
         at = at->next) {
        const struct ll_board_dir *dir =
            LL_CONTAINER((uintptr_t)at, struct ll_board_dir, lock);
        size_t size = dir->size - board->namespace_size;

        if ((dir->places_n == 0) != are_free) {
            continue;
        }
        if (selection->locks != NULL) {
            struct leaselock_watched_lock *lock =
                &selection->locks[selection->n];

            lock_fill(dir, selection->now_ns, lock);
            memcpy(selection->at, dir->path + board->namespace_size, size + 1);
            lock->name = selection->at;
            selection->at += size + 1;
        }
        selection->n++;
        selection->size += size + 1;
    }
}

static void selection_run(struct selection *selection,
                          const struct ll_board *board)
{
    selection->n = 0;
    selection_add(selection, board, false);
    selection_add(selection, board, true);
}

static struct leaselock_locks_watch_info *
info_new(const struct ll_locks_watch_object *watch, struct selection *selection)
{
    bool has_failed = watch->state == LEASELOCK_LOCKS_WATCH_FAILED;
    size_t reason_size = has_failed ? strlen(watch->error.message) + 1 : 1;
    struct leaselock_locks_watch_info *info;

    selection_run(selection, &watch->board);
    info = ll_alloc_zero(1, sizeof(*info) +
                                selection->n * sizeof(*selection->locks) +
                                reason_size + selection->size);
    if (info == NULL) {
        return NULL;
    }
    selection->locks = (struct leaselock_watched_lock *)(info + 1);
    selection->at = (char *)(selection->locks + selection->n);
    info->state = (int)watch->state;
    info->reason = selection->at;
    if (has_failed) {
        info->status = watch->error.code;
        memcpy(selection->at, watch->error.message, reason_size);
    }
    selection->at += reason_size;
    selection_run(selection, &watch->board);
    info->locks = selection->locks;
    info->locks_n = selection->n;
    info->revision = watch->revision;
    info->contact_ms =
        watch->contact_ns == 0
            ? -1
            : (selection->now_ns - watch->contact_ns) / LL_NS_PER_MS;
    info->loads = watch->loads;
    info->changes = watch->changes;
    info->keys_n = watch->board.keys.n;
    info->total = watch->board.locks_n;
    return info;
}

int leaselock_locks_watch_read(leaselock_locks_watch *user,
                               size_t limit,
                               struct leaselock_locks_watch_info **ret_info,
                               struct leaselock_error *reterr)
{
    struct selection selection = {.limit = limit > 0 ? limit : SIZE_MAX,
                                  .now_ns = ll_clock_now_ns()};
    struct leaselock_locks_watch_info *info = NULL;
    struct ll_locks_watch_object *watch;
    struct ll_handle *handle = NULL;
    int status;

    if (ret_info == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    status = ll_user_enter(user, LL_HANDLE_LOCKS_WATCH, &handle);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    watch = LL_CONTAINER(handle, struct ll_locks_watch_object, handle);
    status = ll_board_read(&watch->board, selection.now_ns);
    if (status == 0) {
        info = info_new(watch, &selection);
        status = info != NULL ? 0 : LEASELOCK_E_NOMEM;
    }
    ll_user_exit(handle);
    if (status == 0) {
        *ret_info = info;
    }
    return ll_error_text(reterr, status, "");
}

void leaselock_locks_watch_free(struct leaselock_locks_watch_info *info)
{
    ll_free(info);
}
