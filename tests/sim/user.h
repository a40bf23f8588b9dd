#ifndef SIM_USER_H
#define SIM_USER_H

#include "world.h"

/** What the files of callers, their sessions, tickets and writes, share. */

/** Something that callers do is due after a time. */
void sim_user_push(struct sim_client *client,
                   int64_t in_ns,
                   enum sim_event_kind kind,
                   uint64_t id);
/** Has a call looked at when it must have ended, by the client's clock. */
void sim_user_due(struct sim_client *client, uint64_t id, int64_t due_ns);
int64_t sim_user_now_ns(const struct sim_client *client);

struct sim_session *sim_session_new(struct sim_client *client, int64_t lease);
/** Asks for a session, or for that of a process that died. */
void sim_user_open(struct sim_client *client, struct sim_session *session);

/** user_ticket.c */
struct sim_ticket *sim_ticket_new(struct sim_client *client,
                                  struct sim_session *session);
/** Gives a ticket its key, which was nobody's or is so no more. */
void sim_ticket_enter(struct sim_client *client,
                      struct sim_ticket *ticket,
                      struct ll_bytes key);
void sim_user_acquire(struct sim_client *client, struct sim_session *session);
/** A ticket, the newest, is to be asked for with a search. */
void sim_user_search(struct sim_client *client, struct sim_ticket *ticket);
/** When the ticket's own key is to be watched, as core takes it. */
int64_t sim_user_draw_guard(struct sim_client *client,
                            struct sim_ticket *ticket);
/** Asks for a further lock, with a search; the held ticket is released when
 *  that has ended. False: the session takes none. */
bool sim_user_chain(struct sim_client *client, struct sim_ticket *held);
void sim_user_release(struct sim_client *client, struct sim_ticket *ticket);

/** How long the caller will wait for a ticket: not at all, some time, or for
 *  ever. */
int64_t sim_user_draw_timeout(struct sim_client *client,
                              struct sim_ticket *ticket);
/** A ticket has been asked for. */
void sim_user_await(struct sim_client *client, struct sim_ticket *ticket);

/** user_several.c */
void sim_user_acquire_all(struct sim_client *client,
                          struct sim_session *session);

/** The parts of a ticket, which is told of as the whole; their keys; and one
 *  that core has refused. */
void sim_several_make_parts(struct sim_client *client,
                            struct sim_ticket *whole,
                            const unsigned *names,
                            unsigned n);
void sim_several_enter(struct sim_client *client, struct sim_ticket *whole);
void sim_several_forget(struct sim_client *client, struct sim_ticket *whole);

/** user_requeue.c: a ticket that waited was lost for etcd's silence; then it is
 *  queued again. */
void sim_user_hears_silence(struct sim_client *client,
                            const struct sim_ticket *ticket);
void sim_user_requeue(struct sim_client *client, uint64_t id);

/** user_observe.c */
void sim_user_observe(struct sim_client *client);
void sim_user_unobserve(struct sim_client *client, uint64_t id);

/** user_resume.c: takes over a session of a process that died, or the tickets
 *  of that session. */
void sim_user_take_over(struct sim_client *client, uint64_t id);

/** user_write.c */
void sim_user_write(struct sim_client *client, struct sim_ticket *ticket);

#endif
