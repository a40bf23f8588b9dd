/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

PyObject *core_str_done;
PyObject *core_str_get_loop;
PyObject *core_str_set_result;
PyObject *core_str_set_exception;
unsigned core_generation;

/* What the parent opened is not there in the child. */
static void in_child(void)
{
    core_generation++;
}

/** Once in a process: a module that is imported anew uses the same. */
static int prepare(void)
{
    if (core_str_done != NULL) {
        return 0;
    }
    core_str_get_loop = PyUnicode_InternFromString("get_loop");
    core_str_set_result = PyUnicode_InternFromString("set_result");
    core_str_set_exception = PyUnicode_InternFromString("set_exception");
    if (core_str_get_loop == NULL || core_str_set_result == NULL ||
        core_str_set_exception == NULL || PyType_Ready(&client_type) != 0 ||
        PyType_Ready(&options_type) != 0 || PyType_Ready(&place_type) != 0) {
        return -1;
    }
    if (pthread_atfork(NULL, NULL, in_child) != 0) {
        PyErr_NoMemory();
        return -1;
    }
    core_str_done = PyUnicode_InternFromString("done");
    return core_str_done != NULL ? 0 : -1;
}

static int fill(PyObject *module)
{
    static const struct {
        const char *name;
        int number;
    } events[] = {{"EVENT_LOST", EVENT_LOST},
                  {"EVENT_LEADER", EVENT_LEADER},
                  {"EVENT_NO_LEADER", EVENT_NO_LEADER},
                  {"EVENT_OBSERVER_END", EVENT_OBSERVER_END}};

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (PyModule_AddIntConstant(module, events[i].name, events[i].number) !=
            0) {
            return -1;
        }
    }
    return PyModule_AddType(module, &client_type) == 0 &&
                   PyModule_AddType(module, &options_type) == 0
               ? 0
               : -1;
}

/* No state of its own: so it is made anew, by the function below, wherever it is
 * imported. */
static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "leaselock._core",
    .m_size = 0,
    .m_methods = views_methods,
};

PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__core(void)
{
    PyObject *module;

    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError,
                        "leaselock works in the main interpreter alone");
        return NULL;
    }
    module = prepare() == 0 ? PyModule_Create(&module_def) : NULL;
    if (module != NULL && fill(module) != 0) {
        Py_CLEAR(module);
    }
    return module;
}
