// SPDX-License-Identifier: Apache-2.0
package main

import (
	"fmt"
	"math/rand"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/clientv3/concurrency"
)

// modes is what a user of the package has in place of lockbench's modes. Its
// mutex is held alone, so readers take it in turn; and for permits there is a
// mutex for each of them, of which every goroutine locks one at random.
func modes(o options, r *result) error {
	clients := o.clientsOr(1)
	sessions, closeAll, err := openSessions(o, clients, o.workers)
	if err != nil {
		return err
	}
	defer closeAll()
	waits := make([][]time.Duration, o.workers)
	refused := new(int64)
	m := startMeter(o.endpoints)
	end := m.started.Add(o.length)
	err = inParallel(o.workers, func(who int) error {
		var all []*concurrency.Mutex
		for i := 0; i < o.permits; i++ {
			all = append(all, concurrency.NewMutex(sessions[who], fmt.Sprintf("%s-%d", o.name, i)))
		}
		for from := time.Now(); from.Before(end); from = time.Now() {
			mutex := all[rand.Intn(len(all))]
			if err := retried(refused, mutex.Lock); err != nil {
				return err
			}
			waits[who] = append(waits[who], time.Since(from))
			time.Sleep(o.hold)
			if err := retried(refused, mutex.Unlock); err != nil {
				return err
			}
		}
		return nil
	})
	m.stop()
	if err != nil {
		return err
	}
	var samples []time.Duration
	for _, some := range waits {
		samples = append(samples, some...)
	}
	r.add("workers", o.workers)
	r.add("clients", clients)
	r.add("hold_us", o.hold.Microseconds())
	r.add("refused", atomic.LoadInt64(refused))
	r.addQuantiles(samples, "ms", time.Millisecond)
	m.report(len(samples), r)
	return nil
}
