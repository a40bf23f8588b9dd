/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_ESTIMATE_MODEL_H
#define LL_CLI_ESTIMATE_MODEL_H

#include <stddef.h>

/**
 * How long clients wait for a lock: a model, without etcd, clock or output.
 *
 * A lock is one server (n permits: n servers) that serves in the order of
 * arrival. It is busy from a grant until the next client can be granted the
 * lock: for the hold, and for the hand-over, from the holder's call of release
 * to the grant of a client that waits. With
 *
 *     T(i)  the time at which client i calls acquire,
 *     G(i)  its grant, H(i) its hold,
 *     A     the time of an acquire of a free lock, D that of a hand-over,
 *
 * the protocol gives  G(i) = max(T(i) + A, G(i-1) + H(i-1) + D).  So the wait
 * G - T less A is the wait in a queue whose service takes H + D. This is exact
 * as long as A and D are constant. The model follows from it:
 *
 * | clients           | mean            | percentiles                         |
 * |---|---|---|
 * | open, a lock      | Pollaczek and Khinchine | inversion of the Laplace    |
 * |                   |                 | transform (estimate_open.c)         |
 * | closed, a lock    | Takacs (estimate_closed.c) | simulation               |
 * | either, permits   | simulation      | simulation (estimate_simulate.c)    |
 *
 * - Open: acquires arrive at a rate, whatever the number of those that wait, as
 *   a Poisson process: M/G/1. From a utilisation of 1 on, the queue grows
 *   without end.
 * - Closed: each of N clients asks again a while after its release (the
 *   machine interference problem, M/G/1//N). That time varies as an exponential
 *   one. A client's release takes as long as an acquire, and overlaps with the
 *   hand-over; so the client is away from the queue for the think time + 2 A -
 *   D.
 *
 * The hold is constant (cv 0), exponential (cv 1), or has a gamma distribution
 * of that coefficient of variation; the hand-over is constant.
 */

/** Most clients of a closed model. */
#define LL_ESTIMATE_CLIENTS_MAX 100000
/** Highest coefficient of variation of the hold. */
#define LL_ESTIMATE_CV_MAX 20
/** p50, p90 and p99. */
#define LL_ESTIMATE_PERCENTILES 3
/** The value of an input that is not given. */
#define LL_ESTIMATE_UNSET (-1.0)

enum ll_estimate_kind { LL_ESTIMATE_OPEN, LL_ESTIMATE_CLOSED };

struct ll_estimate_input {
    enum ll_estimate_kind kind;
    /** Closed: 1 to LL_ESTIMATE_CLIENTS_MAX. Open: of the textbook's formula
     *  alone; 0: not known. */
    int clients;
    /** Open: acquires a second, of all clients together; more than 0. */
    double rate_per_s;
    /** Closed: from a client's release to its next acquire. */
    double think_s;
    double hold_s;
    /** Standard deviation by mean, 0 to LL_ESTIMATE_CV_MAX. */
    double hold_cv;
    double handover_s;
    double acquire_s;
    /** 1: a lock. */
    int permits;
    double ttl_s;
    /** Of one client. */
    double crashes_per_day;
    /** Of "served within"; LL_ESTIMATE_UNSET: the mean wait. */
    double within_s;
};

struct ll_estimate {
    /** 0: the queue grows without end, and only utilisation is set. */
    int is_stable;
    /** How much of the time the lock, or a permit, is held or handed over. At
     *  least 1 if the queue is not stable: what is asked for. */
    double utilisation;
    double grants_per_s;
    /** From the call of acquire to its return. */
    double wait_mean_s;
    double wait_s[LL_ESTIMATE_PERCENTILES];
    /** One standard error of these, of a simulation; 0: computed. */
    double mean_error_s;
    double wait_error_s[LL_ESTIMATE_PERCENTILES];
    /** How many hold it, and how many wait, at a random time. */
    double holders;
    double waiters;
    /** The time, and the probability of a grant within it. */
    double within_s;
    double within;
    /** See ll_estimate_textbook; less than 0: the clients are not known. */
    double textbook_time;
    double textbook;
    /** For how long a holder that dies blocks the lock: the least, the mean and
     *  the most. */
    double outage_least_s;
    double outage_mean_s;
    double outage_most_s;
    /** How long the lock is blocked in this way in a day. */
    double outage_s_per_day;
    /** An open lock: how long the queue behind one of them takes to go; 0. */
    double drain_s;
};

