/* SPDX-License-Identifier: Apache-2.0 */
/** A process that holds locks, to be killed. */
#ifndef BENCH_HOLDER_H
#define BENCH_HOLDER_H

#include "lockbench.h"

#include <sys/types.h>

struct holder {
    pid_t pid; /* 0: none */
    int out;   /* the read end of its standard output */
    int64_t killed_ns;
};

/** Starts this program's scenario hold.
 *  @param name     of the lock, or with more than one ticket the prefix of the
 *                  locks' names; at most CROWD_NAME_SIZE bytes
 *  @param holder   zeros
 *  @return 0, or 1 after it has said why not */
int holder_start(const struct bench_options *options,
                 const char *name,
                 int tickets,
                 struct holder *holder);
/** Waits until it holds all of them. @return 0, or 1 with the reason on stderr
 * */
int holder_wait_held(const struct holder *holder);
/** Kills it and records when; ignores one that was not started. */
void holder_kill(struct holder *holder);

#endif
