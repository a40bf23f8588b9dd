/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_HOST_H
#define LL_BASE_HOST_H

#include <stdint.h>

/** Eight bits that the processes of this host have in common, those in its
 *  containers too, until it is started again: a hash of the kernel's boot id,
 *  or of the host's name. It identifies no host. */
uint8_t ll_host_tag(void);

/** A number that is another one for each process of this host, as a rule: of
 *  processes that start together the numbers follow each other. */
uint16_t ll_host_process(void);

#endif
