// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"sync"
	"time"

	"go.etcd.io/etcd/clientv3/concurrency"
)

// turns has times shared by the holders of one lock, in one process and so on
// one clock.
type turns struct {
	mu       sync.Mutex
	end      time.Time
	last     int
	released time.Time
	grants   int
	samples  []time.Duration
}

// granted records a grant. Only one that changes the holder before the end is a
// handover.
func (t *turns) granted(who int, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.grants++
	if at.Before(t.end) && t.last >= 0 && t.last != who {
		t.samples = append(t.samples, at.Sub(t.released))
	}
}

// releasing records that the holder is about to unlock.
func (t *turns) releasing(who int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = who
	t.released = time.Now()
}

// contender is one client's functions to acquire and to release.
type contender struct {
	take func(context.Context) error
	give func(context.Context) error
}

func lockSeat(session *concurrency.Session, name string) contender {
	mutex := concurrency.NewMutex(session, name)
	return contender{mutex.Lock, mutex.Unlock}
}

func electionSeat(session *concurrency.Session, name string) contender {
	election := concurrency.NewElection(session, name)
	return contender{
		func(ctx context.Context) error { return election.Campaign(ctx, "candidate") },
		election.Resign,
	}
}

// takeTurns acquires and releases until the end, as one of several clients.
func (t *turns) takeTurns(who int, s contender, hold time.Duration) error {
	ctx := context.Background()
	for time.Now().Before(t.end) {
		if err := s.take(ctx); err != nil {
			return err
		}
		t.granted(who, time.Now())
		if hold > 0 {
			time.Sleep(hold)
		}
		t.releasing(who)
		if err := s.give(ctx); err != nil {
			return err
		}
	}
	return nil
}

// measureTurns measures the time from a holder's release to the next one's
// grant, with a connection for each client.
func measureTurns(o options, r *result, sit func(*concurrency.Session, string) contender) error {
	clients := o.clientsOr(2)
	sessions, closeAll, err := openSessions(o, clients, clients)
	if err != nil {
		return err
	}
	defer closeAll()
	m := startMeter(o.endpoints)
	shared := &turns{last: -1, end: m.started.Add(o.length)}
	err = inParallel(clients, func(who int) error {
		return shared.takeTurns(who, sit(sessions[who], o.name), o.hold)
	})
	m.stop()
	if err != nil {
		return err
	}
	r.add("clients", clients)
	r.add("hold_us", o.hold.Microseconds())
	r.add("handovers", len(shared.samples))
	r.add("handovers_per_second", float64(len(shared.samples))/o.length.Seconds())
	r.addQuantiles(shared.samples, "ms", time.Millisecond)
	m.report(shared.grants, r)
	return nil
}

func handoff(o options, r *result) error { return measureTurns(o, r, lockSeat) }

func electInTurn(o options, r *result) error { return measureTurns(o, r, electionSeat) }
