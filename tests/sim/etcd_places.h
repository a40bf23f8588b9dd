/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ETCD_PLACES_H
#define SIM_ETCD_PLACES_H

#include "sim/etcd_program.h"

/** Builds a random Txn of places in the queue "a/", as of tickets of every
 *  mode, by themselves or several nested ones. */
void sim_places_build(struct sim_program *program, struct ll_txn *txn);

#endif
