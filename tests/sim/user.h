/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_USER_H
#define SIM_USER_H

#include "world.h"

/** Shared by the files of callers, their sessions, tickets and writes. */

/** Schedules an action of the callers. */
void sim_user_push(struct sim_client *client,
                   int64_t in_ns,
                   enum sim_event_kind kind,
                   uint64_t id);
/** Schedules a check of a call for when it must have ended, by the client's
 * clock. */
void sim_user_due(struct sim_client *client, uint64_t id, int64_t due_ns);
int64_t sim_user_now_ns(const struct sim_client *client);

/** Whether a request of a session was accepted: it is not if the session was
 * lost in this step. */
bool sim_user_is_taken(struct sim_client *client, int status);

struct sim_session *sim_session_new(struct sim_client *client, int64_t lease);
/** Opens a session, or resumes that of a process that died. */
void sim_user_open(struct sim_client *client, struct sim_session *session);

/** user_ticket.c */
struct sim_ticket *sim_ticket_new(struct sim_client *client,
                                  struct sim_session *session);
/** Assigns a ticket its key, which no living ticket has. */
void sim_ticket_enter(struct sim_client *client,
                      struct sim_ticket *ticket,
                      struct ll_bytes key);
void sim_user_acquire(struct sim_client *client, struct sim_session *session);
/** The latest ticket is to be acquired with deadlock detection. */
void sim_user_find_deadlock(struct sim_client *client,
                            struct sim_ticket *ticket);
/** Draws when the ticket's own key is to be watched, in core's form. */
int64_t sim_user_draw_watch_own(struct sim_client *client,
                                struct sim_ticket *ticket);
/** Acquires a further lock, with deadlock detection; the held ticket is
 * released when that has ended. False: the session accepts none. */
bool sim_user_chain(struct sim_client *client, struct sim_ticket *held);
void sim_user_release(struct sim_client *client, struct sim_ticket *ticket);

/** The caller's timeout for a ticket: zero, some time, or none. */
int64_t sim_user_draw_timeout(struct sim_client *client,
                              struct sim_ticket *ticket);
/** An acquire of a ticket has begun. */
void sim_user_await(struct sim_client *client, struct sim_ticket *ticket);

/** user_several.c */
void sim_user_acquire_all(struct sim_client *client,
                          struct sim_session *session);

/** The members of a multi-lock, which is reported as a whole; their keys; and
 * one that core has refused. */
void sim_several_make_members(struct sim_client *client,
                              struct sim_ticket *multi,
                              const unsigned *names,
                              const struct ll_mode *modes,
                              unsigned n);
void sim_several_enter(struct sim_client *client, struct sim_ticket *multi);
void sim_several_forget(struct sim_client *client, struct sim_ticket *multi);

/** user_requeue.c: a waiting ticket was lost because etcd did not answer; it is
 * queued again. */
void sim_user_on_silence(struct sim_client *client,
                         const struct sim_ticket *ticket);
void sim_user_requeue(struct sim_client *client, uint64_t id);

/** user_rejoin.c: a holder may give way and queue again. False: it does not, and
 * is to be released. */
bool sim_user_rejoin(struct sim_client *client, struct sim_ticket *held);

/** user_observe.c */
void sim_user_observe(struct sim_client *client);
void sim_user_unobserve(struct sim_client *client, uint64_t id);

/** user_follow.c */
void sim_user_follow(struct sim_client *client);
void sim_user_unfollow(struct sim_client *client, uint64_t id);

/** user_resume.c: resumes a session of a process that died, or the tickets of
 * that session. */
void sim_user_take_over(struct sim_client *client, uint64_t id);

/** user_write.c */
void sim_user_write(struct sim_client *client, struct sim_ticket *ticket);

#endif
