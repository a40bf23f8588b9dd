/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/hooks.h"
#include "api/leader.h"
#include "base/alloc.h"
#include "base/error.h"
#include "client/user_call.h"

/** The observer ends when more leaders than this wait for its callback. */
#define LEADERS_DUE_MAX 65536

struct ll_observer_object {
    struct ll_handle handle;
    struct ll_link link; /* in client->observers */
    leaselock_leader_fn *on_leader;
    void *arg;
    /** All that follows is under the client's mutex. */
    bool end_due;               /* core's last effect is pending */
    struct ll_link due;         /* reported_leader, in their order */
    unsigned due_n;             /* of these */
    struct ll_completion ended; /* reports an unrequested end */
};

/** A leader that is to be reported. */
struct reported_leader {
    struct ll_notice notice;
    struct ll_link link; /* in observer->due */
    struct ll_observer_object *observer;
    struct leaselock_leader_info *leader; /* NULL: no leader */
};

static void observer_destroy(struct ll_handle *handle)
{
    struct ll_observer_object *observer =
        LL_CONTAINER(handle, struct ll_observer_object, handle);

    ll_completion_free(&observer->ended);
    ll_handle_put(&observer->handle.client->handle);
    ll_free(observer);
}

/** Takes an observer out of the tables once nothing is due for it. */
static void observer_settle(struct ll_observer_object *observer)
{
    if (!observer->handle.open && !observer->end_due &&
        !ll_link_alone(&observer->link)) {
        ll_link_remove(&observer->link);
        ll_handle_leave(&observer->handle);
    }
}

static void reported_free(struct reported_leader *report)
{
    ll_link_remove(&report->link);
    report->observer->due_n--;
    leaselock_leader_free(report->leader);
    ll_free(report);
}

static void reported_call(struct ll_client *client, struct ll_notice *notice)
{
    struct reported_leader *report =
        LL_CONTAINER(notice, struct reported_leader, notice);

    (void)client;
    report->observer->on_leader(ll_handle_user(&report->observer->handle),
                                report->leader, report->observer->arg);
}

static void reported_after(struct ll_client *client, struct ll_notice *notice)
{
    (void)client;
    reported_free(LL_CONTAINER(notice, struct reported_leader, notice));
}

/** Drops every report except the one whose callback is running. */
static void observer_quieten(struct ll_observer_object *observer)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &observer->due) {
        struct reported_leader *report =
            LL_CONTAINER(at, struct reported_leader, link);

        if (!ll_link_alone(&report->notice.link)) {
            ll_notice_withdraw(&report->notice);
            reported_free(report);
        }
    }
    ll_notice_withdraw(&observer->ended.notice);
}

/** Makes core end the observer. */
static void observer_stop(struct ll_observer_object *observer)
{
    struct ll_event event = {.kind = LL_EVENT_OBSERVE_END,
                             .id = observer->handle.entry.id};

    if (observer->end_due &&
        ll_client_command(observer->handle.client, &event) != 0) {
        observer->end_due = false; /* it has already ended */
    }
}

/** Closes the handle when the user's callback has returned. */
static void observer_ended_after(struct ll_client *client,
                                 struct ll_notice *notice)
{
    struct ll_observer_object *observer =
        LL_CONTAINER(notice, struct ll_observer_object, ended.notice);

    (void)client;
    (void)ll_handle_shut(&observer->handle);
    observer_settle(observer);
}

/** Reports an observer's end, once, after the leaders that are due. */
static void observer_end(struct ll_observer_object *observer,
                         const struct ll_detail *detail)
{
    if (observer->handle.open && observer->ended.status == 0) {
        ll_client_complete(observer->handle.client, &observer->ended, detail);
    }
}

static void observer_fail(struct ll_observer_object *observer, int status)
{
    struct ll_detail detail = {status, -1, LL_ENDPOINT_ANY, ""};

    observer_end(observer, &detail);
    observer_stop(observer);
}

static void observer_report(struct ll_observer_object *observer,
                            const struct ll_kv *kv)
{
    struct reported_leader *report;

    if (observer->due_n >= LEADERS_DUE_MAX) {
        observer_fail(observer, LEASELOCK_E_LIMIT);
        return;
    }
    report = ll_alloc_zero(1, sizeof(*report));
    if (report != NULL && kv != NULL) {
        report->leader = ll_leader_make(kv);
    }
    if (report == NULL || (kv != NULL && report->leader == NULL)) {
        ll_free(report);
        observer_fail(observer, LEASELOCK_E_NOMEM);
        return;
    }
    report->observer = observer;
    ll_notice_init(&report->notice, &observer->handle);
    report->notice.call = reported_call;
    report->notice.after = reported_after;
    ll_link_init(&report->link);
    ll_link_append(&observer->due, &report->link);
    observer->due_n++;
    ll_notice_post(observer->handle.client, &report->notice);
}

