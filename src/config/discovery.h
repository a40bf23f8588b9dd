/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CONFIG_DISCOVERY_H
#define LL_CONFIG_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "config/setup.h"

/**
 * Endpoints from the DNS, as etcdctl's --discovery-srv: the SRV records of
 * _etcd-client-ssl._tcp.DOMAIN are members with TLS, those of
 * _etcd-client._tcp.DOMAIN are members without it.
 *
 * The second kind is used only if the DNS has answered that there are no
 * records of the first kind, and if the settings do not require TLS: so an
 * attacker who drops a packet cannot turn TLS off. An answer of the DNS can
 * also be forged, so a certificate proves nothing if it is valid for a name
 * from that answer: members with TLS must be in DOMAIN, or server-name must
 * give their name.
 */
/** Bytes of a DNS server's address in the form that c-ares accepts. */
#define LL_DISCOVERY_SERVER_SIZE 64

/** Converts "address", "address:port" or "[v6]:port"; false: none of these. */
bool ll_discovery_server(const char *text,
                         char server[LL_DISCOVERY_SERVER_SIZE]);

/**
 * Resolves the endpoints; blocks for dial-timeout at most.
 *
 * @param setup          finished; discovery-srv is set
 * @param ret_endpoints  a list, to be freed with ll_free
 * @return 0, LEASELOCK_E_UNAVAILABLE, _NOMEM, _SYSTEM
 */
int ll_discovery_run(const struct ll_setup *setup,
                     char **ret_endpoints,
                     struct leaselock_error *reterr);

#endif
