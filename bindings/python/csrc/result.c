/* SPDX-License-Identifier: Apache-2.0 */
/** The results of operations, as tuples: _types.py has their fields' names. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

/* Other clients' keys may have any bytes. */
PyObject *text_of(const char *text)
{
    return text == NULL ? PyUnicode_FromString("")
                        : PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text),
                                               "surrogateescape");
}

PyObject *text_or_none(const char *text)
{
    return text == NULL ? Py_NewRef(Py_None) : text_of(text);
}

static PyObject *leader_result(const struct leaselock_leader_info *leader)
{
    return Py_BuildValue("Ny#LLL", text_of(leader->key), leader->value,
                         (Py_ssize_t)leader->value_size,
                         (long long)leader->token, (long long)leader->revision,
                         (long long)leader->lease);
}

static PyObject *entry_result(const struct leaselock_queue_entry *entry)
{
    return Py_BuildValue(
        "Ny#LLLNNNLLiiiiiiii", text_of(entry->key), entry->value,
        (Py_ssize_t)entry->value_size, (long long)entry->token,
        (long long)entry->lease, (long long)entry->ttl_s, text_of(entry->host),
        text_of(entry->program), text_of(entry->label), (long long)entry->pid,
        (long long)entry->since_unix_s, entry->mode, entry->permits,
        entry->holds, entry->candidate, entry->foreign, entry->nested,
        entry->lock_delay_ms, entry->keep_ms);
}

/** A list of n objects that make(i, arg) returns. */
static PyObject *list_result(size_t n,
                             PyObject *(*make)(size_t i, const void *arg),
                             const void *arg)
{
    PyObject *list = PyList_New((Py_ssize_t)n);

    for (size_t i = 0; list != NULL && i < n; i++) {
        PyObject *item = make(i, arg);

        if (item == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, (Py_ssize_t)i, item);
        }
    }
    return list;
}

static PyObject *queue_item(size_t i, const void *arg)
{
    const struct leaselock_queue_info *queue = arg;

    return entry_result(&queue->entries[i]);
}

static PyObject *lock_item(size_t i, const void *arg)
{
    const struct leaselock_locks_info *locks = arg;
    const struct leaselock_lock_info *lock = &locks->locks[i];

    return Py_BuildValue("NnNn", text_of(lock->name),
                         (Py_ssize_t)lock->places_n, entry_result(lock->holder),
                         (Py_ssize_t)lock->holders_n);
}

static PyObject *kv_item(size_t i, const void *arg)
{
    const struct leaselock_get_info *info = arg;
    const struct leaselock_kv *kv = &info->kvs[i];

    return Py_BuildValue("y#y#LLLL", kv->key, (Py_ssize_t)kv->key_size,
                         kv->value, (Py_ssize_t)kv->value_size,
                         (long long)kv->create_revision,
                         (long long)kv->mod_revision, (long long)kv->version,
                         (long long)kv->lease);
}

static PyObject *get_result(const struct leaselock_get_info *info)
{
    if (info == NULL) { /* what was read is not known any more */
        return Py_NewRef(Py_None);
    }
    return Py_BuildValue("LLN", (long long)info->revision,
                         (long long)info->total,
                         list_result(info->kvs_n, kv_item, info));
}

static PyObject *read_item(size_t i, const void *arg)
{
    struct leaselock_get_info *const *reads = arg;

    return get_result(reads[i]);
}

PyObject *op_result(struct op *op)
{
    switch (op->kind) {
    case RESULT_NONE:
        break;
    case RESULT_HANDLE:
        return PyLong_FromVoidPtr(op->result.handle);
    case RESULT_NUMBER:
        return PyLong_FromLong(op->result.number);
    case RESULT_LEADER:
        return leader_result(op->result.leader);
    case RESULT_QUEUE:
        return Py_BuildValue("LLN", (long long)op->result.queue->revision,
                             (long long)op->result.queue->total,
                             list_result(op->result.queue->entries_n,
                                         queue_item, op->result.queue));
    case RESULT_LOCKS:
        return Py_BuildValue("LN", (long long)op->result.locks->revision,
                             list_result(op->result.locks->locks_n, lock_item,
                                         op->result.locks));
    case RESULT_GET:
        return get_result(op->result.get);
    case RESULT_TXN:
        return Py_BuildValue("LN", (long long)op->result.txn.revision,
                             list_result(op->result.txn.reads_n, read_item,
                                         op->result.txn.reads));
    }
    return Py_NewRef(Py_None);
}

void op_result_free(struct op *op)
{
    switch (op->kind) {
    case RESULT_NONE:
    case RESULT_HANDLE:
    case RESULT_NUMBER:
        break;
    case RESULT_LEADER:
        leaselock_leader_free(op->result.leader);
        break;
    case RESULT_QUEUE:
        leaselock_queue_free(op->result.queue);
        break;
    case RESULT_LOCKS:
        leaselock_locks_free(op->result.locks);
        break;
    case RESULT_GET:
        leaselock_get_free(op->result.get);
        break;
    case RESULT_TXN:
        for (size_t i = 0; i < op->result.txn.reads_n; i++) {
            leaselock_get_free(op->result.txn.reads[i]);
        }
        free(op->result.txn.reads);
        break;
    }
}