void ll_observer_effect(struct ll_client *client,
                        const struct ll_effect *effect)
{
    struct ll_handle *handle = ll_handle_find(effect->id);
    struct ll_observer_object *observer;

    (void)client;
    if (handle == NULL || handle->kind != LL_HANDLE_OBSERVER) {
        return;
    }
    observer = LL_CONTAINER(handle, struct ll_observer_object, handle);
    if (effect->observed.is_end) {
        observer->end_due = false;
        observer_end(observer, &effect->observed.detail);
    } else if (observer->handle.open && observer->ended.status == 0) {
        observer_report(observer, effect->observed.leader);
    }
    observer_settle(observer);
}

/** Makes an observer; with the client's mutex held. */
static int observer_start(struct ll_client *client,
                          const char *name,
                          leaselock_leader_fn *on_leader,
                          leaselock_done_fn *done,
                          void *arg,
                          leaselock_observer **ret_observer)
{
    struct ll_observer_object *observer = ll_alloc_zero(1, sizeof(*observer));
    struct ll_event event = {.kind = LL_EVENT_OBSERVE};
    int status;

    if (observer == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    observer->handle.client = client;
    ll_handle_ref(&client->handle);
    observer->on_leader = on_leader;
    observer->arg = arg;
    ll_link_init(&observer->link);
    ll_link_init(&observer->due);
    ll_completion_init(&observer->ended, &observer->handle, done, arg);
    observer->ended.notice.after = observer_ended_after;
    status = ll_handle_enter(&observer->handle, LL_HANDLE_OBSERVER, true,
                             observer_destroy);
    if (status != 0) {
        observer_destroy(&observer->handle);
        return status;
    }
    ll_link_append(&client->observers, &observer->link);
    observer->end_due = true;
    *ret_observer = ll_handle_user(&observer->handle);
    event.id = observer->handle.entry.id;
    event.observe.name = (struct ll_bytes){name, strlen(name)};
    status = ll_client_command(client, &event);
    if (status != 0) {
        *ret_observer = NULL;
        observer->end_due = false;
        (void)ll_handle_shut(&observer->handle);
        observer_settle(observer);
    }
    return status;
}

int leaselock_observe(leaselock_client *user,
                      const char *name,
                      leaselock_leader_fn *on_leader,
                      leaselock_done_fn *done,
                      void *arg,
                      leaselock_observer **ret_observer,
                      struct leaselock_error *reterr)
{
    const char *fault = leaselock_name_check(name);
    leaselock_observer *observer = NULL;
    struct ll_client *client = NULL;
    int status;

    if (fault != NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NAME, fault);
    }
    if (on_leader == NULL || done == NULL || ret_observer == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    status = ll_client_enter(user, &client);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    status = observer_start(client, name, on_leader, done, arg, &observer);
    if (status == 0) {
        *ret_observer = observer;
    }
    ll_client_unlock(client);
    ll_handle_put(&client->handle);
    return ll_error_text(reterr, status, "");
}

int leaselock_observer_close(leaselock_observer *user)
{
    struct ll_observer_object *observer;
    struct ll_handle *handle = NULL;
    struct ll_client *client;
    int status =
        user == NULL ? 0 : ll_user_enter(user, LL_HANDLE_OBSERVER, &handle);

    if (handle == NULL) {
        return status;
    }
    observer = LL_CONTAINER(handle, struct ll_observer_object, handle);
    client = handle->client;
    if (ll_handle_shut(handle)) {
        observer_quieten(observer);
        observer_stop(observer);
        observer_settle(observer);
        if (!ll_client_in_callback()) {
            ll_client_await_callbacks(client, handle);
        }
    } else {
        status = LEASELOCK_E_HANDLE;
    }
    ll_user_exit(handle);
    return status;
}

/** An observer that has not ended, or NULL. */
static struct ll_observer_object *observer_first(struct ll_client *client)
{
    struct ll_link *at;

    for (at = client->observers.next; at != &client->observers; at = at->next) {
        struct ll_observer_object *observer =
            LL_CONTAINER(at, struct ll_observer_object, link);

        if (observer->handle.open && observer->ended.status == 0) {
            return observer;
        }
    }
    return NULL;
}

void ll_observers_close(struct ll_client *client)
{
    struct ll_observer_object *observer;

    /* Ending an observer may remove any other from the list. */
    while ((observer = observer_first(client)) != NULL) {
        observer_fail(observer, LEASELOCK_E_CLOSED);
    }
}

void ll_observers_abort(struct ll_client *client)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &client->observers) {
        struct ll_observer_object *observer =
            LL_CONTAINER(at, struct ll_observer_object, link);

        observer->end_due = false;
        if (observer->ended.status == 0) {
            (void)ll_handle_shut(&observer->handle);
        }
        observer_settle(observer);
    }
}
