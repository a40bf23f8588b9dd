/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_REMAINS_H
#define LL_CORE_REMAINS_H

#include "core/session.h"

/**
 * The keys of a session that is being closed. etcd refuses to revoke a lease
 * with a key on it that the user may no longer write, and all its other keys
 * would stay with that one. So each is deleted by itself then, with a compare:
 *
 *     if   create_revision(K) == token    then delete(K)
 *     if   lease(K) == the session's      then delete(K), if the enqueue was
 *          not answered, so that no token is known
 */

/** The most keys that stay and are named in the error; others are counted. */
#define LL_REMAINS_NAMED_MAX 3

struct ll_remain {
    struct ll_link link; /* in session->remains or session->refused */
    int64_t token;       /* 0: not known */
    size_t key_size;
    char key[]; /* and a NUL */
};

/** Notes the keys of a session's tickets. A key for whose note there is no
 *  memory stays until the lease expires. */
void ll_remains_note(struct ll_session *session);

/** Whether there is a key that is to be deleted. */
bool ll_remains_any(const struct ll_session *session);
/** Makes the request to delete the first one, in a part. */
void ll_remains_build(const struct ll_session *session,
                      struct ll_part *part,
                      struct ll_request *ret_request);
/** The first one is deleted, or that was refused. */
void ll_remains_answered(struct ll_session *session, bool refused);

/** The keys that stay, and until when: a sentence that is valid until the next
 *  effect is drawn. */
const char *ll_remains_text(struct ll_core *core,
                            const struct ll_session *session);

void ll_remains_free(struct ll_session *session);

#endif
