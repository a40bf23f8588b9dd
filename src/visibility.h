/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything is compiled with hidden symbols. This file is included ahead of
 * each source (see CMakeLists.txt), so that exactly what the public headers
 * declare is visible, and the headers themselves stay free of attributes.
 */
#ifndef LL_VISIBILITY_H
#define LL_VISIBILITY_H

#pragma GCC visibility push(default)
#include "leaselock/admin.h"
#include "leaselock/config.h"
#include "leaselock/leaselock.h"
#include "leaselock/stats.h"
#pragma GCC visibility pop

#endif
