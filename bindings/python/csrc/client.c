/* SPDX-License-Identifier: Apache-2.0 */
/** The type Client: a client of the library, its queue and its methods. */
#include "core.h"

#include <leaselock/config.h>
#include <leaselock/stats.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAIT_MS 1000

bool client_is_usable(struct client *client)
{
    if (client->generation != core_generation) {
        core_raise(LEASELOCK_E_FORKED, NULL);
        return false;
    }
    if (client->handle == NULL || client->closing) {
        core_raise(LEASELOCK_E_CLOSED, NULL);
        return false;
    }
    return true;
}

/** Reads (name, text) pairs; the texts stay borrowed. */
static bool settings_of(PyObject *pairs,
                        struct leaselock_client_options *ret_options)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(pairs); i++) {
        const char *name = NULL;
        const char *text = NULL;
        int status;

        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(pairs, i), "ss", &name, &text)) {
            return false;
        }
        status = leaselock_client_options_set(ret_options, name, text, &error);
        if (status != 0) {
            core_raise(status, &error);
            return false;
        }
    }
    return true;
}

static int client_open(struct client *client,
                       const char *endpoints,
                       PyObject *pairs,
                       int from_env)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    PyThreadState *state;
    int status;

    if (!settings_of(pairs, &options)) {
        return -1;
    }
    state = PyEval_SaveThread(); /* it asks the DNS, perhaps */
    status = from_env ? leaselock_client_open_from_env(endpoints, &options,
                                                       &client->handle, &error)
                      : leaselock_client_open(endpoints, &options,
                                              &client->handle, &error);
    PyEval_RestoreThread(state);
    if (status != 0) {
        client->handle = NULL;
        core_raise(status, &error);
        return -1;
    }
    return 0;
}

static PyObject *
client_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    struct client *client;
    const char *endpoints = NULL;
    PyObject *pairs = NULL;
    int from_env = 0;

    (void)keywords;
    if (!PyArg_ParseTuple(args, "zO!p", &endpoints, &PyTuple_Type, &pairs,
                          &from_env)) {
        return NULL;
    }
    client = (struct client *)type->tp_alloc(type, 0);
    if (client == NULL) {
        return NULL;
    }
    client->generation = core_generation;
    client->last = &client->first;
    atomic_init(&client->is_heard, false);
    (void)pthread_mutex_init(&client->mutex, NULL);
    client->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (client->fd < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        goto fail;
    }
    client->listeners = PyDict_New();
    if (client->listeners == NULL ||
        client_open(client, endpoints, pairs, from_env) != 0) {
        goto fail;
    }
    return (PyObject *)client;
fail:
    Py_DECREF(client);
    return NULL;
}

static int client_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct client *)self)->listeners);
    return 0;
}

static int client_clear(PyObject *self)
{
    Py_CLEAR(((struct client *)self)->listeners);
    return 0;
}

static void queue_free(struct client *client)
{
    struct due *at = client->first;

    while (at != NULL) {
        struct due *next = at->next;

        if (at->is_op) {
            op_unref((struct op *)at);
        } else {
            event_free((struct event *)at);
        }
        at = next;
    }
    client->first = NULL;
    client->last = &client->first;
}

/* In a forked process the library's client is not there, and its thread may
 * have had the mutex. */
