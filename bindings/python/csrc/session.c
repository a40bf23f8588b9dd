/* SPDX-License-Identifier: Apache-2.0 */
/** Sessions and observers. */
#include "core.h"

#include <stdlib.h>

/* (target, ttl_s, open_timeout_ms, label, key_names, lease, unguarded): the
 * session */
PyObject *core_session_open(PyObject *self, PyObject *args)
{
    struct client *client = (struct client *)self;
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_session *session = NULL;
    PyObject *target = NULL;
    PyObject *result;
    long long lease = 0;
    struct op *op;
    int status;

    if (!PyArg_ParseTuple(args, "OiiziLp", &target, &options.ttl_s,
                          &options.open_timeout_ms, &options.label,
                          &options.key_names, &lease, &options.unguarded)) {
        return NULL;
    }
    options.lease = lease;
    options.on_state = event_on_state;
    options.on_state_arg = client;
    op = op_new(client, target, RESULT_HANDLE);
    if (op == NULL) {
        return NULL;
    }
    status = leaselock_session_open_async(
        client->handle, &options, op_on_done, op,
        (leaselock_session **)&op->result.handle, &error);
    if (status != 0) {
        return op_run(op, status, &error);
    }
    session = op->result.handle;
    if (op->future != NULL) {
        result = PyLong_FromVoidPtr(session);
        if (result == NULL) { /* nobody could close it later */
            (void)leaselock_session_close_async(session, NULL, NULL, NULL);
        }
        op_unref(op);
        return result;
    }
    result = op_run(op, 0, NULL);
    if (result == NULL) { /* interrupted; else it is closed already */
        (void)leaselock_session_close_async(session, NULL, NULL, NULL);
    }
    return result;
}

/* (target, session) */
PyObject *core_session_close(PyObject *self, PyObject *args)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    PyObject *target = NULL;
    void *session = NULL;
    struct op *op;
    int status;

    if (!PyArg_ParseTuple(args, "OO&", &target, handle_converter, &session)) {
        return NULL;
    }
    op = op_new((struct client *)self, target, RESULT_NONE);
    if (op == NULL) {
        return NULL;
    }
    status = leaselock_session_close_async(session, op_on_done, op, &error);
    return op_run(op, status, &error);
}

/* Closes a session without a report. */
PyObject *core_session_drop(PyObject *self, PyObject *number)
{
    struct client *client = (struct client *)self;
    void *session = NULL;

    if (!handle_of(number, &session)) {
        return NULL;
    }
    if (client->generation == core_generation && client->handle != NULL) {
        (void)leaselock_session_close_async(session, NULL, NULL, NULL);
    }
    Py_RETURN_NONE;
}

/* Takes an observer's memory out of the client's list. */
static void observer_remove(struct client *client, int64_t id)
{
    struct observer **at = &client->observers;

    while (*at != NULL && (*at)->id != id) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        struct observer *observer = *at;

        *at = observer->next;
        observer_free(observer);
    }
}

/* (name, listener): (handle, number of its events). The first event may come
 * before this returns, so the listener is entered first. */
PyObject *core_observe(PyObject *self, PyObject *args)
{
    struct client *client = (struct client *)self;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    const char *name = NULL;
    PyObject *listener = NULL;
    PyObject *number = NULL;
    PyObject *result = NULL;
    struct observer *observer;
    leaselock_observer *handle = NULL;
    int status;

    if (!PyArg_ParseTuple(args, "O&O", name_converter, &name, &listener) ||
        !client_is_usable(client)) {
        return NULL;
    }
    observer = calloc(1, sizeof(*observer));
    if (observer == NULL) {
        return PyErr_NoMemory();
    }
    observer->client = client;
    observer->id = --client->observers_last;
    observer->end = event_new(observer->id, EVENT_OBSERVER_END, NULL);
    if (observer->end == NULL) {
        observer_free(observer);
        return PyErr_NoMemory();
    }
    observer->next = client->observers;
    client->observers = observer;
    number = PyLong_FromLongLong(observer->id);
    if (number == NULL ||
        PyDict_SetItem(client->listeners, number, listener) != 0) {
        goto out;
    }
    status = leaselock_observe(client->handle, name, event_on_leader,
                               event_on_end, observer, &handle, &error);
    if (status != 0) {
        (void)PyDict_DelItem(client->listeners, number);
        core_raise(status, &error);
        goto out;
    }
    result = Py_BuildValue("NO", PyLong_FromVoidPtr(handle), number);
    if (result == NULL) {
        (void)leaselock_observer_close(handle);
    }
out:
    if (result == NULL) {
        observer_remove(client, observer->id);
    }
    Py_XDECREF(number);
    return result;
}

/* (handle, number): no event enters the queue later. It may wait for a callback
 * that runs, which needs no GIL. */
PyObject *core_observer_close(PyObject *self, PyObject *args)
{
    struct client *client = (struct client *)self;
    PyThreadState *state;
    void *handle = NULL;
    long long id = 0;

    if (!PyArg_ParseTuple(args, "O&L", handle_converter, &handle, &id)) {
        return NULL;
    }
    if (client->generation == core_generation) {
        state = PyEval_SaveThread();
        (void)leaselock_observer_close(handle);
        PyEval_RestoreThread(state);
        observer_remove(client, id);
    }
    Py_RETURN_NONE;
}
