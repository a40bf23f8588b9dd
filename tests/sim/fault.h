#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include <stdint.h>

/**
 * All that disturbs a world: X(NAME, "name", how, "what it is"). How a kind
 * comes about:
 *     MESSAGE  each message has a small chance of it
 *     TIME     it strikes again and again, at random distances
 *     HABIT    a call of a user's has a chance of it
 *     SETTING  it is there for the whole run, or not
 */
#define SIM_FAULT_MAP(X)                                                       \
    X(DELAY, "delay", MESSAGE, "a message takes its time")                     \
    X(DROP, "drop", MESSAGE, "a request never arrives")                        \
    X(LATE, "late", MESSAGE, "a request arrives after it was given up")        \
    X(ANSWER, "answer", MESSAGE, "an answer is lost after the commit")         \
    X(MISS, "miss", MESSAGE, "a watch event is missed")                        \
    X(RESET, "reset", TIME, "a connection breaks")                             \
    X(CUT, "cut", TIME, "a connection goes silent")                            \
    X(REFUSE, "refuse", TIME, "a member refuses connections")                  \
    X(PAUSE, "pause", TIME, "a client is stopped and goes on later")           \
    X(RESTART, "restart", TIME, "a client dies, and a new one takes over")     \
    X(STOP, "stop", TIME, "a member is stopped and goes on later")             \
    X(KILL, "kill", TIME, "a member dies and comes back")                      \
    X(ISOLATE, "isolate", TIME, "a member is cut off from the others")         \
    X(LEADER, "leader", TIME, "another member becomes the leader")             \
    X(COMPACT, "compact", TIME, "the history is compacted")                    \
    X(BUSY, "busy", TIME, "etcd answers: too many requests")                   \
    X(LIST, "list", TIME, "a client's list of endpoints changes")              \
    X(DELETE, "delete", TIME, "a third party deletes a key of a queue")        \
    X(REVOKE, "revoke", TIME, "a third party revokes a lease")                 \
    X(FOREIGN, "foreign", TIME, "a foreign key stands in a queue")             \
    X(NESTED, "nested", TIME, "a lock is nested below another")                \
    X(CANCEL, "cancel", HABIT, "a caller cancels")                             \
    X(CLOSE, "close", HABIT, "a caller closes its session")                    \
    X(TWICE, "twice", HABIT, "a caller releases twice")                        \
    X(FORGET, "forget", HABIT, "a caller forgets a ticket")                    \
    X(WRITE, "write", HABIT, "a holder writes under its fence")                \
    X(SEVERAL, "several", HABIT, "a caller asks for several locks at once")    \
    X(OBSERVE, "observe", HABIT, "a caller observes who leads")                \
    X(SKEW, "skew", SETTING, "clocks run at different rates")                  \
    X(LAG, "lag", SETTING, "followers lie behind")                             \
    X(FORBID, "forbid", SETTING, "watches are refused")                        \
    X(GO, "go", SETTING, "Go's clients stand in the queues")                   \
    X(BURST, "burst", SETTING, "a client asks for hundreds of locks at once")  \
    X(CHAIN, "chain", HABIT, "a holder asks for a further lock")               \
    X(PROXY, "proxy", SETTING,                                                 \
      "a proxy numbers watches and mixes their order")                         \
    X(OTHER, "other", TIME, "an address leads to another cluster for a while") \
    X(REQUEUE, "requeue", HABIT, "a caller queues again after a silence")      \
    X(RENEW, "renew", TIME, "etcd refuses to renew a lease for a while")       \
    X(RESTORE, "restore", TIME, "etcd is restored from a snapshot")

enum sim_fault {
#define SIM_FAULT_ENUM(name, text, how, what) SIM_FAULT_##name,
    SIM_FAULT_MAP(SIM_FAULT_ENUM)
#undef SIM_FAULT_ENUM
        SIM_FAULTS
};

struct sim_world;

const char *sim_fault_name(enum sim_fault fault);
const char *sim_fault_sentence(enum sim_fault fault);
/** The fault with a name, or SIM_FAULTS. */
enum sim_fault sim_fault_find(const char *name);

/** Draws each kind's rate from the seed. */
void sim_faults_draw(struct sim_world *world);
/** Lets the timed kinds begin. */
void sim_faults_start(struct sim_world *world);
/** A fault of kind MESSAGE or HABIT: whether it strikes now; counted. */
int sim_fault_strikes(struct sim_world *world, enum sim_fault fault);
void sim_fault_count(struct sim_world *world, enum sim_fault fault);
/** A timed fault strikes. */
void sim_fault_on_time(struct sim_world *world, enum sim_fault fault);
/** What a fault did to a member or key is taken back. */
void sim_fault_end(struct sim_world *world, enum sim_fault fault, uint64_t at);
/** All is taken back. */
void sim_faults_heal(struct sim_world *world);
/** Deletes the foreign keys that are left. */
void sim_faults_sweep(struct sim_world *world);

#endif
