// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/clientv3/concurrency"
	"go.etcd.io/etcd/etcdserver/api/v3rpc/rpctypes"
)

// retried repeats and counts calls that etcd refuses or times out because it is
// overloaded: the concurrency package returns these errors to its user. A mutex
// that is locked again finds its own key.
func retried(refused *int64, try func(context.Context) error) error {
	for {
		err := try(context.Background())
		if !errors.Is(err, rpctypes.ErrTooManyRequests) &&
			!errors.Is(err, rpctypes.ErrTimeout) {
			return err
		}
		atomic.AddInt64(refused, 1)
		time.Sleep(time.Duration(10+rand.Intn(20)) * time.Millisecond)
	}
}

// measureCycles repeats a cycle in each of n goroutines.
func measureCycles(o options, n int, cycle func(who int) error) ([]time.Duration, *meter, error) {
	samples := make([][]time.Duration, n)
	m := startMeter(o.endpoints)
	end := m.started.Add(o.length)
	err := inParallel(n, func(who int) error {
		for from := time.Now(); from.Before(end); {
			if err := cycle(who); err != nil {
				return err
			}
			now := time.Now()
			samples[who] = append(samples[who], now.Sub(from))
			from = now
		}
		return nil
	})
	m.stop()
	var all []time.Duration
	for _, some := range samples {
		all = append(all, some...)
	}
	return all, m, err
}

// mutexes have a name each, and use the sessions in turn.
func mutexes(sessions []*concurrency.Session, name string, n int) []*concurrency.Mutex {
	var all []*concurrency.Mutex
	for i := 0; i < n; i++ {
		session := sessions[i%len(sessions)]
		all = append(all, concurrency.NewMutex(session, fmt.Sprintf("%s-%d", name, i)))
	}
	return all
}

// lockCycles measures cycles of lock and unlock.
func lockCycles(o options, r *result, n, sessionsN int, unit string, length time.Duration) error {
	clients := o.clientsOr(1)
	sessions, closeAll, err := openSessions(o, clients, sessionsN)
	if err != nil {
		return err
	}
	defer closeAll()
	all := mutexes(sessions, o.name, n)
	refused := new(int64)
	samples, m, err := measureCycles(o, n, func(who int) error {
		if err := retried(refused, all[who].Lock); err != nil {
			return err
		}
		return retried(refused, all[who].Unlock)
	})
	if err != nil {
		return err
	}
	r.add("clients", clients)
	r.add("refused", *refused)
	r.addQuantiles(samples, unit, length)
	m.report(len(samples), r)
	return nil
}

// uncontended gives each worker a session of its own, as lockbench does. One
// session for all of them was measured and is no faster.
func uncontended(o options, r *result) error {
	r.add("workers", o.workers)
	return lockCycles(o, r, o.workers, o.workers, "us", time.Microsecond)
}

// async has one session and as many goroutines as tickets: Go's way to have
// many requests in flight.
func async(o options, r *result) error {
	r.add("tickets", o.tickets)
	return lockCycles(o, r, o.tickets, o.clientsOr(1), "ms", time.Millisecond)
}

// start measures from nothing to the first lock; what follows is not in the
// time.
func start(o options, r *result) error {
	var samples []time.Duration
	for end := time.Now().Add(o.length); ; {
		from := time.Now()
		sessions, closeAll, err := openSessions(o, 1, 1)
		if err != nil {
			return err
		}
		mutex := concurrency.NewMutex(sessions[0], o.name)
		err = mutex.Lock(context.Background())
		samples = append(samples, time.Since(from))
		if err == nil {
			err = mutex.Unlock(context.Background())
		}
		closeAll()
		if err != nil {
			return err
		}
		if time.Now().After(end) {
			break
		}
	}
	r.add("ops", len(samples))
	r.addQuantiles(samples, "ms", time.Millisecond)
	return nil
}

// putDelete is the lower bound for a lock of two unbatched writes: a put and a
// deletion, with no lease and no condition.
func putDelete(o options, r *result) error {
	client, err := connect(o.endpoints)
	if err != nil {
		return err
	}
	defer client.Close()
	samples, m, err := measureCycles(o, o.workers, func(who int) error {
		key := fmt.Sprintf("%s-%d", o.name, who)
		if _, err := client.Put(context.Background(), key, "value"); err != nil {
			return err
		}
		_, err := client.Delete(context.Background(), key)
		return err
	})
	if err != nil {
		return err
	}
	m.server.requests += float64(len(samples)) // no other scenario puts
	r.add("workers", o.workers)
	r.addQuantiles(samples, "us", time.Microsecond)
	m.report(len(samples), r)
	return nil
}

// writes puts unrelated keys, each at its time, as long as etcd keeps up.
func writes(o options, r *result) error {
	client, err := connect(o.endpoints)
	if err != nil {
		return err
	}
	defer client.Close()
	start := time.Now()
	n := 0
	for time.Since(start) < o.length {
		due := start.Add(time.Duration(n) * time.Second / time.Duration(o.rate))
		time.Sleep(time.Until(due))
		if err := put(client, fmt.Sprintf("%s-%d", o.name, n%1000)); err != nil {
			return err
		}
		n++
	}
	r.add("ops", n)
	r.add("per_second", float64(n)/time.Since(start).Seconds())
	return nil
}

func put(client *clientv3.Client, key string) error {
	_, err := client.Put(context.Background(), key, "value")
	return err
}
