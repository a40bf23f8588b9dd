/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_METRICS_TEXT_H
#define LL_BASE_METRICS_TEXT_H

#include <stddef.h>
#include <stdint.h>

/**
 * Writes OpenMetrics text 1.0. The library writes a client's counters with it,
 * and the tool its page of locks.
 *
 *     # TYPE name gauge
 *     # UNIT name seconds
 *     # HELP name What it is.
 *     name{label="value"} 1.5
 *
 * The text is cut at the end of its room, but counted to the end, so it can be
 * measured first: with room 0.
 */
struct ll_metrics_text {
    char *at;      /* NULL if room is 0 */
    size_t room;   /* bytes left, a NUL among them */
    size_t length; /* of the whole text, without its NUL */
};

enum ll_metric_kind { LL_METRIC_GAUGE, LL_METRIC_COUNTER, LL_METRIC_HISTOGRAM };

/** Appends formatted text. */
void ll_metrics_put(struct ll_metrics_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * Appends the lines that introduce a metric.
 *
 * @param name  of a counter without "_total"; with the unit, if it has one
 * @param help  a sentence without '\\', '"' and newlines
 */
void ll_metrics_put_head(struct ll_metrics_text *text,
                         enum ll_metric_kind kind,
                         const char *name,
                         const char *help);

/** Appends a count of units of 10 to the power of -digits, as OpenMetrics wants
 *  a float: without zeros at its end, but with a decimal point. */
void ll_metrics_put_decimal(struct ll_metrics_text *text,
                            uint64_t number,
                            int digits);

/**
 * Appends label="value". Bytes that are not UTF-8 become \xNN, and a '\' before
 * an 'x' becomes \x5c, so that different values stay different.
 */
void ll_metrics_put_label(struct ll_metrics_text *text,
                          const char *label,
                          const char *value);

/**
 * Writes OpenMetrics text as Prometheus text 0.0.4: there a counter's TYPE and
 * HELP name it with "_total", and there are no UNIT and no EOF.
 *
 * @param from  the text, ending in a NUL
 */
void ll_metrics_to_plain(const char *from, struct ll_metrics_text *ret_text);

#endif
