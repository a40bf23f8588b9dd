/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_ONE_ETCD_H
#define TEST_SUPPORT_ONE_ETCD_H

#include "support/etcd.h"

/** The etcd of a program that has one for all its tests, with the set-up and
 *  the tear-down of its group. */
static struct test_etcd etcd;

static int start_etcd(void **state)
{
    (void)state;
    return test_etcd_start(&etcd);
}

static int stop_etcd(void **state)
{
    (void)state;
    test_etcd_stop(&etcd);
    return 0;
}

#endif
