// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/clientv3/concurrency"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	ttlSeconds  = 10
	dialTimeout = 10 * time.Second
)

// splitEndpoints splits a list with commas.
func splitEndpoints(endpoints string) []string {
	return strings.Split(endpoints, ",")
}

// connect opens a client that prints no logs on stderr.
func connect(endpoints string) (*clientv3.Client, error) {
	quiet := zap.NewProductionConfig()
	quiet.Level = zap.NewAtomicLevelAt(zapcore.FatalLevel)
	return clientv3.New(clientv3.Config{
		Endpoints:   splitEndpoints(endpoints),
		DialTimeout: dialTimeout,
		LogConfig:   &quiet,
	})
}

func newSession(client *clientv3.Client, ttl int) (*concurrency.Session, error) {
	return concurrency.NewSession(client, concurrency.WithTTL(ttl))
}

// createRevision reads the token of a held key, which the package does not
// export.
func createRevision(client *clientv3.Client, key string) (int64, error) {
	answer, err := client.Get(context.Background(), key)
	if err != nil {
		return 0, err
	}
	if len(answer.Kvs) != 1 {
		return 0, fmt.Errorf("held, but the key %s is not there", key)
	}
	return answer.Kvs[0].CreateRevision, nil
}

// openSession opens a client with one session.
func openSession(endpoints string) (*concurrency.Session, func(), error) {
	client, err := connect(endpoints)
	if err != nil {
		return nil, nil, err
	}
	session, err := newSession(client, ttlSeconds)
	if err != nil {
		client.Close()
		return nil, nil, err
	}
	return session, func() {
		session.Close()
		client.Close()
	}, nil
}

// openSessions opens clients and distributes sessions over them.
func openSessions(o options, clients, sessions int) ([]*concurrency.Session, func(), error) {
	var opened []*clientv3.Client
	all := make([]*concurrency.Session, sessions)
	closeAll := func() {
		_ = inParallel(sessions, func(i int) error {
			if all[i] == nil {
				return nil
			}
			return all[i].Close()
		})
		for _, client := range opened {
			client.Close()
		}
	}
	for i := 0; i < clients; i++ {
		client, err := connect(o.endpoints)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		opened = append(opened, client)
	}
	refused := new(int64)
	err := inParallel(sessions, func(i int) error {
		return retried(refused, func(context.Context) error {
			var err error
			all[i], err = newSession(opened[i%clients], o.ttl)
			return err
		})
	})
	if err != nil {
		closeAll()
		return nil, nil, err
	}
	return all, closeAll, nil
}

// inParallel runs a function in n goroutines and returns the first error.
func inParallel(n int, run func(int) error) error {
	errs := make(chan error, n)
	for i := 0; i < n; i++ {
		go func(i int) { errs <- run(i) }(i)
	}
	var first error
	for i := 0; i < n; i++ {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}
