/* SPDX-License-Identifier: Apache-2.0 */
#include "core/watch_number.h"

#include "core/object.h"

struct ll_watch *ll_watch_oldest_creating(const struct ll_core *core)
{
    return ll_link_alone(&core->watches.creating)
               ? NULL
               : LL_CONTAINER(core->watches.creating.next, struct ll_watch,
                              link);
}

/** The watch that the client requested with this id. */
static struct ll_watch *watch_find_asked(struct ll_core *core, int64_t id)
{
    struct ll_entry *entry;
    struct ll_object *object;
    struct ll_watch *watch;

    if (id < 0) {
        return NULL;
    }
    entry = ll_table_find(&core->objects, ll_watch_owner_of(id));
    if (entry == NULL) {
        return NULL;
    }
    object = LL_CONTAINER(entry, struct ll_object, entry);
    if (object->ops->watch == NULL) {
        return NULL;
    }
    watch = object->ops->watch->find(object, ll_watch_slot_of(id));
    return watch != NULL && watch->id == id ? watch : NULL;
}

struct ll_watch *ll_watch_of_event(struct ll_core *core, int64_t id)
{
    if (id < 0) {
        return ll_watch_oldest_creating(core);
    }
    return core->watches.numbered
               ? ll_watch_index_find(&core->watches.index, id)
               : watch_find_asked(core, id);
}

/** Sets whether creations are sent one at a time, because the server numbers
 *  watches itself, or may do so. */
static void watches_set_numbered(struct ll_core *core, bool numbered)
{
    if (core->watches.numbered != numbered) {
        core->watches.numbered = numbered;
        ll_core_log(core, LL_LOG_WATCHES_NUMBERED,
                    ll_log_endpoint(core->streams[LL_STREAM_WATCH].endpoint),
                    "watches have the %s numbers",
                    numbered ? "server's" : "client's");
    }
}

void ll_watches_anew(struct ll_core *core, int64_t pause_ns)
{
    ll_stream_close(core, LL_STREAM_WATCH);
    core->streams[LL_STREAM_WATCH].retry_ns = core->now_ns + pause_ns;
}

struct ll_watch *ll_watch_of_created(struct ll_core *core, int64_t id)
{
    struct ll_watches *watches = &core->watches;
    struct ll_watch *watch = NULL;
    /* A watch that is ON has the number that was requested. */
    bool mixed = watches->decided && !watches->numbered;

    if (watches->creating_n == 0 || id < 0) {
        return NULL;
    }
    if (!watches->numbered || !watches->decided) {
        watch = watch_find_asked(core, id);
    }
    watches->decided = true;
    watches_set_numbered(core, watch == NULL);
    if (watch != NULL) {
        return watch;
    }
    if (watches->creating_n > 1 || mixed) {
        ll_watches_anew(core, 0);
        return NULL;
    }
    return ll_watch_oldest_creating(core);
}

struct ll_watch *ll_watch_of_canceled(struct ll_core *core, int64_t id)
{
    struct ll_watches *watches = &core->watches;
    struct ll_watch *watch;

    if (id >= 0 || watches->decided || watches->numbered ||
        watches->creating_n <= 1) {
        watch = ll_watch_of_event(core, id);
        return watch != NULL ? watch : watch_find_asked(core, id);
    }
    watches_set_numbered(core, true);
    ll_watches_anew(core, 0);
    return NULL;
}
