/* SPDX-License-Identifier: Apache-2.0 */
/** What a held ticket writes. */
#include "core.h"

#include <stdlib.h>

/* (target, ticket, value, timeout_ms) */
PyObject *core_proclaim(PyObject *self, PyObject *args)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    PyObject *target = NULL;
    void *ticket = NULL;
    const char *value = NULL;
    Py_ssize_t value_size = 0;
    struct op *op;
    int timeout_ms = 0;
    int status;

    if (!PyArg_ParseTuple(args, "OO&y#i", &target, handle_converter, &ticket,
                          &value, &value_size, &timeout_ms)) {
        return NULL;
    }
    op = op_new((struct client *)self, target, RESULT_NONE);
    if (op == NULL) {
        return NULL;
    }
    status = leaselock_proclaim_async(ticket, value, (size_t)value_size,
                                      timeout_ms, op_on_done, op, &error);
    return op_run(op, status, &error);
}

/* Does not wait: an operation that is started would be late. */
static PyObject *outcome_now(struct client *client, void *ticket)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    PyThreadState *state;
    int status;

    if (!client_is_usable(client)) {
        return NULL;
    }
    state = PyEval_SaveThread();
    status = leaselock_fenced_outcome(ticket, 0, &error);
    PyEval_RestoreThread(state);
    if (status != 0) {
        return core_raise(status, &error);
    }
    Py_RETURN_NONE;
}

/* (target, ticket, timeout_ms); the time counts in the blocking form alone. */
PyObject *core_outcome(PyObject *self, PyObject *args)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    PyObject *target = NULL;
    void *ticket = NULL;
    PyObject *result = NULL;
    struct op *op;
    int timeout_ms = 0;
    int status;
    int waited;

    if (!PyArg_ParseTuple(args, "OO&i", &target, handle_converter, &ticket,
                          &timeout_ms)) {
        return NULL;
    }
    if (target == Py_None && timeout_ms == 0) {
        return outcome_now((struct client *)self, ticket);
    }
    op = op_new((struct client *)self, target, RESULT_NONE);
    if (op == NULL) {
        return NULL;
    }
    status = leaselock_fenced_outcome_async(ticket, op_on_done, op, &error);
    if (status != 0 || op->future != NULL) {
        return op_run(op, status, &error);
    }
    waited = op_wait(op, timeout_ms);
    if (waited == 0 && op->status == 0) {
        result = Py_NewRef(Py_None);
    } else if (waited >= 0) {
        core_raise(waited == 0 ? op->status : LEASELOCK_E_TIMEOUT,
                   waited == 0 ? op->error : NULL);
    }
    op_unref(op);
    return result;
}

/** A txn of the library, from lists of tuples; its arrays are borrowed from
 *  these but for the structs. */
struct txn {
    struct leaselock_txn raw;
    struct leaselock_compare *compares;
    struct leaselock_op *ops;
    struct leaselock_read *reads;
};

static void txn_free(struct txn *txn)
{
    free(txn->compares);
    free(txn->ops);
    free(txn->reads);
}

/* (key, target, result, number, value) */
static bool compare_of(PyObject *tuple, struct leaselock_compare *compare)
{
    const char *key = NULL;
    const char *value = NULL;
    Py_ssize_t key_size = 0;
    Py_ssize_t value_size = 0;
    long long number = 0;
    int target = 0;
    int result = 0;

    if (!PyArg_ParseTuple(tuple, "y#iiLy#", &key, &key_size, &target, &result,
                          &number, &value, &value_size)) {
        return false;
    }
    *compare = (struct leaselock_compare){
        .key = key,
        .key_size = (size_t)key_size,
        .target = (enum leaselock_compare_target)target,
        .result = (enum leaselock_compare_result)result,
        .number = number,
        .value = value,
        .value_size = (size_t)value_size};
    return true;
}

/* (kind, key, value, lease) */
static bool write_of(PyObject *tuple, struct leaselock_op *write)
{
    const char *key = NULL;
    const char *value = NULL;
    Py_ssize_t key_size = 0;
    Py_ssize_t value_size = 0;
    long long lease = 0;
    int kind = 0;

    if (!PyArg_ParseTuple(tuple, "iy#y#L", &kind, &key, &key_size, &value,
                          &value_size, &lease)) {
        return false;
    }
    *write = (struct leaselock_op){.kind = (enum leaselock_op_kind)kind,
                                   .key = key,
                                   .key_size = (size_t)key_size,
                                   .value = value,
                                   .value_size = (size_t)value_size,
                                   .lease = lease};
    return true;
}

