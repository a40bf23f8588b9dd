#include <assert.h>
#include <string.h>

#include "api/hooks.h"
#include "api/session.h"
#include "api/term.h"
#include "api/ticket.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "leaselock/election.h"

/**
 * leaselock_lead_async: the steps of a term as asynchronous calls. All steps are
 * made where callbacks are called, one at a time; what other threads ask for is
 * noted under the client's mutex, and a notice has it looked at.
 */
struct ll_leadership {
    struct ll_handle handle;
    struct ll_client *client; /* a reference */
    struct ll_link link;      /* in client->leaderships */
    /** Where callbacks are called, without the mutex. */
    struct ll_term term;
    leaselock_session *session;
    leaselock_ticket *ticket;
    bool owns_session;
    struct leaselock_session_options again; /* of the term's options */
    char *again_label;                      /* or NULL */
    leaselock_term_fn *on_term;
    leaselock_done_fn *done;
    void *arg;
    /** All that follows is under the client's mutex. */
    struct ll_notice look;
    bool works; /* a term is on, and leaselock_lead_term_end is to come */
    bool stops;
    int stop_status;
    int64_t pause_ns; /* INT64_MAX: no pause, or it is over */
    char *name;
    size_t value_size;
    char value[];
};

static void leadership_go(struct ll_leadership *leadership);

static void leadership_destroy(struct ll_handle *handle)
{
    struct ll_leadership *leadership =
        LL_CONTAINER(handle, struct ll_leadership, handle);

    ll_handle_put(&leadership->client->handle);
    ll_free(leadership->again_label);
    ll_free(leadership->name);
    ll_free(leadership);
}

/** A call that has been started holds a reference until it has ended. */
static int leadership_await(struct ll_leadership *leadership, int status)
{
    if (status != 0) {
        ll_handle_put(&leadership->handle);
    }
    return status;
}

/** Goes on from a step that has ended. */
static void leadership_next(struct ll_leadership *leadership,
                            int status,
                            const struct leaselock_error *error)
{
    (void)ll_term_next(&leadership->term, status, error, ll_clock_now_ns());
    leadership_go(leadership);
}

/** Goes on if the step that has ended is the current one. */
static void on_step(struct ll_leadership *leadership,
                    enum ll_term_step step,
                    int status,
                    const struct leaselock_error *error)
{
    if (leadership->term.step == step) {
        leadership_next(leadership, status, error);
    }
    ll_handle_put(&leadership->handle);
}

static void
on_released(int status, const struct leaselock_error *error, void *arg)
{
    on_step(arg, LL_TERM_RELEASE, status, error);
}

static void on_left(int status, const struct leaselock_error *error, void *arg)
{
    (void)status; /* what is left of a lost session ends by itself */
    (void)error;
    ll_handle_put(&((struct ll_leadership *)arg)->handle);
}

static void
on_campaigned(int status, const struct leaselock_error *error, void *arg)
{
    struct ll_leadership *leadership = arg;

    if (status == 0 && leadership->term.step == LL_TERM_CAMPAIGN &&
        leaselock_ticket_state(leadership->ticket) != LEASELOCK_TICKET_HELD) {
        ll_handle_ref(&leadership->handle);
        (void)leadership_await(
            leadership, leaselock_release_async(leadership->ticket, on_left,
                                                leadership, NULL));
        status = LEASELOCK_E_LOST;
    }
    on_step(leadership, LL_TERM_CAMPAIGN, status, error);
}

static void
on_opened(int status, const struct leaselock_error *error, void *arg)
{
    struct ll_leadership *leadership = arg;

    if (status != 0) {
        leadership->owns_session = false;
    }
    on_step(leadership, LL_TERM_OPEN, status, error);
}

static void
leadership_on_suspect(leaselock_ticket *ticket, const char *why, void *arg)
{
    const struct leaselock_lead_options *options =
        &((struct ll_leadership *)arg)->term.options;

    options->on_stop(ticket, LEASELOCK_LEAD_SUSPECT, why, options->on_stop_arg);
}