/** The service of the queue: hold and hand-over. */
double ll_estimate_service_s(const struct ll_estimate_input *input);

/**
 * Computes all of @ret_estimate.
 *
 * The simulation has a fixed seed: the same input gives the same output.
 *
 * @param input  valid
 * @return 0, or -1: no memory
 */
int ll_estimate(const struct ll_estimate_input *input,
                struct ll_estimate *ret_estimate);

/**
 * P(T) = (1/N)(1 - e^(-N T)): the probability that, of N contenders that all
 * try, each at random instants with the mean distance 1, the first one that
 * gets the lock is the given one, and gets it by time T. The textbook's form of
 * "who gets the lock".
 *
 * T counts mean distances between two grants of one contender. The formula has
 * no queue and knows the next grant alone, so that its limit is 1/N; in the
 * queue of this library a client is served after those that came before it,
 * N - 1 at most, and its limit is 1.
 *
 * @param clients  N, at least 1
 * @param time     T, at least 0
 */
double ll_estimate_textbook(int clients, double time);

/* The parts, each of a file of its own. */

/**
 * Open, one server: P(wait in the queue > t), by numerical inversion of the
 * Pollaczek-Khinchine transform.
 *
 * With the service's transform S(s) and utilisation r, the wait has the
 * transform W(s) = (1 - r) s / (s - rate (1 - S(s))) (Kleinrock, Queueing
 * Systems 1, 1975, 5.7), and the probability that it is longer than t the
 * transform (1 - W(s)) / s. The inversion is the algorithm EULER of Abate and
 * Whitt (Numerical inversion of Laplace transforms of probability
 * distributions, ORSA Journal on Computing 7, 1995): its error is about 1e-8,
 * more at a time at which the probability has a kink.
 */
double ll_estimate_open_tail(const struct ll_estimate_input *input, double t_s);

/** Open, one server: the mean wait in the queue (Pollaczek and Khinchine):
 *  rate E[S^2] / (2 (1 - r)). */
double ll_estimate_open_mean_s(const struct ll_estimate_input *input);

/** Open, one server: the time t with P(wait in the queue > t) = 1 - @part. */
double ll_estimate_open_quantile_s(const struct ll_estimate_input *input,
                                   double part);

/** Closed: for how long a client is away from the queue, on average. */
double ll_estimate_away_s(const struct ll_estimate_input *input);

/**
 * Closed, one server: the utilisation.
 *
 * A busy period of N clients, each away for an exponential time of rate a, has
 *
 *     sum over n = 0 .. N-1 of binomial(N-1, n) *
 *         product over i = 1 .. n of (1 / S(i a) - 1)
 *
 * services on average (Takacs, Introduction to the Theory of Queues, 1962,
 * chapter 5), and the idle period behind it 1/(N a). All terms are positive;
 * they are added as logarithms, since they pass the range of a double from some
 * hundred clients on. The mean wait follows from the cycle of a client, N by
 * the rate of grants.
 */
double ll_estimate_closed_utilisation(const struct ll_estimate_input *input);

/** What a simulation found of the wait in the queue. */
struct ll_estimate_simulated {
    double grants_per_s;
    double mean_s;
    double mean_error_s;
    double wait_s[LL_ESTIMATE_PERCENTILES];
    double wait_error_s[LL_ESTIMATE_PERCENTILES];
    /** Every wait, in ascending order. */
    double *sorted_s;
    size_t sorted_n;
};

/**
 * Simulates the queue, with a fixed seed: half a million grants, more with more
 * clients; closed: from a state near the stationary one; open: from an empty one,
 * after a warm-up of a sixteenth. The errors are standard errors
 * from the spread of 16 stretches of the run (batch means). At utilisations
 * near 1 the stretches depend on each other, and the error is greater than
 * this.
 *
 * @param ret_simulated  to be freed
 * @return 0, or -1: no memory
 */
int ll_estimate_simulate(const struct ll_estimate_input *input,
                         struct ll_estimate_simulated *ret_simulated);

/** The part of the waits that are no longer than @t_s. */
double
ll_estimate_simulated_within(const struct ll_estimate_simulated *simulated,
                             double t_s);

/** Ignores one that was freed before. */
void ll_estimate_simulated_free(struct ll_estimate_simulated *simulated);

/** The fraction, such as 0.99, of each percentile. */
extern const double ll_estimate_parts[LL_ESTIMATE_PERCENTILES];

#endif
