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

/** user_ticket.c */
void sim_user_acquire(struct sim_client *client, struct sim_session *session);
void sim_user_release(struct sim_client *client, struct sim_ticket *ticket);

/** user_write.c */
void sim_user_write(struct sim_client *client, struct sim_ticket *ticket);

#endif
