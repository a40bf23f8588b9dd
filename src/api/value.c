#include "api/value.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "leaselock/session.h"

#define HOST_SIZE 256

static bool text_is_plain(const char *text)
{
    json_t *string;

    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            return false;
        }
    }
    string = json_string(text); /* refuses what is not UTF-8 */
    json_decref(string);
    return string != NULL;
}

bool ll_value_label_is_valid(const char *label)
{
    return label == NULL ||
           (strlen(label) <= LEASELOCK_LABEL_MAX && text_is_plain(label));
}

int ll_value_make(const char *label,
                  int64_t since_unix_s,
                  char **ret_value,
                  size_t *ret_size)
{
    char host[HOST_SIZE] = "";
    char *program = program_invocation_short_name;
    json_t *object;
    char *text;

    if (gethostname(host, sizeof(host) - 1) != 0 || !text_is_plain(host)) {
        host[0] = '\0';
    }
    object = json_pack(
        "{s:s, s:I, s:s, s:s, s:I}", "host", host, "pid", (json_int_t)getpid(),
        "program", text_is_plain(program) ? program : "", "label",
        label != NULL ? label : "", "since", (json_int_t)since_unix_s);
    text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (text == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    *ret_size = strlen(text);
    *ret_value = ll_alloc_copy(text, *ret_size);
    free(text);
    return *ret_value != NULL ? 0 : LEASELOCK_E_NOMEM;
}

static char *member_text(json_t *object, const char *name)
{
    json_t *member = json_object_get(object, name);
    const char *text = json_string_value(member);

    return text != NULL ? ll_alloc_copy(text, json_string_length(member))
                        : ll_alloc_copy("", 0);
}

int ll_value_parse(const char *data, size_t size, struct ll_value *ret_value)
{
    json_t *object = json_loadb(data, size, 0, NULL);

    ret_value->host = member_text(object, "host");
    ret_value->program = member_text(object, "program");
    ret_value->label = member_text(object, "label");
    ret_value->pid = json_integer_value(json_object_get(object, "pid"));
    ret_value->since_unix_s =
        json_integer_value(json_object_get(object, "since"));
    json_decref(object);
    return ret_value->host != NULL && ret_value->program != NULL &&
                   ret_value->label != NULL
               ? 0
               : LEASELOCK_E_NOMEM;
}

void ll_value_free(struct ll_value *value)
{
    ll_free(value->host);
    ll_free(value->program);
    ll_free(value->label);
}
