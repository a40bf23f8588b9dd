/* SPDX-License-Identifier: Apache-2.0 */
#include "api/leadership.h"

#include <assert.h>
#include <string.h>

#include "api/hooks.h"
#include "api/session.h"
#include "api/ticket.h"
#include "base/alloc.h"
#include "base/error.h"
#include "client/user_call.h"

static void leadership_destroy(struct ll_handle *handle)
{
    struct ll_leadership *leadership =
        LL_CONTAINER(handle, struct ll_leadership, handle);

    ll_handle_put(&leadership->handle.client->handle);
    ll_free(leadership->again_label);
    ll_free(leadership->name);
    ll_free(leadership);
}

static struct ll_leadership *
leadership_new(const char *name, const void *value, size_t value_size)
{
    struct ll_leadership *leadership =
        ll_alloc_zero(1, sizeof(*leadership) + value_size);

    if (leadership == NULL) {
        return NULL;
    }
    leadership->name = ll_alloc_copy(name, strlen(name));
    if (leadership->name == NULL) {
        ll_free(leadership);
        return NULL;
    }
    leadership->value_size = value_size;
    if (value_size > 0) {
        memcpy(leadership->value, value, value_size);
    }
    leadership->pause_ns = INT64_MAX;
    ll_link_init(&leadership->link);
    ll_notice_init(&leadership->look, &leadership->handle);
    leadership->look.call = ll_leadership_look;
    return leadership;
}

/** Copies the options that `again` points to. */
static int leadership_copy_again(struct ll_leadership *leadership,
                                 struct leaselock_error *reterr)
{
    const struct leaselock_session_options *again =
        leadership->term.options.again;
    int status;

    if (again == NULL) {
        return 0;
    }
    status = ll_session_options(again, &leadership->again, reterr);
    if (status == 0 && leadership->again.label != NULL) {
        leadership->again_label = ll_alloc_copy(
            leadership->again.label, strlen(leadership->again.label));
        leadership->again.label = leadership->again_label;
        status = leadership->again_label != NULL
                     ? 0
                     : ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    leadership->term.options.again = &leadership->again;
    return status;
}

/** Enters the leadership and posts its first step; with the client's mutex
 *  held. */
static int leadership_start(struct ll_client *client,
                            struct ll_leadership *leadership,
                            leaselock_leadership **ret_leadership)
{
    int status = client->closing ? LEASELOCK_E_CLOSED
                                 : ll_handle_enter(&leadership->handle,
                                                   LL_HANDLE_LEADERSHIP, true,
                                                   leadership_destroy);

    assert(ret_leadership != NULL); /* ll_term_init has checked it */
    if (status == 0) {
        ll_link_append(&client->leaderships, &leadership->link);
        *ret_leadership = ll_handle_user(&leadership->handle);
        ll_notice_post(client, &leadership->look);
    }
    return status;
}

int leaselock_lead_async(leaselock_session *user,
                         const char *name,
                         const void *value,
                         size_t value_size,
                         const struct leaselock_lead_options *options,
                         leaselock_term_fn *on_term,
                         leaselock_done_fn *done,
                         void *arg,
                         leaselock_leadership **ret_leadership,
                         struct leaselock_error *reterr)
{
    const char *fault = leaselock_name_check(name);
    struct ll_session_object *session = NULL;
    struct ll_leadership *leadership;
    int status = fault != NULL ? ll_error_text(reterr, LEASELOCK_E_NAME, fault)
                               : ll_candidate_check(value, value_size, reterr);

    if (status != 0) {
        return status;
    }
    status = ll_session_enter(user, &session);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    leadership = leadership_new(name, value, value_size);
    if (leadership == NULL) {
        ll_session_exit(session);
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    leadership->handle.client = session->handle.client;
    ll_handle_ref(&session->handle.client->handle);
    leadership->session = user;
    leadership->on_term = on_term;
    leadership->done = done;
    leadership->arg = arg;
    status = ll_term_init(
        &leadership->term, options,
        on_term != NULL && done != NULL && ret_leadership != NULL, reterr);
    if (status == 0) {
        status = leadership_copy_again(leadership, reterr);
    }
    if (status == 0) {
        status = ll_error_text(reterr,
                               leadership_start(session->handle.client,
                                                leadership, ret_leadership),
                               "");
    }
    if (status != 0) {
        leadership_destroy(&leadership->handle);
    }
    ll_session_exit(session);
    return status;
}

/** Finds a handle; on success, the client's mutex is locked. */
static int leadership_find(const void *user,
                           struct ll_leadership **ret_leadership)
{
    struct ll_handle *handle = NULL;
    int status = ll_user_enter(user, LL_HANDLE_LEADERSHIP, &handle);

    if (status == 0) {
        *ret_leadership = LL_CONTAINER(handle, struct ll_leadership, handle);
    }
    return status;
}

static void leadership_exit(struct ll_leadership *leadership)
{
    ll_user_exit(&leadership->handle);
}

int leaselock_lead_term_end(leaselock_leadership *user)
{
    struct ll_leadership *leadership = NULL;
    int status = leadership_find(user, &leadership);

    if (status != 0) {
        return status;
    }
    if (leadership->works) {
        leadership->works = false;
        ll_notice_post(leadership->handle.client, &leadership->look);
    } else {
        status = LEASELOCK_E_STATE;
    }
    leadership_exit(leadership);
    return status;
}

static void leadership_stop(struct ll_leadership *leadership, int status)
{
    if (!leadership->stops) {
        leadership->stops = true;
        leadership->stop_status = status;
        ll_notice_post(leadership->handle.client, &leadership->look);
    }
}

int leaselock_lead_stop(leaselock_leadership *user)
{
    struct ll_leadership *leadership = NULL;
    int status = leadership_find(user, &leadership);

    if (status == 0) {
        leadership_stop(leadership, 0);
        leadership_exit(leadership);
    }
    return status;
}

void ll_leaderships_close(struct ll_client *client)
{
    struct ll_link *at;

    for (at = client->leaderships.next; at != &client->leaderships;
         at = at->next) {
        leadership_stop(LL_CONTAINER(at, struct ll_leadership, link),
                        LEASELOCK_E_CLOSED);
    }
}

int64_t ll_leaderships_deadline_ns(const struct ll_client *client)
{
    int64_t deadline_ns = INT64_MAX;
    struct ll_link *at;

    for (at = client->leaderships.next; at != &client->leaderships;
         at = at->next) {
        struct ll_leadership *leadership =
            LL_CONTAINER(at, struct ll_leadership, link);

        if (leadership->pause_ns < deadline_ns) {
            deadline_ns = leadership->pause_ns;
        }
    }
    return deadline_ns;
}

void ll_leaderships_on_time(struct ll_client *client, int64_t now_ns)
{
    struct ll_link *at;

    for (at = client->leaderships.next; at != &client->leaderships;
         at = at->next) {
        struct ll_leadership *leadership =
            LL_CONTAINER(at, struct ll_leadership, link);

        if (leadership->pause_ns <= now_ns) {
            leadership->pause_ns = INT64_MAX;
            ll_notice_post(client, &leadership->look);
        }
    }
}
