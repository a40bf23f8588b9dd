/* SPDX-License-Identifier: Apache-2.0 */
#include "api/extra.h"

#include "api/value.h"
#include "base/alloc.h"
#include "core/log.h"

/** A request whose callback is due, or running. */
struct asked {
    struct ll_notice notice;
    struct ll_link link; /* in extra->asked */
    struct ll_ticket_extra *extra;
    struct ll_value value; /* has the texts */
};

static void suspect_call(struct ll_client *client, struct ll_notice *notice)
{
    struct ll_ticket_extra *extra =
        LL_CONTAINER(notice, struct ll_ticket_extra, suspect);

    (void)client;
    extra->on_suspect(ll_handle_user(&extra->ticket->handle),
                      extra->suspect_why, extra->ticket->on_lost_arg);
}

int ll_extra_make(struct ll_ticket_object *ticket,
                  const struct leaselock_acquire_options *options,
                  const struct ll_ticket_ask *ask)
{
    struct ll_ticket_extra *extra;

    if (options->on_yield == NULL && ask->on_suspect == NULL) {
        return 0;
    }
    extra = ll_alloc_zero(1, sizeof(*extra));
    if (extra == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    extra->ticket = ticket;
    ll_notice_init(&extra->suspect, &ticket->handle);
    extra->suspect.call = suspect_call;
    extra->on_suspect = ask->on_suspect;
    extra->on_yield = options->on_yield;
    extra->on_yield_arg = options->on_yield_arg;
    ll_link_init(&extra->asked);
    ticket->extra = extra;
    return 0;
}

void ll_extra_free(struct ll_ticket_extra *extra)
{
    ll_free(extra);
}

void ll_extra_suspect(struct ll_ticket_object *ticket, const char *why)
{
    struct ll_ticket_extra *extra = ticket->extra;

    if (extra == NULL || extra->on_suspect == NULL) {
        return;
    }
    if (why == NULL) {
        ll_notice_withdraw(&extra->suspect);
    } else if (ticket->handle.open && !ticket->acquire_due) {
        extra->suspect_why = why;
        ll_notice_post(ticket->handle.client, &extra->suspect);
    }
}

static void asked_free(struct asked *asked)
{
    ll_link_remove(&asked->link);
    asked->extra->asked_n--;
    ll_value_free(&asked->value);
    ll_free(asked);
}

static void asked_call(struct ll_client *client, struct ll_notice *notice)
{
    struct asked *asked = LL_CONTAINER(notice, struct asked, notice);
    const struct ll_value *value = &asked->value;
    const struct leaselock_yield_request request = {
        .who = value->asked_who != NULL ? value->asked_who : "",
        .reason = value->asked_reason != NULL ? value->asked_reason : "",
        .at_unix_s = value->asked_unix_s};

    (void)client;
    asked->extra->on_yield(ll_handle_user(&asked->extra->ticket->handle),
                           &request, asked->extra->on_yield_arg);
}

static void asked_after(struct ll_client *client, struct ll_notice *notice)
{
    (void)client;
    asked_free(LL_CONTAINER(notice, struct asked, notice));
}

void ll_extra_quieten(struct ll_ticket_object *ticket)
{
    struct ll_link *at;
    struct ll_link *after;

    if (ticket->extra == NULL) {
        return;
    }
    ll_notice_withdraw(&ticket->extra->suspect);
    LL_LIST_EACH (at, after, &ticket->extra->asked) {
        struct asked *asked = LL_CONTAINER(at, struct asked, link);

        if (!ll_link_alone(&asked->notice.link)) {
            ll_notice_withdraw(&asked->notice);
            asked_free(asked);
        } /* else its callback is running */
    }
}

/** Whether it is the first report of a request; remembers it. */
static bool is_new(struct ll_ticket_extra *extra, uint64_t id)
{
    for (unsigned i = 0; i < extra->ids_n && i < LL_ASKED_IDS; i++) {
        if (extra->ids[i] == id) {
            return false;
        }
    }
    extra->ids[extra->ids_n++ % LL_ASKED_IDS] = id;
    return true;
}

static bool is_request(struct ll_ticket_extra *extra,
                       const struct ll_value *value,
                       bool by_others)
{
    return value->is_asked && value->asked_id != 0
               ? is_new(extra, value->asked_id)
               : by_others;
}

void ll_extra_asked(struct ll_ticket_object *ticket,
                    const struct ll_effect *effect)
{
    struct ll_ticket_extra *extra = ticket->extra;
    struct ll_client *client = ticket->handle.client;
    struct asked *asked;

    if (extra == NULL || extra->on_yield == NULL || !ticket->handle.open) {
        return;
    }
    asked =
        extra->asked_n < LL_ASKED_MAX ? ll_alloc_zero(1, sizeof(*asked)) : NULL;
    if (asked == NULL) {
        ll_core_log(client->core, LL_LOG_REQUEST_DROPPED, ll_log_none(),
                    "a request to let go of a ticket is not reported: too many "
                    "are due, or there is no memory");
        return;
    }
    ll_notice_init(&asked->notice, &ticket->handle);
    asked->notice.call = asked_call;
    asked->notice.after = asked_after;
    asked->extra = extra;
    ll_link_init(&asked->link);
    ll_link_append(&extra->asked, &asked->link);
    extra->asked_n++;
    /* Without memory for the texts the request is reported without them. */
    (void)ll_value_parse(effect->asked.value.data, effect->asked.value.size,
                         &asked->value);
    if (is_request(extra, &asked->value, effect->asked.by_others)) {
        ll_notice_post(client, &asked->notice);
    } else {
        asked_free(asked);
    }
}
