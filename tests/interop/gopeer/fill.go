// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/etcd/clientv3"
)

const (
	fillOps     = 120 // in a Txn; etcd takes 128
	fillWorkers = 8
)

// fill gives etcd a history that is not compacted: names that were once below
// the lock's, as sessions of the past leave them, and versions of a few keys
// that have nothing to do with it.
func fill(o options, r *result) error {
	client, err := connect(o.endpoints)
	if err != nil {
		return err
	}
	defer client.Close()
	start := time.Now()
	if err := inChunks(o.keys, func(chunk, n int) error {
		prefix := fmt.Sprintf("%s/%x.", o.name, 0x7000000000000000+chunk)
		return fillNames(client, prefix, n)
	}); err != nil {
		return err
	}
	if err := inChunks(o.revisions, func(chunk, n int) error {
		prefix := fmt.Sprintf("%s-others/%d.", o.name, chunk%fillWorkers)
		return putAll(client, prefix, n)
	}); err != nil {
		return err
	}
	r.add("keys", o.keys)
	r.add("revisions", o.revisions)
	r.add("fill_s", time.Since(start).Seconds())
	return nil
}

// inChunks runs a function for chunks of n, some side by side.
func inChunks(n int, run func(chunk, n int) error) error {
	chunks := (n + fillOps - 1) / fillOps
	return inParallel(fillWorkers, func(who int) error {
		for chunk := who; chunk < chunks; chunk += fillWorkers {
			size := fillOps
			if chunk == chunks-1 {
				size = n - chunk*fillOps
			}
			if err := run(chunk, size); err != nil {
				return err
			}
		}
		return nil
	})
}

func putAll(client *clientv3.Client, prefix string, n int) error {
	var ops []clientv3.Op
	for i := 0; i < n; i++ {
		ops = append(ops, clientv3.OpPut(fmt.Sprintf("%s%x", prefix, i), "value"))
	}
	_, err := client.Txn(context.Background()).Then(ops...).Commit()
	return err
}

// fillNames puts keys and deletes them.
func fillNames(client *clientv3.Client, prefix string, n int) error {
	if err := putAll(client, prefix, n); err != nil {
		return err
	}
	_, err := client.Delete(context.Background(), prefix, clientv3.WithPrefix())
	return err
}