static void
leadership_on_lost(leaselock_ticket *ticket, const char *why, void *arg)
{
    const struct leaselock_lead_options *options =
        &((struct ll_leadership *)arg)->term.options;

    options->on_stop(ticket, LEASELOCK_LEAD_LOST, why, options->on_stop_arg);
}

static int leadership_campaign(struct ll_leadership *leadership,
                               struct leaselock_error *reterr)
{
    struct leaselock_acquire_options acquire = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct ll_ticket_ask ask = {.options = &acquire,
                                .name = leadership->name,
                                .timeout_ms =
                                    leadership->term.options.timeout_ms,
                                .done = on_campaigned,
                                .arg = leadership};

    if (leadership->term.options.on_stop != NULL) {
        acquire.on_lost = leadership_on_lost;
        acquire.on_lost_arg = leadership;
        ask.on_suspect = leadership_on_suspect;
    }
    /* A leader stays for long: what a watch costs is nothing beside that. */
    acquire.watch_own_key_ms = LEASELOCK_AT_ONCE;
    return ll_ticket_campaign(leadership->session, &ask, leadership->value,
                              leadership->value_size, false,
                              &leadership->ticket, reterr);
}

/** Closes a session of its own; false: there is nothing to await. */
static bool leadership_leave(struct ll_leadership *leadership,
                             leaselock_done_fn *done)
{
    if (!leadership->owns_session) {
        return false;
    }
    leadership->owns_session = false;
    ll_handle_ref(&leadership->handle);
    return leadership_await(leadership, leaselock_session_close_async(
                                            leadership->session, done,
                                            leadership, NULL)) == 0;
}

/** Tells the user, and closes the handle. */
static void leadership_finish(struct ll_leadership *leadership)
{
    struct ll_client *client = leadership->client;
    struct ll_term *term = &leadership->term;

    if (term->status < 0 && term->error.code == 0) {
        (void)ll_error_text(&term->error, term->status, "");
    }
    leadership->done(term->status, term->status < 0 ? &term->error : NULL,
                     leadership->arg);
    ll_client_lock(client);
    (void)ll_handle_shut(&leadership->handle);
    ll_notice_withdraw(&leadership->look);
    ll_link_remove(&leadership->link);
    ll_client_unlock(client);
    ll_handle_leave(&leadership->handle);
}

static void on_ended(int status, const struct leaselock_error *error, void *arg)
{
    struct ll_leadership *leadership = arg;

    leadership_finish(leadership);
    on_left(status, error, leadership);
}

/** Looks whether it is to stop instead, and notes for other threads that a step
 *  begins. */
static void leadership_enter(struct ll_leadership *leadership)
{
    struct ll_term *term = &leadership->term;

    ll_client_lock(leadership->client);
    if (term->step == LL_TERM_CAMPAIGN) {
        leadership->ticket = NULL; /* the release of none is its end */
    }
    if (leadership->stops && !term->stops) {
        (void)ll_term_stop(term, leadership->stop_status);
    }
    leadership->works = term->step == LL_TERM_WORK;
    leadership->pause_ns = term->step == LL_TERM_PAUSE
                               ? ll_clock_now_ns() + ll_term_pause_ns(term)
                               : INT64_MAX;
    ll_client_unlock(leadership->client);
}

/** Begins a step.
 *  @return 0: its end is reported; else how it has ended */
