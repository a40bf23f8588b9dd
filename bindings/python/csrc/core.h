/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The extension module leaselock._core: what the package's Python files need of
 * the library, and no more. Sessions, tickets and observers are numbers here,
 * as the library's handles are.
 *
 * Each operation takes a target. None: the call blocks, without the GIL, and
 * signal handlers run meanwhile. A future: the call returns at once, and the
 * future gets the result in Client.drain.
 *
 * The library calls back on its background thread, which renews leases and so
 * must not wait for the GIL: a callback only puts what it got into the client's
 * queue. The first entry makes the client's descriptor readable, and drain
 * takes all that is there:
 *
 *     an operation | event                 | next     | action
 *     started      | the callback comes    | due      | enters the queue, or
 *                  |                       |          | wakes its thread
 *     due          | drain                 | finished | the future is set
 *     started, due | its future is         | dropped  | drain frees it;
 *                  | cancelled             |          | _session.py releases
 *                  |                       |          | what it got
 *     started      | a signal handler      | dropped  | a ticket is released, a
 *                  | raises                |          | session closed; the
 *                  |                       |          | callback frees it
 */
#ifndef LEASELOCK_PYTHON_CORE_H
#define LEASELOCK_PYTHON_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <leaselock/admin.h>
#include <leaselock/leaselock.h>

/** What a client's queue has. */
struct due {
    struct due *next;
    bool is_op; /* a struct op, else a struct event */
};

/** An object that reports, by the number under which it is listened to. */
struct event {
    struct due due;
    int64_t source;
    int state;   /* what happened: LOST_EVENT or a session's state */
    char *text;  /* why; a leader's key; NULL: none */
    char *value; /* a leader's */
    size_t value_size;
    int64_t token;
    int64_t revision;
    int64_t lease;
};

/** States of events that are not a session's; shared with _client.py. */
enum { EVENT_LOST = 100, EVENT_LEADER, EVENT_NO_LEADER, EVENT_OBSERVER_END };

struct observer {
    struct observer *next;
    struct client *client;
    int64_t id;        /* below 0, so that it is no handle's number */
    struct event *end; /* made with it, as its end must not lack memory; NULL
                          once it has ended */
};

struct client {
    PyObject_HEAD leaselock_client *handle; /* NULL once it is closed */
    unsigned generation;                    /* of the process that opened it */
    bool closing;
    int fd;
    PyObject *listeners; /* by number, called by drain */
    struct observer *observers;
    int64_t observers_last;
    /** Whether anybody listens: without, nobody takes events away. */
    atomic_bool is_heard;
    pthread_mutex_t mutex; /* of what follows */
    struct due *first;
    struct due **last;
};

enum result_kind {
    RESULT_NONE,
    RESULT_HANDLE,
    RESULT_LEADER,
    RESULT_QUEUE,
    RESULT_LOCKS,
    RESULT_GET,
    RESULT_TXN,
    RESULT_NUMBER,
};

/** An operation that was started. */
struct op {
    struct due due;
    atomic_int refs; /* of the caller, and of the callback or the queue */
    struct client *client;
    PyObject *future; /* NULL: a thread waits on `done` */
    sem_t done;
    int status;
    struct leaselock_error *error; /* NULL: none, or no memory for it */
    enum result_kind kind;
    union {
        void *handle;
        struct leaselock_leader_info *leader;
        struct leaselock_queue_info *queue;
        struct leaselock_locks_info *locks;
        struct leaselock_get_info *get;
        int number;
        struct {
            int64_t revision;
            struct leaselock_get_info **reads;
            size_t reads_n;
        } txn;
    } result;
};

/** module.c: names of a future's methods, and of this process. */
extern PyObject *core_str_done;
extern PyObject *core_str_get_loop;
extern PyObject *core_str_set_result;
extern PyObject *core_str_set_exception;
extern unsigned core_generation;

/** error.c: an exception of a status. @return NULL */
PyObject *core_raise(int status, const struct leaselock_error *error);
/** A new reference; NULL with an exception of another kind set. */
PyObject *core_exception(int status, const struct leaselock_error *error);
PyObject *core_set_factory(PyObject *module, PyObject *factory);

