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
 *
 * Keys with a lock-delay say "released" before the lease is revoked (see
 * delay.h), LL_MARKS_MAX in one Txn of nested ones:
 *
 *     if   create_revision(K) == token, or as above
 *     then put(K) = "released"
 *
 * What etcd refuses, or there is no memory for, counts as a crash.
 */

/** The most marks in one Txn: etcd takes 128 operations. */
#define LL_MARKS_MAX 100

/** The most keys that stay and are named in the error; others are counted. */
#define LL_REMAINS_NAMED_MAX 3

struct ll_remain {
    struct ll_link link; /* in session->remains or session->refused */
    int64_t token;       /* 0: not known */
    bool to_mark;        /* it is to say "released" */
    size_t key_size;
    char key[]; /* and a NUL */
};

/** Notes the keys of a session's tickets. A key for whose note there is no
 *  memory stays until the lease expires. */
void ll_remains_note(struct ll_core *core, struct ll_session *session);

/** The Txn that marks keys. */
struct ll_marks {
    size_t n;
    struct ll_compare compares[LL_MARKS_MAX];
    struct ll_op puts[LL_MARKS_MAX];
    struct ll_op txns[LL_MARKS_MAX];
};

/** Whether there are keys to mark, and memory to do it. */
bool ll_remains_to_mark(struct ll_session *session);
/** Makes the request. */
void ll_remains_build_marks(const struct ll_session *session,
                            struct ll_request *ret_request);
/** It was answered: those keys are done with. */
void ll_remains_marked(struct ll_session *session);

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