static void client_dealloc(PyObject *self)
{
    struct client *client = (struct client *)self;

    PyObject_GC_UnTrack(self);
    if (client->generation == core_generation && client->handle != NULL) {
        leaselock_client *handle = client->handle;
        PyThreadState *state;

        client->handle = NULL;
        state = PyEval_SaveThread();
        (void)leaselock_client_close(handle, NULL);
        PyEval_RestoreThread(state);
    }
    if (client->generation == core_generation) {
        queue_free(client);
        (void)pthread_mutex_destroy(&client->mutex);
        while (client->observers != NULL) {
            struct observer *observer = client->observers;

            client->observers = observer->next;
            observer_free(observer);
        }
    }
    if (client->fd >= 0) {
        (void)close(client->fd);
    }
    (void)client_clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *core_close(PyObject *self, PyObject *unused)
{
    struct client *client = (struct client *)self;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    PyThreadState *state;
    uint64_t one = 1;
    int status;

    (void)unused;
    if (client->generation == core_generation &&
        (client->closing || client->handle == NULL)) {
        Py_RETURN_NONE;
    }
    if (!client_is_usable(client)) {
        return NULL;
    }
    client->closing = true;
    state = PyEval_SaveThread();
    status = leaselock_client_close(client->handle, &error);
    /* What was due has entered the queue: whoever reads it is to look. */
    while (write(client->fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    PyEval_RestoreThread(state);
    client->handle = NULL;
    if (status != 0) {
        return core_raise(status, &error);
    }
    Py_RETURN_NONE;
}

static PyObject *core_fileno(PyObject *self, PyObject *unused)
{
    const struct client *client = (struct client *)self;

    (void)unused;
    if (client->generation != core_generation) {
        return core_raise(LEASELOCK_E_FORKED, NULL);
    }
    return PyLong_FromLong(client->fd);
}

/* (the loop that runs on this thread or None, settle): as op_deliver */
static PyObject *core_drain(PyObject *self, PyObject *args)
{
    struct client *client = (struct client *)self;
    PyObject *loop = NULL;
    PyObject *settle = NULL;
    struct due *at;
    long n = 0;

    if (!PyArg_ParseTuple(args, "OO", &loop, &settle)) {
        return NULL;
    }
    if (client->generation != core_generation) {
        return core_raise(LEASELOCK_E_FORKED, NULL);
    }
    at = queue_take(client);
    while (at != NULL) {
        struct due *next = at->next;

        if (at->is_op) {
            op_deliver((struct op *)at, loop, settle);
        } else {
            if (event_deliver(client, (struct event *)at) != 0) {
                PyErr_WriteUnraisable(self);
            }
            event_free((struct event *)at);
        }
        at = next;
        n++;
    }
    return PyLong_FromLong(n);
}

/* Until the descriptor is readable, for a while at most: who else reads it may
 * have been faster. Without the GIL. */
static PyObject *core_wait(PyObject *self, PyObject *unused)
{
    struct client *client = (struct client *)self;
    struct pollfd wanted = {.fd = client->fd, .events = POLLIN};
    PyThreadState *state;

    (void)unused;
    state = PyEval_SaveThread();
    (void)poll(&wanted, 1, WAIT_MS);
    PyEval_RestoreThread(state);
    Py_RETURN_NONE;
}

static PyObject *core_wake(PyObject *self, PyObject *unused)
{
    uint64_t one = 1;

    (void)unused;
    while (write(((struct client *)self)->fd, &one, sizeof(one)) < 0 &&
           errno == EINTR) {
    }
    Py_RETURN_NONE;
}

/* (number, callable or None) */
static PyObject *core_listen(PyObject *self, PyObject *args)
{
    struct client *client = (struct client *)self;
    PyObject *number = NULL;
    PyObject *listener = NULL;
    int status = 0;

    if (!PyArg_ParseTuple(args, "OO", &number, &listener)) {
        return NULL;
    }
    if (listener != Py_None) {
        atomic_store(&client->is_heard, true);
        status = PyDict_SetItem(client->listeners, number, listener);
    } else if (PyDict_Contains(client->listeners, number) == 1) {
        status = PyDict_DelItem(client->listeners, number);
    }
    if (status != 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *core_metrics(PyObject *self, PyObject *unused)
{
    struct client *client = (struct client *)self;
    struct leaselock_stats stats = LEASELOCK_STATS_INIT;
    PyObject *text = NULL;
    char *buffer;
    int length;
    int status;

    (void)unused;
    if (!client_is_usable(client)) {
        return NULL;
    }
    status = leaselock_client_stats(client->handle, &stats);
    length =
        status == 0 ? leaselock_stats_openmetrics(&stats, NULL, 0) : status;
    if (length < 0) {
        return core_raise(length, NULL);
    }
    buffer = malloc((size_t)length + 1);
    if (buffer == NULL) {
        return PyErr_NoMemory();
    }
    length = leaselock_stats_openmetrics(&stats, buffer, (size_t)length + 1);
    text = length < 0 ? core_raise(length, NULL) : text_of(buffer);
    free(buffer);
    return text;
}

#define FAST(name, function)                                                   \
    {                                                                          \
        name, (PyCFunction)(void (*)(void))(function), METH_FASTCALL, NULL     \
    }
#define PLAIN(name, function, flags)                                           \
    {                                                                          \
        name, function, flags, NULL                                            \
    }

static PyMethodDef client_methods[] = {
    PLAIN("close", core_close, METH_NOARGS),
    PLAIN("fileno", core_fileno, METH_NOARGS),
    PLAIN("drain", core_drain, METH_VARARGS),
    PLAIN("wait", core_wait, METH_NOARGS),
    PLAIN("wake", core_wake, METH_NOARGS),
    PLAIN("listen", core_listen, METH_VARARGS),
    PLAIN("metrics", core_metrics, METH_NOARGS),
    FAST("acquire", core_acquire),
    FAST("release", core_release),
    PLAIN("acquire_all", core_acquire_all, METH_VARARGS),
    PLAIN("campaign", core_campaign, METH_VARARGS),
    PLAIN("rejoin", core_rejoin, METH_VARARGS),
    PLAIN("withdraw", core_withdraw, METH_O),
    PLAIN("proclaim", core_proclaim, METH_VARARGS),
    PLAIN("outcome", core_outcome, METH_VARARGS),
    PLAIN("txn", core_txn, METH_VARARGS),
    PLAIN("session_open", core_session_open, METH_VARARGS),
    PLAIN("session_close", core_session_close, METH_VARARGS),
    PLAIN("session_drop", core_session_drop, METH_O),
    PLAIN("observe", core_observe, METH_VARARGS),
    PLAIN("observer_close", core_observer_close, METH_VARARGS),
    PLAIN("leader", core_leader, METH_VARARGS),
    PLAIN("queue", core_queue, METH_VARARGS),
    PLAIN("locks", core_locks, METH_VARARGS),
    PLAIN("get", core_get, METH_VARARGS),
    PLAIN("ask_to_yield", core_yield, METH_VARARGS),
    {NULL, NULL, 0, NULL},
};

PyTypeObject client_type = {
    PyVarObject_HEAD_INIT(NULL, 0) /**/
        .tp_name = "leaselock._core.Client",
    .tp_basicsize = sizeof(struct client),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = client_new,
    .tp_dealloc = client_dealloc,
    .tp_traverse = client_traverse,
    .tp_clear = client_clear,
    .tp_methods = client_methods,
};
