/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Functions of the module that look at a session or ticket, by its number. They
 * return the library's numbers, negative ones too: the package's Python files
 * decide which of these are errors.
 */
#include "core.h"

#define VIEW(name, function, kind)                                             \
    static PyObject *name(PyObject *module, PyObject *number)                  \
    {                                                                          \
        void *handle = NULL;                                                   \
                                                                               \
        (void)module;                                                          \
        return handle_of(number, &handle)                                      \
                   ? PyLong_FromLongLong(function((kind *)handle))             \
                   : NULL;                                                     \
    }

VIEW(ticket_state, leaselock_ticket_state, leaselock_ticket)
VIEW(ticket_token, leaselock_ticket_token, leaselock_ticket)
VIEW(ticket_hold, leaselock_ticket_hold, leaselock_ticket)
VIEW(ticket_position, leaselock_ticket_position, leaselock_ticket)
VIEW(ticket_remaining, leaselock_ticket_remaining_ms, leaselock_ticket)
VIEW(ticket_lease, leaselock_ticket_lease, leaselock_ticket)
VIEW(ticket_requeues, leaselock_ticket_requeues, leaselock_ticket)
VIEW(ticket_mode, leaselock_ticket_mode, leaselock_ticket)
VIEW(ticket_permits, leaselock_ticket_permits, leaselock_ticket)
VIEW(session_state, leaselock_session_state, leaselock_session)
VIEW(session_lease, leaselock_session_lease, leaselock_session)
VIEW(session_remaining, leaselock_session_remaining_ms, leaselock_session)

/* The key, or the negative status. */
static PyObject *ticket_key(PyObject *module, PyObject *number)
{
    char key[LEASELOCK_KEY_MAX + 1];
    void *handle = NULL;
    int status;

    (void)module;
    if (!handle_of(number, &handle)) {
        return NULL;
    }
    status = leaselock_ticket_key(handle, key, sizeof(key));
    return status < 0 ? PyLong_FromLong(status) : text_of(key);
}

static PyObject *version(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyUnicode_FromString(leaselock_version());
}

static PyObject *statuses(PyObject *module, PyObject *unused)
{
    PyObject *list = PyList_New(0);

    (void)module;
    (void)unused;
#define STATUS(number, name, sentence)                                         \
    if (list != NULL) {                                                        \
        PyObject *pair = Py_BuildValue("is", number, #name);                   \
                                                                               \
        if (pair == NULL || PyList_Append(list, pair) != 0) {                  \
            Py_CLEAR(list);                                                    \
        }                                                                      \
        Py_XDECREF(pair);                                                      \
    }
    LEASELOCK_STATUS_MAP(STATUS)
#undef STATUS
    return list;
}

static PyObject *is_retriable(PyObject *module, PyObject *number)
{
    long status = PyLong_AsLong(number);

    (void)module;
    if (status == -1 && PyErr_Occurred() != NULL) {
        return NULL;
    }
    return PyBool_FromLong(leaselock_status_is_retriable((int)status));
}

PyMethodDef views_methods[] = {
    {"ticket_state", ticket_state, METH_O, NULL},
    {"ticket_token", ticket_token, METH_O, NULL},
    {"ticket_hold", ticket_hold, METH_O, NULL},
    {"ticket_position", ticket_position, METH_O, NULL},
    {"ticket_remaining_ms", ticket_remaining, METH_O, NULL},
    {"ticket_lease", ticket_lease, METH_O, NULL},
    {"ticket_requeues", ticket_requeues, METH_O, NULL},
    {"ticket_mode", ticket_mode, METH_O, NULL},
    {"ticket_permits", ticket_permits, METH_O, NULL},
    {"ticket_key", ticket_key, METH_O, NULL},
    {"session_state", session_state, METH_O, NULL},
    {"session_lease", session_lease, METH_O, NULL},
    {"session_remaining_ms", session_remaining, METH_O, NULL},
    {"version", version, METH_NOARGS, NULL},
    {"statuses", statuses, METH_NOARGS, NULL},
    {"is_retriable", is_retriable, METH_O, NULL},
    {"set_error_factory", core_set_factory, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
