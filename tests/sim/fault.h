/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include <stdint.h>

/**
 * The faults of a world: X(NAME, "name", how, "description"). Its kind:
 *     MESSAGE  a message has it with a small probability
 *     TIME     it occurs repeatedly, at random intervals
 *     HABIT    a caller's call has it with some probability
 *     SETTING  it holds for the whole run, or not at all
 */
#define SIM_FAULT_MAP(X)                                                       \
    X(DELAY, "delay", MESSAGE, "a message is delayed")                         \
    X(DROP, "drop", MESSAGE, "a request never arrives")                        \
    X(LATE, "late", MESSAGE, "an abandoned request arrives")                   \
    X(ANSWER, "answer", MESSAGE, "an answer is lost after the commit")         \
    X(MISS, "miss", MESSAGE, "a watch event is missed")                        \
    X(RESET, "reset", TIME, "a connection breaks")                             \
    X(CUT, "cut", TIME, "a connection becomes silent")                         \
    X(REFUSE, "refuse", TIME, "a member refuses connections")                  \
    X(PAUSE, "pause", TIME, "a client is stopped and resumes later")           \
    X(RESTART, "restart", TIME, "a client dies and a new one starts")          \
    X(STOP, "stop", TIME, "a member is stopped and resumes later")             \
    X(KILL, "kill", TIME, "a member is killed and restarts")                   \
    X(ISOLATE, "isolate", TIME, "a member is cut off from the others")         \
    X(LEADER, "leader", TIME, "another member becomes the leader")             \
    X(COMPACT, "compact", TIME, "the history is compacted")                    \
    X(BUSY, "busy", TIME, "etcd answers: too many requests")                   \
    X(LIST, "list", TIME, "a client's list of endpoints changes")              \
    X(DELETE, "delete", TIME, "a third party deletes a key of a queue")        \
    X(REVOKE, "revoke", TIME, "a third party revokes a lease")                 \
    X(FOREIGN, "foreign", TIME, "a foreign key is in a queue")                 \
    X(NESTED, "nested", TIME, "a lock is nested below another")                \
    X(CANCEL, "cancel", HABIT, "a caller cancels")                             \
    X(CLOSE, "close", HABIT, "a caller closes its session")                    \
    X(TWICE, "twice", HABIT, "a caller releases twice")                        \
    X(FORGET, "forget", HABIT, "a caller forgets a ticket")                    \
    X(WRITE, "write", HABIT, "a holder writes under its fence")                \
    X(SEVERAL, "several", HABIT, "a caller acquires several locks at once")    \
    X(OBSERVE, "observe", HABIT, "a caller observes who leads")                \
    X(SKEW, "skew", SETTING, "clocks run at different rates")                  \
    X(LAG, "lag", SETTING, "followers lag behind")                             \
    X(FORBID, "forbid", SETTING, "watches are refused")                        \
    X(GO, "go", SETTING, "Go's clients are in the queues")                     \
    X(BURST, "burst", SETTING, "a client acquires hundreds of locks at once")  \
    X(CHAIN, "chain", HABIT, "a holder acquires a further lock")               \
    X(PROXY, "proxy", SETTING, "a proxy renumbers and reorders watches")       \
    X(OTHER, "other", TIME, "an address leads to another cluster for a while") \
    X(REQUEUE, "requeue", HABIT, "a caller requeues after a silence")          \
    X(RENEW, "renew", TIME, "etcd refuses to renew a lease for a while")       \
    X(RESTORE, "restore", TIME, "etcd is restored from a snapshot")            \
    X(ASK, "ask", TIME, "a third party puts to a key of a queue")              \
    X(REJOIN, "rejoin", HABIT, "a holder gives way and queues again")          \
    X(APART, "apart", TIME, "a member is at another distance from a client")   \
    X(FOLLOW, "follow", HABIT, "a caller follows the keys of a lock, or all")

enum sim_fault {
#define SIM_FAULT_ENUM(name, text, how, what) SIM_FAULT_##name,
    SIM_FAULT_MAP(SIM_FAULT_ENUM)
#undef SIM_FAULT_ENUM
        SIM_FAULTS
};

struct sim_world;

const char *sim_fault_name(enum sim_fault fault);
const char *sim_fault_sentence(enum sim_fault fault);
/** Finds a fault by its name; SIM_FAULTS if there is none. */
enum sim_fault sim_fault_find(const char *name);

/** Draws each kind's rate from the seed. */
void sim_faults_draw(struct sim_world *world);
/** Schedules the timed kinds. */
void sim_faults_start(struct sim_world *world);
/** Whether a fault of kind MESSAGE or HABIT occurs now; counted. */
int sim_fault_strikes(struct sim_world *world, enum sim_fault fault);
void sim_fault_count(struct sim_world *world, enum sim_fault fault);
/** Carries out a timed fault. */
void sim_fault_on_time(struct sim_world *world, enum sim_fault fault);
/** Ends a fault's effect on a member or key. */
void sim_fault_end(struct sim_world *world, enum sim_fault fault, uint64_t at);
/** Ends all faults. */
void sim_faults_heal(struct sim_world *world);
/** Deletes the foreign keys that are left. */
void sim_faults_sweep(struct sim_world *world);

#endif
