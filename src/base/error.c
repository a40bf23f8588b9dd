/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define STATUS_NAME(number, name, sentence)                                    \
    case number:                                                               \
        return "LEASELOCK_E_" #name;
#define STATUS_TEXT(number, name, sentence)                                    \
    case number:                                                               \
        return sentence;

const char *leaselock_status_name(int status)
{
    switch (status) {
    case LEASELOCK_OK:
        return "LEASELOCK_OK";
        LEASELOCK_STATUS_MAP(STATUS_NAME)
    default:
        return "LEASELOCK_E_?";
    }
}

const char *leaselock_status_text(int status)
{
    switch (status) {
    case LEASELOCK_OK:
        return "success";
        LEASELOCK_STATUS_MAP(STATUS_TEXT)
    default:
        return "unknown status";
    }
}

int leaselock_status_is_retriable(int status)
{
    return status == LEASELOCK_E_TIMEOUT || status == LEASELOCK_E_UNAVAILABLE ||
           status == LEASELOCK_E_OUTCOME_UNKNOWN ||
           status == LEASELOCK_E_NOMEM || status == LEASELOCK_E_LIMIT ||
           status == LEASELOCK_E_SYSTEM;
}

int ll_error_fill(struct leaselock_error *reterr,
                  int code,
                  const char *sentence,
                  int grpc_status,
                  const char *endpoint,
                  const char *text)
{
    bool has_endpoint = endpoint != NULL && endpoint[0] != '\0';
    bool has_text = text != NULL && text[0] != '\0';

    if (reterr == NULL || code == 0) {
        return code;
    }
    reterr->code = code;
    reterr->grpc_status = grpc_status;
    (void)snprintf(reterr->endpoint, sizeof(reterr->endpoint), "%s",
                   has_endpoint ? endpoint : "");
    (void)snprintf(reterr->message, sizeof(reterr->message), "%s%s%s%s%s%s",
                   sentence != NULL ? sentence : leaselock_status_text(code),
                   has_endpoint ? " (endpoint " : "",
                   has_endpoint ? endpoint : "", has_endpoint ? ")" : "",
                   has_text ? ": " : "", has_text ? text : "");
    return code;
}

int ll_error_text(struct leaselock_error *reterr, int code, const char *text)
{
    return ll_error_fill(reterr, code, NULL, -1, NULL, text);
}

int ll_error_format(struct leaselock_error *reterr,
                    int code,
                    const char *format,
                    ...)
{
    char text[LEASELOCK_ERROR_MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return ll_error_text(reterr, code, text);
}

int ll_error_sentence(struct leaselock_error *reterr,
                      int code,
                      const char *format,
                      ...)
{
    char text[LEASELOCK_ERROR_MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return ll_error_fill(reterr, code, text, -1, NULL, NULL);
}

int ll_options_copy(void *options, size_t size, const void *user)
{
    const unsigned char *bytes = user;
    size_t user_size;

    memset(options, 0, size);
    if (user == NULL) {
        return 0;
    }
    memcpy(&user_size, user, sizeof(user_size));
    if (user_size < sizeof(user_size)) {
        return LEASELOCK_E_ARGUMENT;
    }
    for (size_t i = size; i < user_size; i++) {
        if (bytes[i] != 0) {
            return LEASELOCK_E_ARGUMENT;
        }
    }
    memcpy(options, user, user_size < size ? user_size : size);
    return 0;
}
