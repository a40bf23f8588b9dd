/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A client's queue of what the library has reported. The functions that enter
 * something run on the library's background thread and need no GIL.
 */
#include "core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void queue_push(struct client *client, struct due *due)
{
    uint64_t one = 1;
    bool first;

    due->next = NULL;
    (void)pthread_mutex_lock(&client->mutex);
    first = client->first == NULL;
    *client->last = due;
    client->last = &due->next;
    (void)pthread_mutex_unlock(&client->mutex);
    while (first && write(client->fd, &one, sizeof(one)) < 0 &&
           errno == EINTR) {
    }
}

struct due *queue_take(struct client *client)
{
    uint64_t count;
    struct due *first;

    /* Read first: what enters afterwards makes it readable again. */
    while (read(client->fd, &count, sizeof(count)) < 0 && errno == EINTR) {
    }
    (void)pthread_mutex_lock(&client->mutex);
    first = client->first;
    client->first = NULL;
    client->last = &client->first;
    (void)pthread_mutex_unlock(&client->mutex);
    return first;
}

void event_free(struct event *event)
{
    free(event->text);
    free(event->value);
    free(event);
}

struct event *event_new(int64_t source, int state, const char *text)
{
    struct event *event = calloc(1, sizeof(*event));

    if (event != NULL) {
        event->source = source;
        event->state = state;
        event->text = text != NULL ? strdup(text) : NULL;
    }
    return event;
}

/** A loss or a session's state without memory is dropped: the getters show it. */
static void event_push(struct client *client, struct event *event)
{
    if (event != NULL) {
        queue_push(client, &event->due);
    }
}

void event_on_lost(leaselock_ticket *ticket, const char *why, void *arg)
{
    struct client *client = arg;

    /* Who begins to listen now looks at the ticket's state afterwards. */
    if (atomic_load(&client->is_heard)) {
        event_push(client,
                   event_new((int64_t)(intptr_t)ticket, EVENT_LOST, why));
    }
}

void event_on_state(leaselock_session *session,
                    enum leaselock_session_state state,
                    const char *why,
                    void *arg)
{
    struct client *client = arg;

    if (atomic_load(&client->is_heard)) {
        event_push(client,
                   event_new((int64_t)(intptr_t)session, (int)state, why));
    }
}

void observer_free(struct observer *observer)
{
    if (observer->end != NULL) {
        event_free(observer->end);
    }
    free(observer);
}

/** Nothing is reported after it. */
static void observer_end(struct observer *observer, int status, const char *why)
{
    struct event *event = observer->end;

    if (event != NULL) {
        observer->end = NULL;
        event->token = status;
        event->text = strdup(why); /* NULL: the status says it */
        event_push(observer->client, event);
    }
}

/** An event of a leader; NULL: no memory. */
static struct event *leader_event(int64_t source,
                                  const struct leaselock_leader_info *leader)
{
    struct event *event = event_new(source, EVENT_LEADER, leader->key);

    if (event == NULL) {
        return NULL;
    }
    event->value = malloc(leader->value_size + 1);
    if (event->value == NULL || event->text == NULL) {
        event_free(event);
        return NULL;
    }
    memcpy(event->value, leader->value, leader->value_size);
    event->value_size = leader->value_size;
    event->token = leader->token;
    event->revision = leader->revision;
    event->lease = leader->lease;
    return event;
}

void event_on_leader(leaselock_observer *user,
                     const struct leaselock_leader_info *leader,
                     void *arg)
{
    struct observer *observer = arg;
    struct event *event = leader != NULL
                              ? leader_event(observer->id, leader)
                              : event_new(observer->id, EVENT_NO_LEADER, NULL);

    (void)user;
    if (event == NULL) { /* it must not look as if nothing had changed */
        observer_end(observer, LEASELOCK_E_NOMEM, "out of memory");
    } else if (observer->end == NULL) {
        event_free(event);
    } else {
        event_push(observer->client, event);
    }
}

void event_on_end(int status, const struct leaselock_error *error, void *arg)
{
    observer_end(arg, status, error != NULL ? error->message : "");
}

int event_deliver(struct client *client, const struct event *event)
{
    PyObject *number = PyLong_FromLongLong(event->source);
    PyObject *listener = NULL;
    PyObject *returned = NULL;
    int status = -1;

    if (number == NULL) {
        return -1;
    }
    listener = Py_XNewRef(PyDict_GetItemWithError(client->listeners, number));
    if (listener == NULL) {
        status = PyErr_Occurred() != NULL ? -1 : 0;
        goto out;
    }
    returned = PyObject_CallFunction(
        listener, "iNy#LLL", event->state, text_of(event->text),
        event->value != NULL ? event->value : "", (Py_ssize_t)event->value_size,
        (long long)event->token, (long long)event->revision,
        (long long)event->lease);
    status = returned != NULL ? 0 : -1;
out:
    Py_XDECREF(returned);
    Py_XDECREF(listener);
    Py_DECREF(number);
    return status;
}
