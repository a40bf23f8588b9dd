/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/**
 * The longest wait before a look for signals: a signal can come between such a
 * look and the wait, or be taken by another thread.
 */
#define SLICE_NS INT64_C(200000000)
#define NS_PER_S INT64_C(1000000000)

struct op *
op_new(struct client *client, PyObject *target, enum result_kind kind)
{
    struct op *op;

    if (!client_is_usable(client)) {
        return NULL;
    }
    op = calloc(1, sizeof(*op));
    if (op == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    op->due.is_op = true;
    atomic_init(&op->refs, 2);
    op->client = client;
    op->kind = kind;
    if (target == Py_None) {
        (void)sem_init(&op->done, 0, 0);
    } else {
        op->future = Py_NewRef(target);
    }
    return op;
}

/* One with a future is only freed with the GIL. */
void op_unref(struct op *op)
{
    if (atomic_fetch_sub(&op->refs, 1) > 1) {
        return;
    }
    if (op->future == NULL) {
        (void)sem_destroy(&op->done);
    }
    Py_XDECREF(op->future);
    op_result_free(op);
    free(op->error);
    free(op);
}

void op_on_done(int status, const struct leaselock_error *error, void *arg)
{
    struct op *op = arg;

    op->status = status;
    if (status != 0 && error != NULL) {
        op->error = malloc(sizeof(*op->error));
        if (op->error != NULL) {
            *op->error = *error;
        }
    }
    if (op->future != NULL) {
        queue_push(op->client, &op->due);
    } else {
        (void)sem_post(&op->done);
        op_unref(op);
    }
}

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static bool op_wait_until(struct op *op, int64_t until_ns)
{
    struct timespec until = {until_ns / NS_PER_S, until_ns % NS_PER_S};

    return sem_clockwait(&op->done, CLOCK_MONOTONIC, &until) == 0;
}

int op_wait(struct op *op, int timeout_ms)
{
    int64_t end_ns = timeout_ms < 0
                         ? INT64_MAX
                         : now_ns() + (int64_t)timeout_ms * INT64_C(1000000);
    bool done = sem_trywait(&op->done) == 0;

    while (!done) {
        int64_t start_ns = now_ns();
        int64_t until_ns = start_ns + SLICE_NS;
        PyThreadState *state;

        if (start_ns >= end_ns) {
            return 1;
        }
        until_ns = until_ns < end_ns ? until_ns : end_ns;
        state = PyEval_SaveThread();
        done = op_wait_until(op, until_ns);
        PyEval_RestoreThread(state);
        if (!done && PyErr_CheckSignals() != 0) {
            return -1;
        }
    }
    return 0;
}

PyObject *op_run(struct op *op, int status, const struct leaselock_error *error)
{
    PyObject *result = NULL;

    if (status != 0) {
        op_unref(op); /* no callback comes */
        core_raise(status, error);
    } else if (op->future != NULL) {
        result = Py_NewRef(Py_None);
    } else if (op_wait(op, -1) == 0) {
        result =
            op->status == 0 ? op_result(op) : core_raise(op->status, op->error);
    }
    op_unref(op);
    return result;
}

/** Whether somebody still waits for it; errors count as not. */
static bool is_pending(PyObject *future)
{
    PyObject *done = PyObject_CallMethodNoArgs(future, core_str_done);
    bool pending = done == Py_False;

    Py_XDECREF(done);
    return pending;
}

/** The exception that is set, which is cleared; NULL if it cannot be made. */
static PyObject *exception_taken(void)
{
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *trace = NULL;

    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    Py_XDECREF(type);
    Py_XDECREF(trace);
    return value;
}

/** Whether a future is of this loop; errors count as not. */
static bool is_of_loop(PyObject *future, PyObject *loop)
{
    PyObject *own = NULL;

    if (loop != Py_None) {
        own = PyObject_CallMethodNoArgs(future, core_str_get_loop);
        if (own == NULL) {
            PyErr_Clear();
        }
    }
    Py_XDECREF(own);
    return own != NULL && own == loop;
}

static void op_settle(struct op *op, PyObject *loop, PyObject *settle)
{
    PyObject *method = core_str_set_exception;
    PyObject *value;
    PyObject *returned = NULL;

    if (op->status == 0) {
        method = core_str_set_result;
        value = op_result(op);
    } else {
        value = core_exception(op->status, op->error);
    }
    if (value ==
        NULL) { /* no memory for it, perhaps: whoever waits gets that */
        method = core_str_set_exception;
        value = exception_taken();
    }
    if (value != NULL) {
        returned = is_of_loop(op->future, loop)
                       ? PyObject_CallMethodOneArg(op->future, method, value)
                       : PyObject_CallFunctionObjArgs(settle, op->future,
                                                      method, value, NULL);
    }
    Py_XDECREF(value);
    Py_XDECREF(returned);
}

void op_deliver(struct op *op, PyObject *loop, PyObject *settle)
{
    if (is_pending(op->future)) {
        op_settle(op, loop, settle);
    }
    if (PyErr_Occurred() != NULL) { /* as when the loop has been closed */
        PyErr_WriteUnraisable(op->future);
    }
    op_unref(op);
}
