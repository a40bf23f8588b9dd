/* SPDX-License-Identifier: Apache-2.0 */
/** Tickets: acquire, campaign, release. */
#include "core.h"

#include <string.h>

bool handle_of(PyObject *number, void **ret_handle)
{
    *ret_handle = PyLong_AsVoidPtr(number);
    return *ret_handle != NULL || PyErr_Occurred() == NULL;
}

int handle_converter(PyObject *number, void *ret_handle)
{
    return handle_of(number, ret_handle) ? 1 : 0;
}

/** A lock's name, borrowed from a str or from bytes; NULL with an exception. */
static const char *name_of(PyObject *object)
{
    Py_ssize_t size = 0;
    const char *name;

    if (PyBytes_Check(object)) {
        name = PyBytes_AS_STRING(object);
        size = PyBytes_GET_SIZE(object);
    } else {
        name = PyUnicode_AsUTF8AndSize(object, &size);
    }
    if (name != NULL && strlen(name) != (size_t)size) {
        core_raise(LEASELOCK_E_NAME, NULL);
        return NULL;
    }
    return name;
}

int name_converter(PyObject *object, void *ret_name)
{
    const char *name = name_of(object);

    if (name == NULL) {
        return 0;
    }
    *(const char **)ret_name = name;
    return 1;
}

/** A ticket's owner: its end releases the ticket, held or waiting. A signal
 *  handler may raise between any two instructions of Python, and so in a
 *  __del__, too; not in here. */
struct place {
    PyObject_HEAD struct client *client;
    leaselock_ticket *ticket;
};

static void place_dealloc(PyObject *self)
{
    struct place *place = (struct place *)self;
    const struct client *client = place->client;

    /* Most often it has been released: handles are numbers, never reused. */
    if (client->generation == core_generation && client->handle != NULL) {
        (void)leaselock_release_async(place->ticket, NULL, NULL, NULL);
    }
    Py_DECREF(place->client);
    Py_TYPE(self)->tp_free(self);
}

PyTypeObject place_type = {
    PyVarObject_HEAD_INIT(NULL, 0) /**/
        .tp_name = "leaselock._core.Place",
    .tp_basicsize = sizeof(struct place),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = place_dealloc,
};

/** The object of a ticket: factory(number, its owner). */
static PyObject *
ticket_made(struct client *client, PyObject *factory, leaselock_ticket *ticket)
{
    struct place *place = PyObject_New(struct place, &place_type);
    PyObject *number = NULL;
    PyObject *made = NULL;

    if (place == NULL) {
        (void)leaselock_release_async(ticket, NULL, NULL, NULL);
        return NULL;
    }
    Py_INCREF(client);
    place->client = client;
    place->ticket = ticket;
    number = PyLong_FromVoidPtr(ticket);
    if (number != NULL) {
        made = PyObject_CallFunctionObjArgs(factory, number, (PyObject *)place,
                                            NULL);
    }
    Py_XDECREF(number);
    Py_DECREF(place);
    return made;
}

/** Waits for a ticket. @return whether it is held; else there is an exception,
 *  and it has been released, granted or not */
static bool ticket_awaited(struct op *op,
                           const struct leaselock_acquire_options *options)
{
    leaselock_ticket *ticket = op->result.handle;

    /* A lock that the session keeps is held at once: its callback, which has
     * nothing to add, may come later. */
    if (options->keep_ms != 0 &&
        leaselock_ticket_state(ticket) == LEASELOCK_TICKET_HELD) {
        return true;
    }
    if (op_wait(op, -1) != 0) {
        (void)leaselock_release_async(ticket, NULL, NULL, NULL);
        return false;
    }
    if (op->status != 0) {
        core_raise(op->status, op->error);
        return false;
    }
    return true;
}

/** The end of a method that has begun to take a place: the ticket's object, at
 *  once if there is a future. */
static PyObject *ticket_begun(struct op *op,
                              const struct leaselock_acquire_options *options,
                              PyObject *factory,
                              int status,
                              const struct leaselock_error *error)
{
    PyObject *made = NULL;

    if (status != 0) {
        return op_run(op, status, error);
    }
    if (op->future != NULL || ticket_awaited(op, options)) {
        made = ticket_made(op->client, factory, op->result.handle);
    }
    op_unref(op);
    return made;
}

/* (target, session, name, options, timeout_ms, factory) */
PyObject *core_acquire(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct client *client = (struct client *)self;
    struct leaselock_acquire_options options;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    const char *name;
    void *session = NULL;
    struct op *op;
    long timeout_ms;
    int status;

    if (n != 6) {
        PyErr_SetString(PyExc_TypeError, "acquire takes 6 arguments");
        return NULL;
    }
    name = name_of(args[2]);
    timeout_ms = PyLong_AsLong(args[4]);
    if (name == NULL || (timeout_ms == -1 && PyErr_Occurred() != NULL) ||
        !handle_of(args[1], &session) ||
        !options_of(client, args[3], &options)) {
        return NULL;
    }
    op = op_new(client, args[0], RESULT_HANDLE);
    if (op == NULL) {
        return NULL;
    }
    status = leaselock_acquire_async(
        session, name, &options, (int)timeout_ms, op_on_done, op,
        (leaselock_ticket **)&op->result.handle, &error);
    return ticket_begun(op, &options, args[5], status, &error);
}

