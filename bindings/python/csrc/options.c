/* SPDX-License-Identifier: Apache-2.0 */
/** The type AcquireOptions: options that are made once and used often, of (label
 *  or None, mode, permits, find_deadlock, watch_own_key_ms, requeue,
 *  lock_delay_ms, foreign_delay_ms, keep_ms, local_passes). */
#include "core.h"

struct options {
    PyObject_HEAD struct leaselock_acquire_options raw;
    PyObject *label; /* raw.label is its text; NULL: none */
};

static PyObject *
options_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    struct options *options = (struct options *)type->tp_alloc(type, 0);
    struct leaselock_acquire_options *raw;
    PyObject *label = NULL;

    (void)keywords;
    if (options == NULL) {
        return NULL;
    }
    options->raw =
        (struct leaselock_acquire_options)LEASELOCK_ACQUIRE_OPTIONS_INIT;
    raw = &options->raw;
    if (!PyArg_ParseTuple(args, "Oiipipiiii", &label, &raw->mode, &raw->permits,
                          &raw->find_deadlock, &raw->watch_own_key_ms,
                          &raw->requeue, &raw->lock_delay_ms,
                          &raw->foreign_delay_ms, &raw->keep_ms,
                          &raw->local_passes)) {
        goto fail;
    }
    if (label != Py_None) {
        raw->label = PyUnicode_AsUTF8(label);
        options->label = Py_NewRef(label);
        if (raw->label == NULL) {
            goto fail;
        }
    }
    return (PyObject *)options;
fail:
    Py_DECREF(options);
    return NULL;
}

static void options_dealloc(PyObject *self)
{
    Py_CLEAR(((struct options *)self)->label);
    Py_TYPE(self)->tp_free(self);
}

bool options_of(struct client *client,
                PyObject *object,
                struct leaselock_acquire_options *ret_options)
{
    if (object == Py_None) {
        *ret_options =
            (struct leaselock_acquire_options)LEASELOCK_ACQUIRE_OPTIONS_INIT;
    } else if (Py_TYPE(object) == &options_type) {
        *ret_options = ((struct options *)object)->raw;
    } else {
        PyErr_SetString(PyExc_TypeError, "not AcquireOptions or None");
        return false;
    }
    ret_options->on_lost = event_on_lost;
    ret_options->on_lost_arg = client;
    return true;
}

PyTypeObject options_type = {
    PyVarObject_HEAD_INIT(NULL, 0) /**/
        .tp_name = "leaselock._core.AcquireOptions",
    .tp_basicsize = sizeof(struct options),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = options_new,
    .tp_dealloc = options_dealloc,
};
