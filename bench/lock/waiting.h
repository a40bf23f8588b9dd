/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The times of clients that want one lock, drawn before they are used: so what
 * is measured can be compared with what the same times make of a lock whose
 * costs are constant.
 *
 * A run of some thousand grants differs from the long run by chance: at a
 * utilisation of 0.8 its mean wait easily by a tenth. So, of many draws, the
 * one is taken whose own waits are nearest to those of the long run, before
 * anything is measured. */
#ifndef BENCH_WAITING_H
#define BENCH_WAITING_H

#include "lockbench.h"

/** What is known of a lock, in seconds. */
struct waiting_costs {
    double acquire_s;
    double handover_s;
};

/** The settings of a run. */
struct waiting_setting {
    bool closed; /* each client asks again after its think time */
    int clients; /* of a closed run; open: as many as needed */
    double rate_per_s;
    double think_s; /* mean of an exponential time */
    double hold_s;
    bool exponential; /* else the hold is constant */
    double length_s;
};

/** Times that are drawn. */
struct waiting_draw {
    /** Open: when each acquire is due; closed: `n` think times a client. */
    double *times_s;
    double *holds_s;
    size_t n;
    /** Open: 1. If a client has used all of its times, it begins again. */
    int clients;
};

/** @return 0, or 1 with the reason on stderr; free it in both cases */
int waiting_draw(const struct waiting_setting *setting,
                 uint64_t seed,
                 struct waiting_draw *draw);
void waiting_draw_free(struct waiting_draw *draw);

/** The waits of these times with constant costs; in nanoseconds, added to
 *  `waits`. @return false without memory */
bool waiting_compute(const struct waiting_setting *setting,
                     const struct waiting_draw *draw,
                     const struct waiting_costs *costs,
                     struct bench_samples *waits);

/** Draws the times of a run, see above.
 *  @param ret_chance  the standard deviation of the mean waits of such draws,
 *                     by their long run's mean
 *  @return 0, or 1 with the reason on stderr; free the draw in both cases */
int waiting_choose(const struct waiting_setting *setting,
                   const struct waiting_costs *costs,
                   struct waiting_draw *draw,
                   double *ret_chance);

double waiting_mean_ns(const struct bench_samples *samples);

#endif