static int leadership_begin(struct ll_leadership *leadership,
                            struct leaselock_error *reterr)
{
    switch (leadership->term.step) {
    case LL_TERM_CAMPAIGN:
        ll_handle_ref(&leadership->handle);
        return leadership_await(leadership,
                                leadership_campaign(leadership, reterr));
    case LL_TERM_WORK:
        leadership->on_term(ll_handle_user(&leadership->handle),
                            leadership->ticket, leadership->arg);
        return 0;
    case LL_TERM_RELEASE:
        ll_handle_ref(&leadership->handle);
        return leadership_await(
            leadership, leaselock_release_async(leadership->ticket, on_released,
                                                leadership, reterr));
    case LL_TERM_PAUSE:
        (void)leadership_leave(leadership, on_left);
        return 0;
    case LL_TERM_OPEN:
        ll_handle_ref(&leadership->handle);
        leadership->owns_session = true;
        return leadership_await(leadership,
                                leaselock_session_open_async(
                                    ll_handle_user(&leadership->client->handle),
                                    &leadership->again, on_opened, leadership,
                                    &leadership->session, reterr));
    case LL_TERM_END:
        if (!leadership_leave(leadership, on_ended)) {
            leadership_finish(leadership);
        }
        return 0;
    case LL_TERM_START:
        break;
    }
    return 0;
}

/** Makes steps until one is under way. */
static void leadership_go(struct ll_leadership *leadership)
{
    for (;;) {
        struct leaselock_error error = LEASELOCK_ERROR_INIT;
        int status;

        leadership_enter(leadership);
        status = leadership_begin(leadership, &error);
        if (status == 0) {
            return; /* it may be gone */
        }
        (void)ll_term_next(&leadership->term, status, &error,
                           ll_clock_now_ns());
    }
}

/** What has been asked for, or is over, since the step began. */
static void leadership_look(struct ll_client *client, struct ll_notice *notice)
{
    struct ll_leadership *leadership =
        LL_CONTAINER(notice, struct ll_leadership, look);
    struct ll_term *term = &leadership->term;
    enum ll_term_step step = term->step;
    bool stops;
    bool works;
    bool pauses;

    ll_client_lock(client);
    stops = leadership->stops && !term->stops;
    works = leadership->works;
    pauses = leadership->pause_ns != INT64_MAX;
    ll_client_unlock(client);
    if (stops) {
        if (ll_term_stop(term, leadership->stop_status) != step) {
            leadership_go(leadership);
        }
    } else if (step == LL_TERM_START || (step == LL_TERM_WORK && !works) ||
               (step == LL_TERM_PAUSE && !pauses)) {
        leadership_next(leadership, 0, NULL);
    }
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
    leadership->look.call = leadership_look;
    return leadership;
}

/** Copies what `again` points at. */
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

/** Enters it, and has its first step made; with the client's mutex held. */
static int leadership_start(struct ll_client *client,
                            struct ll_leadership *leadership,
                            leaselock_leadership **ret_leadership)
{
    int status = client->closing ? LEASELOCK_E_CLOSED
                                 : ll_handle_enter(&leadership->handle,
                                                   LL_HANDLE_LEADERSHIP, true,
                                                   leadership_destroy);

    assert(ret_leadership != NULL); /* ll_term_init was asked */
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
    leadership->client = session->client;
    ll_handle_ref(&session->client->handle);
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
        status = ll_error_text(
            reterr,
            leadership_start(session->client, leadership, ret_leadership), "");
    }
    if (status != 0) {
        leadership_destroy(&leadership->handle);
    }
    ll_session_exit(session);
    return status;
}

/** Looks a handle up; with its client's mutex locked when it succeeds. */
static int leadership_find(const void *user,
                           struct ll_leadership **ret_leadership)
{
    struct ll_handle *handle = NULL;
    int status = ll_handle_get(user, LL_HANDLE_LEADERSHIP, &handle);

    if (status == 0) {
        *ret_leadership = LL_CONTAINER(handle, struct ll_leadership, handle);
        ll_client_lock((*ret_leadership)->client);
    }
    return status;
}

static void leadership_exit(struct ll_leadership *leadership)
{
    ll_client_unlock(leadership->client);
    ll_handle_put(&leadership->handle);
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
        ll_notice_post(leadership->client, &leadership->look);
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
        ll_notice_post(leadership->client, &leadership->look);
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
