/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_SESSION_CLOSE_H
#define LL_CORE_SESSION_CLOSE_H

#include "core/session.h"

/** How a session ends, and its lease with it: see the table in session.h. */

/** Revokes the lease, if there may be one, and goes to CLOSING. */
void ll_session_leave(struct ll_core *core, struct ll_session *session);
/** Reports that it is closed; only once. */
void ll_session_report_closed(struct ll_core *core,
                              struct ll_session *session,
                              int status);
/** Nothing is left to be done for it in etcd. */
void ll_session_end(struct ll_core *core, struct ll_session *session);
/** Another cluster answers: the outcome of the close is unknown. */
void ll_session_end_unknown(struct ll_core *core, struct ll_session *session);
/** etcd answers again: revokes the leases that were lost while it did not. */
void ll_session_revoke_lost(struct ll_core *core);
/** Answers to a CLOSING session: of its grant, its revoke, and the deletion of
 *  one of its keys. */
void ll_session_on_late_grant(struct ll_core *core,
                              struct ll_session *session,
                              const struct ll_answer *answer);
void ll_session_on_revoked(struct ll_core *core,
                           struct ll_session *session,
                           const struct ll_answer *answer);
void ll_session_on_marked(struct ll_core *core,
                          struct ll_session *session,
                          const struct ll_answer *answer);
void ll_session_on_deleted(struct ll_core *core,
                           struct ll_session *session,
                           const struct ll_answer *answer);
/** The answer to the revoke of a LOST session. */
void ll_session_on_late_revoke(struct ll_core *core,
                               struct ll_session *session,
                               const struct ll_answer *answer);

#endif
