/* SPDX-License-Identifier: Apache-2.0 */
#include "config/settings.h"

#include <limits.h>

/** Longest time of a setting, so that sums of times do not overflow. */
#define TIME_MAX_MS 3600000

#define AT(member) offsetof(struct leaselock_client_options, member)

/* settings.h describes the columns; the macros keep each name on one line. */
#define NAMES(name_, variable_, etcdctl_)                                      \
    .about.name = (name_), .about.variable = "LEASELOCK_" variable_,           \
    .about.etcdctl_variable = (etcdctl_)
#define IN(member_) .about.member = #member_, .member_at = AT(member_)
#define TAKES(kind_, argument_) .kind = (kind_), .about.argument = (argument_)
#define HELP(help_) .about.help = (help_)
#define MORE(more_) .about.more = (more_)

const struct ll_setting ll_settings[LL_SETTINGS] = {
    [LL_SETTING_ENDPOINTS] =
        {
            NAMES("endpoints", "ENDPOINTS", "ETCDCTL_ENDPOINTS"),
            TAKES(LL_KIND_ENDPOINTS, "LIST"),
            .about.initial = "127.0.0.1:2379",
            HELP("members, HOST:PORT,..., or a URL etcd://..."),
            MORE("Each is host:port, [v6]:port or unix:/path, with http:// or "
                 "https:// before it if need be. The port is 2379 where there "
                 "is none. A socket in the file system is also "
                 "unix:///path or, as etcd has it, unix://host:port, which is "
                 "the file \"host:port\" in the working directory; unixs: "
                 "instead of unix: speaks TLS to it. They are tried in "
                 "turn. All have to be of one cluster. An etcd gateway keeps "
                 "an endpoint that failed out for its own --retry-delay, 1m "
                 "by default, however soon etcd is back."),
        },
    [LL_SETTING_DISCOVERY_SRV] =
        {
            NAMES("discovery-srv", "DISCOVERY_SRV", "ETCDCTL_DISCOVERY_SRV"),
            IN(discovery_srv),
            TAKES(LL_KIND_TEXT, "DOMAIN"),
            HELP("read the endpoints from the DNS SRV records of DOMAIN"),
            MORE("They are looked up once, when the client is opened, and "
                 "replace endpoints."),
        },
    [LL_SETTING_DISCOVERY_SRV_NAME] =
        {
            NAMES("discovery-srv-name",
                  "DISCOVERY_SRV_NAME",
                  "ETCDCTL_DISCOVERY_SRV_NAME"),
            IN(discovery_srv_name),
            TAKES(LL_KIND_TEXT, "NAME"),
            HELP("the service in these records is etcd-client-NAME"),
        },
    [LL_SETTING_DISCOVERY_DNS] =
        {
            NAMES("discovery-dns", "DISCOVERY_DNS", NULL),
            IN(discovery_dns),
            TAKES(LL_KIND_TEXT, "ADDRESS"),
            HELP("DNS server for these records, ADDRESS:PORT"),
            MORE("An address, not a name; the port is 53 where there is none. "
                 "By default the system's servers are used."),
        },
    [LL_SETTING_SYNC_INTERVAL] =
        {
            NAMES("sync-interval", "SYNC_INTERVAL", NULL),
            IN(sync_interval_ms),
            TAKES(LL_KIND_TIME, "TIME"),
            .min = 1000,
            .max = TIME_MAX_MS,
            .off = 1,
            HELP("update the endpoints from the member list (default 0: no)"),
            MORE("The list is read at once and then at this interval. Members "
                 "that join are used, and members that left are dropped, as "
                 "soon as a listed one has answered. An address that does not "
                 "answer, or answers for another cluster, is not used until "
                 "it does. A client may have 64 endpoints in its life."),
        },
    [LL_SETTING_FIXED_ENDPOINT] =
        {
            NAMES("fixed-endpoint", "FIXED_ENDPOINT", NULL),
            IN(fixed_endpoint),
            TAKES(LL_KIND_SWITCH, NULL),
            .max = 1,
            HELP("keep to one endpoint until it fails, not to the nearest"),
            MORE("By default a client of several endpoints compares how soon "
                 "each of them answers, and uses the quickest. With "
                 "discovery-srv the order of the DNS counts instead."),
        },
    [LL_SETTING_NAMESPACE] =
        {
            NAMES("namespace", "NAMESPACE", NULL),
            IN(namespace_prefix),
            TAKES(LL_KIND_TEXT, "PREFIX"),
            HELP("put PREFIX before every name, as in prod/"),
        },
    [LL_SETTING_TLS] =
        {
            NAMES("tls", "TLS", "ETCDCTL_INSECURE_TRANSPORT"),
            IN(tls),
            TAKES(LL_KIND_SWITCH, NULL),
            .max = 1,
            HELP("use TLS for endpoints without https://, too"),
            MORE("So does each of the files below. Of etcdctl's variables "
                 "ETCDCTL_INSECURE_TRANSPORT=false turns it on, and so does "
                 "ETCDCTL_INSECURE_DISCOVERY=false. Checks of the "
                 "certificate cannot be turned off: "
                 "ETCDCTL_INSECURE_SKIP_TLS_VERIFY=true is an error unless "
                 "this setting is set."),
        },
    [LL_SETTING_CACERT] =
        {
            NAMES("cacert", "CACERT", "ETCDCTL_CACERT"),
            IN(cacert),
            TAKES(LL_KIND_FILE, "FILE"),
            HELP("certificates of the authorities that sign for etcd, PEM"),
            MORE("By default the system's authorities."),
        },
    [LL_SETTING_CERT] =
        {
            NAMES("cert", "CERT", "ETCDCTL_CERT"),
            IN(cert),
            TAKES(LL_KIND_FILE, "FILE"),
            HELP("this client's certificate, PEM"),
            MORE("Needs key as well."),
        },
    [LL_SETTING_KEY] =
        {
            NAMES("key", "KEY", "ETCDCTL_KEY"),
            IN(key),
            TAKES(LL_KIND_FILE, "FILE"),
            HELP("the certificate's key, PEM"),
            MORE("Needs cert as well."),
        },
    [LL_SETTING_SERVER_NAME] =
        {
            NAMES("server-name", "SERVER_NAME", NULL),
            IN(server_name),
            TAKES(LL_KIND_TEXT, "NAME"),
            HELP("name in etcd's certificate (default: the endpoint's host)"),
        },
    [LL_SETTING_USER] =
        {
            NAMES("user", "USER", "ETCDCTL_USER"),
            IN(user),
            TAKES(LL_KIND_USER, "NAME[:PASSWORD]"),
            HELP("etcd's user"),
            MORE("Needs a password as well. A password that is set where "
                 "another user is set is not used for this one."),
        },
    [LL_SETTING_PASSWORD] =
        {
            NAMES("password", "PASSWORD", "ETCDCTL_PASSWORD"),
            IN(password),
            TAKES(LL_KIND_SECRET, "PASSWORD"),
            HELP("the user's password; better in a file"),
        },
    [LL_SETTING_PASSWORD_FILE] =
        {
            NAMES("password-file", "PASSWORD_FILE", NULL),
            IN(password_file),
            TAKES(LL_KIND_FILE, "FILE"),
            HELP("file with the password in its first line"),
            MORE("It is read whenever the password is needed, so it may "
                 "change."),
        },
    [LL_SETTING_DIAL_TIMEOUT] =
        {
            NAMES("dial-timeout", "DIAL_TIMEOUT", "ETCDCTL_DIAL_TIMEOUT"),
            IN(connect_timeout_ms),
            TAKES(LL_KIND_TIME, "TIME"),
            .min = 1,
            .max = TIME_MAX_MS,
            .initial = 2000,
            .about.initial = "2s",
            HELP("longest time to connect to an endpoint (default 2s)"),
        },
    [LL_SETTING_REQUEST_TIMEOUT] =
        {
            NAMES("request-timeout", "REQUEST_TIMEOUT", NULL),
            IN(request_timeout_ms),
            TAKES(LL_KIND_TIME, "TIME"),
            .min = 1,
            .max = TIME_MAX_MS,
            .initial = 2000,
            .about.initial = "2s",
            HELP("send a request to another endpoint after TIME (default 2s)"),
            MORE("It is the wait for one answer; a call as a whole has a "
                 "timeout of its own. With several endpoints another one is "
                 "tried after a quarter of it, at least 500ms."),
        },
    [LL_SETTING_KEEPALIVE_TIME] =
        {
            NAMES("keepalive-time", "KEEPALIVE_TIME", "ETCDCTL_KEEPALIVE_TIME"),
            IN(ping_interval_ms),
            TAKES(LL_KIND_TIME, "TIME"),
            .min = 5000,
            .max = TIME_MAX_MS,
            .initial = 10000,
            .about.initial = "10s",
            HELP("ping a connection that is silent for TIME (default 10s)"),
            MORE("At least 5s: etcd ends connections that ping more often. "
                 "Less in ETCDCTL_KEEPALIVE_TIME, which etcdctl allows, is "
                 "taken as 5s."),
        },
    [LL_SETTING_KEEPALIVE_TIMEOUT] =
        {
            NAMES("keepalive-timeout",
                  "KEEPALIVE_TIMEOUT",
                  "ETCDCTL_KEEPALIVE_TIMEOUT"),
            IN(ping_timeout_ms),
            TAKES(LL_KIND_TIME, "TIME"),
            .min = 1,
            .max = TIME_MAX_MS,
            .initial = 3000,
            .about.initial = "3s",
            HELP("close a connection that does not answer (default 3s)"),
        },
    [LL_SETTING_SEND_BYTES_MAX] =
        {
            NAMES("send-bytes-max", "SEND_BYTES_MAX", NULL),
            IN(send_bytes_max),
            TAKES(LL_KIND_BYTES, "BYTES"),
            .min = 1,
            .max = INT_MAX,
            .off = 1,
            HELP("longest message to send (default 0: no limit)"),
        },
    [LL_SETTING_RECEIVE_BYTES_MAX] =
        {
            NAMES("receive-bytes-max", "RECEIVE_BYTES_MAX", NULL),
            IN(receive_bytes_max),
            TAKES(LL_KIND_BYTES, "BYTES"),
            .min = 1,
            .max = INT_MAX,
            .off = 1,
            HELP("longest message to receive (default 0: no limit)"),
            MORE("etcd has still applied a request whose answer is too "
                 "long."),
        },
    [LL_SETTING_CONFIG] =
        {
            NAMES("config", "CONFIG", NULL),
            IN(config),
            TAKES(LL_KIND_FILE, "FILE"),
            HELP("file with settings (see leaselock-settings(5))"),
            MORE("Cannot be set in a URL or a config file. /dev/null stands "
                 "for none."),
        },
    [LL_SETTING_GUARDIAN] =
        {
            NAMES("guardian", "GUARDIAN", NULL),
            IN(guardian),
            TAKES(LL_KIND_SWITCH, NULL),
            .max = 1,
            HELP("a helper process frees the locks if this one dies"),
            MORE("The guardian revokes the leases as soon as the process has "
                 "ended without closing the client, not after their TTL. "
                 "leaselock_client(3) says when it can and when it cannot."),
        },
    [LL_SETTING_GUARDIAN_PATH] =
        {
            NAMES("guardian-path", "GUARDIAN_PATH", NULL),
            IN(guardian_path),
            TAKES(LL_KIND_FILE, "FILE"),
            HELP("the guardian's program"),
            MORE("By default leaselock-guardian where it was installed. Cannot "
                 "be set in a URL."),
        },
};

const struct leaselock_setting *leaselock_setting_at(unsigned index)
{
    return index < LL_SETTINGS ? &ll_settings[index].about : NULL;
}