/* (target, session, names, options, timeout_ms, factory) */
PyObject *core_acquire_all(PyObject *self, PyObject *args)
{
    struct client *client = (struct client *)self;
    struct leaselock_acquire_options options;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    const char *names[LEASELOCK_NAMES_MAX];
    PyObject *target = NULL;
    PyObject *tuple = NULL;
    PyObject *factory = NULL;
    PyObject *given = NULL;
    void *session = NULL;
    Py_ssize_t names_n;
    struct op *op;
    int timeout_ms = 0;
    int status;

    if (!PyArg_ParseTuple(args, "OO&O!OiO", &target, handle_converter, &session,
                          &PyTuple_Type, &tuple, &given, &timeout_ms,
                          &factory) ||
        !options_of(client, given, &options)) {
        return NULL;
    }
    names_n = PyTuple_GET_SIZE(tuple);
    if (names_n > LEASELOCK_NAMES_MAX) {
        return core_raise(LEASELOCK_E_ARGUMENT, NULL);
    }
    for (Py_ssize_t i = 0; i < names_n; i++) {
        names[i] = name_of(PyTuple_GET_ITEM(tuple, i));
        if (names[i] == NULL) {
            return NULL;
        }
    }
    op = op_new(client, target, RESULT_HANDLE);
    if (op == NULL) {
        return NULL;
    }
    status = leaselock_acquire_all_async(
        session, names, (size_t)names_n, &options, timeout_ms, op_on_done, op,
        (leaselock_ticket **)&op->result.handle, &error);
    return ticket_begun(op, &options, factory, status, &error);
}

/* (target, session, name, value, options, timeout_ms, factory) */
PyObject *core_campaign(PyObject *self, PyObject *args)
{
    struct client *client = (struct client *)self;
    struct leaselock_acquire_options options;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    PyObject *target = NULL;
    PyObject *given = NULL;
    PyObject *factory = NULL;
    void *session = NULL;
    const char *name = NULL;
    const char *value = NULL;
    Py_ssize_t value_size = 0;
    struct op *op;
    int timeout_ms = 0;
    int status;

    if (!PyArg_ParseTuple(args, "OO&O&y#OiO", &target, handle_converter,
                          &session, name_converter, &name, &value, &value_size,
                          &given, &timeout_ms, &factory) ||
        !options_of(client, given, &options)) {
        return NULL;
    }
    op = op_new(client, target, RESULT_HANDLE);
    if (op == NULL) {
        return NULL;
    }
    status = leaselock_campaign_async(
        session, name, value, (size_t)value_size, &options, timeout_ms,
        op_on_done, op, (leaselock_ticket **)&op->result.handle, &error);
    return ticket_begun(op, &options, factory, status, &error);
}

/* (target, ticket, timeout_ms) */
PyObject *core_rejoin(PyObject *self, PyObject *args)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    PyObject *target = NULL;
    void *ticket = NULL;
    struct op *op;
    int timeout_ms = 0;
    int status;

    if (!PyArg_ParseTuple(args, "OO&i", &target, handle_converter, &ticket,
                          &timeout_ms)) {
        return NULL;
    }
    op = op_new((struct client *)self, target, RESULT_NONE);
    if (op == NULL) {
        return NULL;
    }
    status = leaselock_rejoin_async(ticket, timeout_ms, op_on_done, op, &error);
    return op_run(op, status, &error);
}

/* (target, ticket). The blocking form is the library's own, which needs no
 * second thread; etcd's answer is waited for, whatever signals come. */
PyObject *core_release(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct client *client = (struct client *)self;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    PyThreadState *state;
    void *ticket = NULL;
    struct op *op;
    int status;

    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "release takes 2 arguments");
        return NULL;
    }
    if (!handle_of(args[1], &ticket)) {
        return NULL;
    }
    if (args[0] == Py_None) {
        if (!client_is_usable(client)) {
            return NULL;
        }
        state = PyEval_SaveThread();
        status = leaselock_release(ticket, &error);
        PyEval_RestoreThread(state);
        if (status != 0) {
            return core_raise(status, &error);
        }
        Py_RETURN_NONE;
    }
    op = op_new(client, args[0], RESULT_NONE);
    if (op == NULL) {
        return NULL;
    }
    status = leaselock_release_async(ticket, op_on_done, op, &error);
    return op_run(op, status, &error);
}

/* Releases a ticket, held or waiting, without a report. */
PyObject *core_withdraw(PyObject *self, PyObject *number)
{
    struct client *client = (struct client *)self;
    void *ticket = NULL;

    if (!handle_of(number, &ticket)) {
        return NULL;
    }
    if (client->generation == core_generation && client->handle != NULL) {
        (void)leaselock_release_async(ticket, NULL, NULL, NULL);
    }
    Py_RETURN_NONE;
}
