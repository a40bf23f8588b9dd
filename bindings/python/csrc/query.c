/* SPDX-License-Identifier: Apache-2.0 */
/** Reads of a client, and the request to let go of a lock. */
#include "core.h"

/* (target, name, timeout_ms): a leader's fields */
PyObject *core_leader(PyObject *self, PyObject *args)
{
    struct client *client = (struct client *)self;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    PyObject *target = NULL;
    const char *name = NULL;
    struct op *op;
    int timeout_ms = 0;
    int status;

    if (!PyArg_ParseTuple(args, "OO&i", &target, name_converter, &name,
                          &timeout_ms)) {
        return NULL;
    }
    op = op_new(client, target, RESULT_LEADER);
    if (op == NULL) {
        return NULL;
    }
    status = leaselock_leader_async(client->handle, name, timeout_ms,
                                    &op->result.leader, op_on_done, op, &error);
    return op_run(op, status, &error);
}

/* (target, name, limit, with_ttl, timeout_ms): (revision, total, entries) */
PyObject *core_queue(PyObject *self, PyObject *args)
{
    struct client *client = (struct client *)self;
    struct leaselock_queue_options options = LEASELOCK_QUEUE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    PyObject *target = NULL;
    const char *name = NULL;
    struct op *op;
    int status;

    if (!PyArg_ParseTuple(args, "OO&ipi", &target, name_converter, &name,
                          &options.limit, &options.with_ttl,
                          &options.timeout_ms)) {
        return NULL;
    }
    op = op_new(client, target, RESULT_QUEUE);
    if (op == NULL) {
        return NULL;
    }
    status = leaselock_queue_async(client->handle, name, &options,
                                   &op->result.queue, op_on_done, op, &error);
    return op_run(op, status, &error);
}

/* (target, prefix, timeout_ms): (revision, locks) */
PyObject *core_locks(PyObject *self, PyObject *args)
{
    struct client *client = (struct client *)self;
    struct leaselock_locks_options options = LEASELOCK_LOCKS_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    PyObject *target = NULL;
    const char *prefix = NULL;
    struct op *op;
    int status;

    if (!PyArg_ParseTuple(args, "OO&i", &target, name_converter, &prefix,
                          &options.timeout_ms)) {
        return NULL;
    }
    op = op_new(client, target, RESULT_LOCKS);
    if (op == NULL) {
        return NULL;
    }
    status = leaselock_locks_async(client->handle, prefix, &options,
                                   &op->result.locks, op_on_done, op, &error);
    return op_run(op, status, &error);
}

/* (target, key, end or None, limit, keys_only, timeout_ms):
 * (revision, total, keys) */
PyObject *core_get(PyObject *self, PyObject *args)
{
    struct client *client = (struct client *)self;
    struct leaselock_get_options options = LEASELOCK_GET_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    PyObject *target = NULL;
    const char *key = NULL;
    const char *end = NULL;
    Py_ssize_t key_size = 0;
    Py_ssize_t end_size = 0;
    struct op *op;
    int status;

    if (!PyArg_ParseTuple(args, "Oy#z#ipi", &target, &key, &key_size, &end,
                          &end_size, &options.limit, &options.keys_only,
                          &options.timeout_ms)) {
        return NULL;
    }
    options.end = end;
    options.end_size = (size_t)end_size;
    op = op_new(client, target, RESULT_GET);
    if (op == NULL) {
        return NULL;
    }
    status =
        leaselock_get_async(client->handle, key, (size_t)key_size, &options,
                            &op->result.get, op_on_done, op, &error);
    return op_run(op, status, &error);
}

/* (target, name, reason, timeout_ms): how many were asked */
PyObject *core_yield(PyObject *self, PyObject *args)
{
    struct client *client = (struct client *)self;
    struct leaselock_yield_options options = LEASELOCK_YIELD_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    PyObject *target = NULL;
    const char *name = NULL;
    struct op *op;
    int status;

    if (!PyArg_ParseTuple(args, "OO&si", &target, name_converter, &name,
                          &options.reason, &options.timeout_ms)) {
        return NULL;
    }
    op = op_new(client, target, RESULT_NUMBER);
    if (op == NULL) {
        return NULL;
    }
    status = leaselock_yield_async(client->handle, name, &options,
                                   &op->result.number, op_on_done, op, &error);
    return op_run(op, status, &error);
}
