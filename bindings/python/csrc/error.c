/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

/** Makes an exception of (status, message, grpc_status, endpoint). */
static PyObject *error_factory;

PyObject *core_set_factory(PyObject *module, PyObject *factory)
{
    (void)module;
    Py_XSETREF(error_factory, Py_NewRef(factory));
    Py_RETURN_NONE;
}

PyObject *core_exception(int status, const struct leaselock_error *error)
{
    const char *message = leaselock_status_text(status);
    const char *endpoint = "";
    int grpc_status = -1;

    if (error != NULL && error->message[0] != '\0') {
        message = error->message;
        endpoint = error->endpoint;
        grpc_status = error->grpc_status;
    }
    if (error_factory == NULL) {
        PyErr_SetString(PyExc_RuntimeError, message);
        return NULL;
    }
    return PyObject_CallFunction(error_factory, "iNiN", status,
                                 text_of(message), grpc_status,
                                 text_of(endpoint));
}

PyObject *core_raise(int status, const struct leaselock_error *error)
{
    PyObject *exception = core_exception(status, error);

    if (exception != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
        Py_DECREF(exception);
    }
    return NULL;
}
