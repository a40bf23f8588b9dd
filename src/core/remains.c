/* SPDX-License-Identifier: Apache-2.0 */
#include "core/remains.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "core/multi.h"
#include "core/ticket.h"

/** Bytes of a key that are shown. */
#define KEY_SHOWN_MAX 96

static struct ll_remain *first_of(const struct ll_link *list)
{
    return LL_CONTAINER(list->next, struct ll_remain, link);
}

/** Whether a ticket's key may exist in etcd. */
static bool may_stand(const struct ll_ticket *ticket)
{
    switch (ticket->state) {
    case LL_TICKET_ENQUEUE:
        /* A member's multi-lock sends the enqueue. */
        return ticket->object.in_flight || ticket->lost_tries > 0 ||
               (ticket->multi != NULL && (ticket->multi->object.in_flight ||
                                          ticket->multi->lost_tries > 0));
    case LL_TICKET_WAIT:
    case LL_TICKET_DELAYED:
    case LL_TICKET_NEXT:
    case LL_TICKET_HELD:
    case LL_TICKET_LEAVE:
    case LL_TICKET_REAP:
        return true;
    case LL_TICKET_LOST:
    case LL_TICKET_GONE:
        break;
    }
    return false;
}

void ll_remains_note(struct ll_core *core, struct ll_session *session)
{
    struct ll_link *at;

    for (at = session->tickets.next; at != &session->tickets; at = at->next) {
        const struct ll_ticket *ticket =
            LL_CONTAINER(at, struct ll_ticket, link);
        struct ll_bytes key = ll_ticket_key(ticket);
        struct ll_remain *remain;

        if (!may_stand(ticket)) {
            continue;
        }
        remain = ll_alloc_zero(1, sizeof(*remain) + key.size + 1);
        if (remain == NULL) {
            continue;
        }
        ll_link_init(&remain->link);
        /* Without a token its lease counts, which no other key of the name
         * has. */
        remain->token = ticket->has_slot ? 0 : ticket->token;
        remain->to_mark =
            ll_delay_marks(ticket) && !ll_delay_keeps_key(core, ticket);
        remain->key_size = key.size;
        memcpy(remain->key, key.data, key.size);
        ll_link_append(&session->remains, &remain->link);
    }
}

/** Whether a key is still that of the session's ticket. */
static struct ll_compare remain_stands(const struct ll_session *session,
                                       const struct ll_remain *remain)
{
    bool known = remain->token > 0;

    return (struct ll_compare){
        .key = {remain->key, remain->key_size},
        .target = known ? LL_COMPARE_CREATE_REVISION : LL_COMPARE_LEASE,
        .result = LL_COMPARE_EQUAL,
        .number = known ? remain->token : session->lease};
}

/** The next keys to mark. */
static size_t marks_fill(struct ll_session *session, struct ll_marks *marks)
{
    struct ll_link *at;

    marks->n = 0;
    for (at = session->remains.next;
         at != &session->remains && marks->n < LL_MARKS_MAX; at = at->next) {
        const struct ll_remain *remain =
            LL_CONTAINER(at, struct ll_remain, link);
        size_t i = marks->n;

        if (!remain->to_mark) {
            continue;
        }
        marks->compares[i] = remain_stands(session, remain);
        marks->puts[i] = ll_delay_mark(marks->compares[i].key);
        marks->txns[i] = (struct ll_op){.kind = LL_OP_TXN,
                                        .txn = {.compares = &marks->compares[i],
                                                .compares_n = 1,
                                                .then_ops = &marks->puts[i],
                                                .then_n = 1}};
        marks->n++;
    }
    return marks->n;
}

bool ll_remains_to_mark(struct ll_session *session)
{
    struct ll_link *at;
    bool any = false;

    for (at = session->remains.next; at != &session->remains; at = at->next) {
        any = any || LL_CONTAINER(at, struct ll_remain, link)->to_mark;
    }
    if (any && session->marks == NULL) {
        session->marks = ll_alloc(sizeof(*session->marks));
    }
    return any && session->marks != NULL &&
           marks_fill(session, session->marks) > 0;
}