/* (key, end or None, limit, keys_only) */
static bool read_of(PyObject *tuple, struct leaselock_read *read)
{
    const char *key = NULL;
    const char *end = NULL;
    Py_ssize_t key_size = 0;
    Py_ssize_t end_size = 0;
    int limit = 0;
    int keys_only = 0;

    if (!PyArg_ParseTuple(tuple, "y#z#ip", &key, &key_size, &end, &end_size,
                          &limit, &keys_only)) {
        return false;
    }
    *read = (struct leaselock_read){.key = key,
                                    .key_size = (size_t)key_size,
                                    .end = end,
                                    .end_size = (size_t)end_size,
                                    .limit = limit,
                                    .keys_only = keys_only};
    return true;
}

/** Fills a txn. @return false with an exception */
static bool
txn_of(struct txn *txn, PyObject *compares, PyObject *ops, PyObject *reads)
{
    size_t compares_n = (size_t)PyTuple_GET_SIZE(compares);
    size_t ops_n = (size_t)PyTuple_GET_SIZE(ops);
    size_t reads_n = (size_t)PyTuple_GET_SIZE(reads);

    txn->compares = calloc(compares_n + 1, sizeof(*txn->compares));
    txn->ops = calloc(ops_n + 1, sizeof(*txn->ops));
    txn->reads = calloc(reads_n + 1, sizeof(*txn->reads));
    if (txn->compares == NULL || txn->ops == NULL || txn->reads == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (size_t i = 0; i < compares_n; i++) {
        if (!compare_of(PyTuple_GET_ITEM(compares, (Py_ssize_t)i),
                        &txn->compares[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < ops_n; i++) {
        if (!write_of(PyTuple_GET_ITEM(ops, (Py_ssize_t)i), &txn->ops[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < reads_n; i++) {
        if (!read_of(PyTuple_GET_ITEM(reads, (Py_ssize_t)i), &txn->reads[i])) {
            return false;
        }
    }
    txn->raw.compares = txn->compares;
    txn->raw.compares_n = compares_n;
    txn->raw.ops = txn->ops;
    txn->raw.ops_n = ops_n;
    txn->raw.reads = txn->reads;
    txn->raw.reads_n = reads_n;
    return true;
}

static PyObject *txn_run(struct client *client,
                         PyObject *target,
                         void *ticket,
                         struct txn *txn,
                         int timeout_ms)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct op *op = op_new(client, target, RESULT_TXN);
    int status;

    if (op == NULL) {
        return NULL;
    }
    op->result.txn.reads =
        calloc(txn->raw.reads_n + 1, sizeof(struct leaselock_get_info *));
    if (op->result.txn.reads == NULL) {
        op_unref(op);
        op_unref(op);
        return PyErr_NoMemory();
    }
    op->result.txn.reads_n = txn->raw.reads_n;
    txn->raw.ret_reads = op->result.txn.reads;
    txn->raw.ret_revision = &op->result.txn.revision;
    status = leaselock_fenced_txn_async(ticket, &txn->raw, timeout_ms,
                                        op_on_done, op, &error);
    return op_run(op, status, &error);
}

/* (target, ticket, compares, ops, reads, release, timeout_ms):
 * (revision, reads) */
PyObject *core_txn(PyObject *self, PyObject *args)
{
    struct txn txn = {.raw = LEASELOCK_TXN_INIT};
    PyObject *target = NULL;
    PyObject *compares = NULL;
    PyObject *ops = NULL;
    PyObject *reads = NULL;
    PyObject *result = NULL;
    void *ticket = NULL;
    int timeout_ms = 0;

    if (!PyArg_ParseTuple(args, "OO&O!O!O!pi", &target, handle_converter,
                          &ticket, &PyTuple_Type, &compares, &PyTuple_Type,
                          &ops, &PyTuple_Type, &reads, &txn.raw.release,
                          &timeout_ms)) {
        return NULL;
    }
    if (txn_of(&txn, compares, ops, reads)) {
        result =
            txn_run((struct client *)self, target, ticket, &txn, timeout_ms);
    }
    txn_free(&txn);
    return result;
}
