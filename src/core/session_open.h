/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_SESSION_OPEN_H
#define LL_CORE_SESSION_OPEN_H

#include "core/session.h"

/** How a session is opened, up to OPENED: see the table in session.h. */

/** Reports that the open has succeeded, or why it failed. */
void ll_session_report_opened(struct ll_core *core,
                              struct ll_session *session,
                              int status);
/** The open has failed: reports it, also to the tickets that wait for it, and
 *  revokes the lease if there may be one. */
void ll_session_fail_open(struct ll_core *core,
                          struct ll_session *session,
                          int status);
/** The other endpoints are not awaited any more: OPENED, if that is due. */
void ll_session_on_checked_cluster(struct ll_core *core,
                                   struct ll_session *session);
/** The answer to the grant of an OPENING session. */
void ll_session_on_grant(struct ll_core *core,
                         struct ll_session *session,
                         const struct ll_answer *answer);
/** The answer to the query for the lease of a session that resumes. */
void ll_session_on_found(struct ll_core *core,
                         struct ll_session *session,
                         const struct ll_answer *answer);

#endif