void ll_remains_build_marks(const struct ll_session *session,
                            struct ll_request *ret_request)
{
    ret_request->kind = LL_REQUEST_TXN;
    ret_request->txn = (struct ll_txn){.then_ops = session->marks->txns,
                                       .then_n = session->marks->n};
}

void ll_remains_marked(struct ll_session *session)
{
    size_t left = session->marks->n;
    struct ll_link *at;

    for (at = session->remains.next; at != &session->remains && left > 0;
         at = at->next) {
        struct ll_remain *remain = LL_CONTAINER(at, struct ll_remain, link);

        left -= remain->to_mark ? 1 : 0;
        remain->to_mark = false;
    }
}

bool ll_remains_any(const struct ll_session *session)
{
    return !ll_link_alone(&session->remains);
}

void ll_remains_build(const struct ll_session *session,
                      struct ll_part *part,
                      struct ll_request *ret_request)
{
    const struct ll_remain *remain = first_of(&session->remains);

    part->compares[0] = remain_stands(session, remain);
    part->then_ops[0] = (struct ll_op){.kind = LL_OP_DELETE,
                                       .del = {.key = part->compares[0].key}};
    ret_request->kind = LL_REQUEST_TXN;
    ret_request->txn = (struct ll_txn){.compares = part->compares,
                                       .compares_n = 1,
                                       .then_ops = part->then_ops,
                                       .then_n = 1};
}

void ll_remains_answered(struct ll_session *session, bool refused)
{
    struct ll_remain *remain = first_of(&session->remains);

    ll_link_remove(&remain->link);
    if (refused) {
        ll_link_append(&session->refused, &remain->link);
        session->refused_n++;
    } else {
        ll_free(remain);
    }
}

/** Appends to a text, as far as it fits. */
static void __attribute__((format(printf, 3, 4)))
add(struct ll_core *core, size_t *used, const char *format, ...)
{
    size_t size = sizeof(core->scratch.text);
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(core->scratch.text + *used, size - *used, format, arguments);
    va_end(arguments);
    *used += n > 0 ? (size_t)n : 0;
    *used = *used < size ? *used : size - 1;
}

const char *ll_remains_text(struct ll_core *core,
                            const struct ll_session *session)
{
    int64_t left_ns = ll_max(session->expiry_ns - core->now_ns, 0);
    const struct ll_link *at = &session->refused;
    unsigned named = session->refused_n < LL_REMAINS_NAMED_MAX
                         ? session->refused_n
                         : LL_REMAINS_NAMED_MAX;
    size_t used = 0;

    add(core, &used, "the user may no longer write ");
    if (session->refused_n == 0) {
        add(core, &used, "a key of the session");
    }
    for (unsigned i = 0; i < named; i++) {
        const struct ll_remain *remain = first_of(at);

        add(core, &used, "%s%.*s", i > 0 ? ", " : "", KEY_SHOWN_MAX,
            remain->key);
        at = at->next;
    }
    if (session->refused_n > named) {
        add(core, &used, " and %u more", session->refused_n - named);
    }
    add(core, &used,
        ", so etcd refuses to revoke the session's lease: the key%s until the "
        "lease ends, in about %lld s (etcdserver: permission denied)",
        session->refused_n > 1 ? "s stay" : " stays",
        (long long)((left_ns + LL_NS_PER_S - 1) / LL_NS_PER_S));
    return core->scratch.text;
}

static void list_free(struct ll_link *list)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, list) {
        ll_link_remove(at);
        ll_free(LL_CONTAINER(at, struct ll_remain, link));
    }
}

void ll_remains_free(struct ll_session *session)
{
    ll_free(session->marks);
    list_free(&session->remains);
    list_free(&session->refused);
}
