#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Dependencies point one way: a folder of src includes only what this table
# allows it, besides itself and the system's headers.
set -euo pipefail
cd "$SRC/src"
status=0

declare -A may=(
    [base]='leaselock/'
    [core]='leaselock/|base/'
    [etcd]='leaselock/|base/|core/(event|request)\.h|etcd\.pb-c\.h'
    [rpc]='leaselock/status\.h|leaselock/version\.h|base/|core/(event|request)\.h|etcd/'
    [config]='leaselock/|base/'
    [client]='leaselock/|base/|core/|rpc/|config/'
    [api]='leaselock/|base/|core/|etcd/|rpc/|config/|client/'
    [cli]='leaselock/|base/(metrics_text|near)\.h'
    [guardian]='leaselock/|base/|client/(guardian_table|revoke)\.h'
)

for folder in "${!may[@]}"; do
    wrong=$(grep -nEr '^ *# *include "' "$folder" |
        grep -vE "include \"($folder/|${may[$folder]}|[^/\"]*\.h\"\$)") || true
    # A name without a folder is a file in the including file's folder.
    while IFS=: read -r file line name; do
        [[ -z $name || -e ${file%/*}/$name || $name == etcd.pb-c.h ]] ||
            wrong+=$'\n'"$file:$line: $name"
    done < <(grep -nErs '^ *# *include "[^/"]*"' "$folder" |
        sed 's/# *include "\(.*\)".*/\1/')
    if [[ -n $wrong ]]; then
        printf '%s may include %s/ and %s, not:\n%s\n' \
            "$folder" "$folder" "${may[$folder]}" "$wrong"
        status=1
    fi
done
exit "$status"