/** op.c: a new operation with two references, or NULL and an exception. */
struct op *
op_new(struct client *client, PyObject *target, enum result_kind kind);
void op_unref(struct op *op);
/** A leaselock_done_fn. */
void op_on_done(int status, const struct leaselock_error *error, void *arg);
/** Waits without the GIL. @return 0: it is done; 1: the time is over;
 *  -1: a signal handler has raised */
int op_wait(struct op *op, int timeout_ms);
/**
 * What a method returns once it has started an operation, or has not: the
 * result, or None if there is a future. Takes the caller's reference.
 */
PyObject *
op_run(struct op *op, int status, const struct leaselock_error *error);
/**
 * Sets the future; takes the queue's reference.
 *
 * @param loop    the event loop that runs on this thread, or None
 * @param settle  called with the future, the name of its method and the value,
 *                if the future is of another loop
 */
void op_deliver(struct op *op, PyObject *loop, PyObject *settle);

/** result.c: the result as an object. */
PyObject *op_result(struct op *op);
void op_result_free(struct op *op);
PyObject *text_or_none(const char *text);
PyObject *text_of(const char *text);

/** queue.c: with no GIL needed. */
void queue_push(struct client *client, struct due *due);
struct due *queue_take(struct client *client);
/** NULL: no memory. */
struct event *event_new(int64_t source, int state, const char *text);
void event_free(struct event *event);
void observer_free(struct observer *observer);
void event_on_lost(leaselock_ticket *ticket, const char *why, void *arg);
void event_on_state(leaselock_session *session,
                    enum leaselock_session_state state,
                    const char *why,
                    void *arg);
void event_on_leader(leaselock_observer *observer,
                     const struct leaselock_leader_info *leader,
                     void *arg);
void event_on_end(int status, const struct leaselock_error *error, void *arg);
/** Calls the listener. @return 0, or -1 with an exception */
int event_deliver(struct client *client, const struct event *event);

/** client.c: raises if it is closed or the parent's. */
bool client_is_usable(struct client *client);
extern PyTypeObject client_type;

/** The methods of a client in the other files. */
#define CORE_FAST(name)                                                        \
    PyObject *name(PyObject *self, PyObject *const *args, Py_ssize_t n)
CORE_FAST(core_acquire);
CORE_FAST(core_release);
PyObject *core_acquire_all(PyObject *self, PyObject *args);
PyObject *core_campaign(PyObject *self, PyObject *args);
PyObject *core_rejoin(PyObject *self, PyObject *args);
PyObject *core_withdraw(PyObject *self, PyObject *ticket);
PyObject *core_proclaim(PyObject *self, PyObject *args);
PyObject *core_outcome(PyObject *self, PyObject *args);
PyObject *core_txn(PyObject *self, PyObject *args);
PyObject *core_session_open(PyObject *self, PyObject *args);
PyObject *core_session_close(PyObject *self, PyObject *args);
PyObject *core_session_drop(PyObject *self, PyObject *session);
PyObject *core_observe(PyObject *self, PyObject *args);
PyObject *core_observer_close(PyObject *self, PyObject *args);
PyObject *core_leader(PyObject *self, PyObject *args);
PyObject *core_queue(PyObject *self, PyObject *args);
PyObject *core_locks(PyObject *self, PyObject *args);
PyObject *core_get(PyObject *self, PyObject *args);
PyObject *core_yield(PyObject *self, PyObject *args);

/** options.c: the type AcquireOptions. */
extern PyTypeObject options_type;
/** Copies them, or the defaults of None, for a ticket of a client.
 *  @return false with an exception */
bool options_of(struct client *client,
                PyObject *object,
                struct leaselock_acquire_options *ret_options);

/** ticket.c: a ticket's owner. */
extern PyTypeObject place_type;

/** views.c: functions that only look. */
extern PyMethodDef views_methods[];
/** A handle of a number. @return false with an exception */
bool handle_of(PyObject *number, void **ret_handle);
/** For PyArg_ParseTuple's O&. */
int handle_converter(PyObject *number, void *ret_handle);
/** The same of a name, a const char *, which is borrowed from the object. */
int name_converter(PyObject *object, void *ret_name);

#endif
