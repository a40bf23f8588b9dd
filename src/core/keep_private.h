/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_KEEP_PRIVATE_H
#define LL_CORE_KEEP_PRIVATE_H

#include "core/keep.h"
#include "core/session.h"
#include "core/ticket.h"

/**
 * What keep.c, keep_join.c and keep_watch.c share.
 */

enum ll_keep_state {
    LL_KEEP_PLAIN,
    LL_KEEP_SETTLING,
    LL_KEEP_ALONE,
    LL_KEEP_PASSING,
};

struct ll_keep {
    struct ll_object object;
    struct ll_entry by_name; /* in core->keeps.by_name */
    struct ll_link idle;     /* in core->keeps.idle, while its entry is idle */
    uint64_t session_id;
    int64_t lease;
    const struct ll_keep_ops *ops;
    enum ll_keep_state state;
    struct ll_link carriers; /* ll_keeping, in the order of their enqueues */
    struct ll_link lined;    /* in the order of their requests */
    struct ll_ticket *entry; /* the carrier that is HELD, or NULL */
    struct ll_watch watch;
    int64_t keep_ns;     /* of the latest acquire */
    uint32_t passes_max; /* of the latest acquire: local_passes */
    int64_t version;     /* of the entry's key, as it was seen last, or less */
    int64_t kept_since_ns; /* 0: the entry has not been released yet */
    int64_t until_ns;      /* an idle entry leaves; LL_NEVER: none is idle */
    int64_t pause_ns;      /* nothing is watched before; then it is freed */
    int64_t settle_by_ns;  /* SETTLING: from the first release on; LL_NEVER */
    int64_t synced_ns;     /* when etcd's loop has processed the watch */
    int64_t read_ns;       /* when the newest key is read */
    int64_t least_token;   /* ALONE: no other session's key is behind a key with
                              this token or a greater one */
    uint32_t label_size;
    uint16_t namespace_size; /* of the prefix */
    uint16_t prefix_size;
    char bytes[]; /* the prefix, and the label */
};

static inline struct ll_bytes ll_keep_prefix(const struct ll_keep *keep)
{
    return (struct ll_bytes){keep->bytes, keep->prefix_size};
}

static inline struct ll_bytes ll_keep_name(const struct ll_keep *keep)
{
    return (struct ll_bytes){keep->bytes + keep->namespace_size,
                             (size_t)keep->prefix_size - keep->namespace_size -
                                 1};
}

static inline struct ll_bytes ll_keep_label(const struct ll_keep *keep)
{
    return (struct ll_bytes){keep->bytes + keep->prefix_size, keep->label_size};
}

static inline struct ll_ticket *ll_keep_ticket_at(struct ll_link *link)
{
    return LL_CONTAINER(link, struct ll_keeping, link)->ticket;
}

static inline bool ll_keep_has_one_carrier(const struct ll_keep *keep)
{
    return !ll_link_alone(&keep->carriers) &&
           keep->carriers.next == keep->carriers.prev;
}

static inline bool ll_keep_may_grant(const struct ll_core *core,
                                     const struct ll_session *session)
{
    return session->state == LL_SESSION_ACTIVE &&
           core->now_ns < session->deadline_ns;
}

/** Whether no other session's key can be behind one with this token. */
static inline bool ll_keep_is_last(const struct ll_core *core,
                                   const struct ll_keep *keep,
                                   int64_t token)
{
    switch (keep->state) {
    case LL_KEEP_PLAIN:
    case LL_KEEP_PASSING:
        break;
    case LL_KEEP_SETTLING: /* not known, for a short time */
        return core->now_ns < keep->settle_by_ns;
    case LL_KEEP_ALONE:
        return token >= keep->least_token;
    }
    return false;
}

/** The id of a keep in core->keeps.by_name. Two may collide: then the later one
 *  is not made, and its tickets keep nothing. */
static inline uint64_t ll_keep_name_id(const struct ll_session *session,
                                       uint64_t queue_hash)
{
    return queue_hash ^
           session->object.entry.id * UINT64_C(11400714819323198485);
}

/** Makes the keep of a ticket's session and queue, whose place in the table is
 *  free; NULL: out of memory. */
struct ll_keep *ll_keep_new(struct ll_core *core,
                            const struct ll_ticket *ticket,
                            struct ll_bytes label,
                            uint64_t queue_hash);
/** PLAIN becomes SETTLING. */
void ll_keep_watch(struct ll_core *core, struct ll_keep *keep);
/** It becomes PLAIN, and its watch ends. */
void ll_keep_unwatch(struct ll_core *core, struct ll_keep *keep);

/** In keep.c. It is not known any more whether somebody else waits, or the entry
 *  was asked for: PLAIN *. */
void ll_keep_stop(struct ll_core *core, struct ll_keep *keep, const char *why);
/** Another session's key was seen: PLAIN * or PASSING. */
void ll_keep_await(struct ll_core *core, struct ll_keep *keep, const char *why);
/** The idle entry leaves. */
void ll_keep_drop_idle(struct ll_core *core, struct ll_keep *keep);

#endif
