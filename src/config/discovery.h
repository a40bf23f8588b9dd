/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CONFIG_DISCOVERY_H
#define LL_CONFIG_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "config/setup.h"

/**
 * Endpoints from the DNS, as etcdctl's --discovery-srv: the SRV records of
 * _etcd-client-ssl._tcp.DOMAIN are members behind TLS, those of
 * _etcd-client._tcp.DOMAIN members without it.
 *
 * Where there are records of the first kind the second does not count, nor
 * does it when TLS is asked for, or when the DNS has not answered as to the
 * first: who can drop a packet cannot turn TLS off. And as an answer of the DNS
 * can be forged, a certificate proves nothing when it is for a name that the
 * answer itself brought: members behind TLS must lie in DOMAIN, or server-name
 * must say who they are.
 */

/** Bytes of a DNS server's address as c-ares takes it. */
#define LL_DISCOVERY_SERVER_SIZE 64

/** Reads "address", "address:port" or "[v6]:port": whether it is one. */
bool ll_discovery_server(const char *text,
                         char server[LL_DISCOVERY_SERVER_SIZE]);

/**
 * Looks the endpoints up; blocks for dial-timeout at most.
 *
 * @param setup          finished; discovery-srv is set
 * @param ret_endpoints  a list, to be freed with ll_free
 * @return 0, LEASELOCK_E_UNAVAILABLE, _NOMEM, _SYSTEM
 */
int ll_discovery_run(const struct ll_setup *setup,
                     char **ret_endpoints,
                     struct leaselock_error *reterr);

#endif
