/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_LIST_H
#define LL_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Intrusive doubly linked list. A link that is in no list points to itself, so
 * removing it twice is harmless, and ll_link_alone can test for it.
 */
struct ll_link {
    struct ll_link *prev;
    struct ll_link *next;
};

static inline void ll_link_init(struct ll_link *link)
{
    link->prev = link;
    link->next = link;
}

/** Of a list's head: whether the list is empty. Of a member: whether it is in
 *  no list. */
static inline bool ll_link_alone(const struct ll_link *link)
{
    return link->next == link;
}

static inline void ll_link_remove(struct ll_link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    ll_link_init(link);
}

/** Appends a link that is in no list. */
static inline void ll_link_append(struct ll_link *head, struct ll_link *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

/** Appends a link unless it is already in a list. */
static inline void ll_link_append_once(struct ll_link *head,
                                       struct ll_link *link)
{
    if (ll_link_alone(link)) {
        ll_link_append(head, link);
    }
}

/** The struct around a link. */
#define LL_CONTAINER(link, type, member)                                       \
    ((type *)(void *)((char *)(link)-offsetof(type, member)))

/** Iterates over a list; the body may remove `at`, but no other member. */
#define LL_LIST_EACH(at, after, head)                                          \
    for ((at) = (head)->next, (after) = (at)->next; (at) != (head);            \
         (at) = (after), (after) = (at)->next)

#endif
