/* SPDX-License-Identifier: Apache-2.0 */
#include "core/report.h"

#include "core/object.h"
#include "core/stats.h"
#include "leaselock/status.h"

void ll_report_acquired(struct ll_core *core,
                        struct ll_object *object,
                        struct ll_report *report,
                        int status)
{
    report->acquired_due = true;
    report->acquire_status = (int16_t)status;
    ll_object_report(core, object);
}

void ll_report_lost(struct ll_core *core,
                    struct ll_object *object,
                    struct ll_report *report,
                    enum leaselock_stats_loss loss)
{
    report->lost_due = true;
    report->loss = loss;
    report->why = ll_loss_text(core, loss);
    ll_object_report(core, object);
}

void ll_report_released(struct ll_core *core,
                        struct ll_object *object,
                        struct ll_report *report,
                        int status)
{
    report->released_due = true;
    report->release_status = (int16_t)status;
    ll_object_report(core, object);
}

bool ll_report_take(struct ll_report *report, struct ll_report *ret_due)
{
    *ret_due = *report;
    report->acquired_due = false;
    report->lost_due = false;
    report->released_due = false;
    return ret_due->acquired_due || ret_due->lost_due || ret_due->released_due;
}

bool ll_report_next(struct ll_core *core,
                    struct ll_object *object,
                    struct ll_report *report,
                    const char *text,
                    struct ll_effect *ret_effect)
{
    *ret_effect = (struct ll_effect){.id = object->entry.id};
    if (report->acquired_due) {
        report->acquired_due = false;
        ret_effect->kind = LL_EFFECT_ACQUIRED;
        ret_effect->silenced =
            report->acquire_status == LEASELOCK_E_LOST && report->silenced;
        ret_effect->detail = ll_detail_of(core, report->acquire_status, text);
        ret_effect->acquired.is_blocked =
            report->acquire_status == LEASELOCK_E_TIMEOUT;
        return true;
    }
    if (report->lost_due) {
        report->lost_due = false;
        ll_stats_lost(core, report);
        ret_effect->kind = LL_EFFECT_LOST;
        ret_effect->lost.why = report->why;
        return true;
    }
    if (report->released_due) {
        report->released_due = false;
        ll_stats_released(core, report);
        ll_log_released(core, object->entry.id, report->release_status);
        ret_effect->kind = LL_EFFECT_RELEASED;
        ret_effect->detail =
            ll_detail_of(core, report->release_status, report->why);
        return true;
    }
    return false;
}
