// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/clientv3/concurrency"
)

// lookEvery is the polling interval: the resolution of times that are found by
// polling, and its load on etcd.
const (
	lookEvery   = 10 * time.Millisecond
	settleEvery = 50 * time.Millisecond
)

// waitKeys waits until there are n keys below a prefix, and returns their
// number then or at the end.
func waitKeys(client *clientv3.Client, prefix string, n int, end time.Time) (int, error) {
	for {
		var answer *clientv3.GetResponse
		err := retried(new(int64), func(ctx context.Context) error {
			var err error
			answer, err = client.Get(ctx, prefix, clientv3.WithPrefix(),
				clientv3.WithCountOnly(), clientv3.WithSerializable())
			return err
		})
		if err != nil {
			return 0, err
		}
		if int(answer.Count) >= n || time.Now().After(end) {
			return int(answer.Count), nil
		}
		time.Sleep(lookEvery)
	}
}

// waitWatchers waits until etcd has n watchers more than before, and returns
// their number then or at the end.
func waitWatchers(endpoints string, before float64, n int, end time.Time) (int, error) {
	for {
		now, err := serverNow(endpoints)
		if err != nil {
			return 0, err
		}
		more := int(now.watchers - before)
		if more >= n || time.Now().After(end) {
			return more, nil
		}
		time.Sleep(settleEvery)
	}
}

// memoryKB is the memory that the process cannot release: it excludes Go's
// garbage, so that only live memory counts.
func memoryKB() int {
	debug.FreeOSMemory()
	return residentKB()
}

func perSecond(n int, length time.Duration) float64 {
	return float64(n) / length.Seconds()
}

// queue lets n sessions wait for one name, since two mutexes of one session and
// name would have one key. They share a connection.
func queue(o options, r *result) error {
	n := o.tickets
	sessions, _, err := openSessions(o, 2, 2)
	if err != nil {
		return err
	}
	holder := concurrency.NewMutex(sessions[0], o.name)
	if err := holder.Lock(context.Background()); err != nil {
		return err
	}
	// The process's end closes them: revoking one after the other takes long.
	sessions, _, err = openSessions(o, 1, n)
	if err != nil {
		return err
	}
	resident := memoryKB()
	before, err := serverNow(o.endpoints)
	if err != nil {
		return err
	}
	released := make(chan error, n)
	refused := new(int64)
	start := time.Now()
	end := start.Add(o.length)
	for _, session := range sessions {
		go func(mutex *concurrency.Mutex) {
			err := retried(refused, mutex.Lock)
			if err == nil {
				err = retried(refused, mutex.Unlock)
			}
			released <- err
		}(concurrency.NewMutex(session, o.name))
	}
	queued, err := waitKeys(sessions[0].Client(), o.name+"/", n+1, end)
	if err != nil {
		return err
	}
	enqueued := time.Since(start)
	if _, err = waitWatchers(o.endpoints, before.watchers, n, time.Now().Add(o.length)); err != nil {
		return err
	}
	r.add("tickets", n)
	r.add("queued", queued-1)
	r.add("refused", *refused)
	r.add("enqueue_per_second", perSecond(queued-1, enqueued))
	r.add("register_s", time.Since(start).Seconds())
	r.add("kb_per_ticket", float64(memoryKB()-resident)/float64(n))
	return drain(o, r, holder, released)
}

// drain lets the holder unlock and waits for the others, or until the end.
// Those whose lock or unlock failed are counted. Such a one's key stays in the
// queue until its lease expires.
func drain(o options, r *result, holder *concurrency.Mutex, released <-chan error) error {
	m := startMeter(o.endpoints)
	timeUp := time.After(o.length)
	if err := retried(new(int64), holder.Unlock); err != nil {
		return err
	}
	drained, failed := 0, 0
	for on := true; on && drained+failed < o.tickets; {
		select {
		case err := <-released:
			if err != nil {
				failed++
			} else {
				drained++
			}
		case <-timeUp:
			on = false
		}
	}
	m.stop()
	r.add("failed", failed)
	r.add("drained", drained)
	r.add("drain_per_second", perSecond(drained, m.length))
	m.report(drained, r)
	return nil
}

// crowdName is the lock of one of many.
func crowdName(name string, i, n int) string {
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, i)
}

// waiters lets n goroutines of one session wait for names that another process
// holds.
func waiters(o options, r *result) error {
	n := o.tickets
	holding, err := startHolder(o, o.name, n)
	if err != nil {
		return err
	}
	defer holding.kill()
	sessions, _, err := openSessions(o, 1, 1)
	if err != nil {
		return err
	}
	resident := memoryKB()
	refused := new(int64)
	failed := make(chan error, n)
	m := startMeter(o.endpoints)
	for i := 0; i < n; i++ {
		go func(mutex *concurrency.Mutex) {
			if err := retried(refused, mutex.Lock); err != nil {
				failed <- err
			}
		}(concurrency.NewMutex(sessions[0], crowdName(o.name, i, n)))
	}
	watchers, err := waitWatchers(o.endpoints, m.server.watchers, n, m.started.Add(o.length))
	if err != nil {
		return err
	}
	registered := time.Since(m.started)
	m.stop()
	select {
	case err := <-failed:
		return err
	default:
	}
	r.add("tickets", n)
	r.add("queued", watchers)
	r.add("refused", *refused)
	r.add("register_s", registered.Seconds())
	r.add("watchers", watchers)
	r.add("kb_per_ticket", float64(memoryKB()-resident)/float64(n))
	m.reportCosts(watchers, r)
	return nil
}
