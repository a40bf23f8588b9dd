/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct thread {
    pthread_t id;
    bench_thread_fn *run;
    int index;
    void *arg;
    int status;
};

int bench_no_memory(void)
{
    fprintf(stderr, "out of memory\n");
    return 1;
}

static void *thread_main(void *arg)
{
    struct thread *thread = arg;

    thread->status = thread->run(thread->index, thread->arg);
    return NULL;
}

int bench_in_parallel(int n, bench_thread_fn *run, void *arg)
{
    struct thread *threads = calloc((size_t)n, sizeof(*threads));
    int started = 0;
    int status = 0;

    if (threads == NULL) {
        return bench_no_memory();
    }
    while (started < n) {
        struct thread *thread = &threads[started];
        int failure;

        *thread = (struct thread){.run = run, .index = started, .arg = arg};
        failure = pthread_create(&thread->id, NULL, thread_main, thread);
        if (failure != 0) {
            fprintf(stderr, "thread: %s\n", strerror(failure));
            status = 1;
            break;
        }
        started++;
    }
    for (int i = 0; i < started; i++) {
        (void)pthread_join(threads[i].id, NULL);
        status |= threads[i].status;
    }
    free(threads);
    return status;
}
