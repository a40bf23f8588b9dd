// SPDX-License-Identifier: Apache-2.0
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"time"

	"go.etcd.io/etcd/clientv3/concurrency"
)

const (
	pairs = 8
	// holderLife is the maximum life of a holder, whatever happens to its parent.
	holderLife  = 600
	takeOverMax = time.Minute
	// enough to reach etcd's limit, but not to exceed it all the time
	holdersAtOnce = 256
)

// holdAll holds locks until it is killed or its parent has ended, and reports
// when it holds them.
func holdAll(o options, r *result) error {
	sessions, closeAll, err := openSessions(o, 1, 1)
	if err != nil {
		return err
	}
	defer closeAll()
	refused := new(int64)
	places := make(chan struct{}, holdersAtOnce)
	err = inParallel(o.tickets, func(i int) error {
		places <- struct{}{}
		defer func() { <-places }()
		mutex := concurrency.NewMutex(sessions[0], crowdName(o.name, i, o.tickets))
		return retried(refused, mutex.Lock)
	})
	if err != nil {
		return err
	}
	fmt.Println("held")
	end := time.Now().Add(o.length)
	for parent := os.Getppid(); os.Getppid() == parent && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
	}
	r.add("tickets", o.tickets)
	return nil
}

// holder is a process that holds locks, to be killed.
type holder struct {
	command *exec.Cmd
	killed  time.Time
}

// startHolder starts one and waits until it holds.
func startHolder(o options, name string, tickets int) (*holder, error) {
	h := &holder{command: exec.Command("/proc/self/exe", "bench", "hold",
		"--endpoints", o.endpoints, "--name", name,
		"--tickets", strconv.Itoa(tickets), "--ttl", strconv.Itoa(o.ttl),
		"--seconds", strconv.Itoa(holderLife))}
	h.command.Stderr = os.Stderr
	out, err := h.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := h.command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "held\n" {
		h.kill()
		return nil, fmt.Errorf("a holder ended before it held")
	}
	return h, nil
}

// kill ends it, once; the error "killed" of Wait is expected.
func (h *holder) kill() {
	if h.killed.IsZero() {
		_ = h.command.Process.Kill()
		h.killed = time.Now()
		_ = h.command.Wait()
	}
}

// startHolders starts a holder for each of n names.
func startHolders(o options, n int) ([]*holder, func(), error) {
	holders := make([]*holder, n)
	err := inParallel(n, func(i int) error {
		var err error
		holders[i], err = startHolder(o, crowdName(o.name, i, n), 1)
		return err
	})
	killAll := func() {
		for _, h := range holders {
			if h != nil {
				h.kill()
			}
		}
	}
	if err != nil {
		killAll()
	}
	return holders, killAll, err
}

// grant is a waiter's lock.
type grant struct {
	index int
	at    time.Time
	err   error
}

// startWaiters starts goroutines that wait for n names, and waits for their
// watches in etcd.
func startWaiters(o options, session *concurrency.Session, n int) (<-chan grant, error) {
	before, err := serverNow(o.endpoints)
	if err != nil {
		return nil, err
	}
	grants := make(chan grant, n)
	for i := 0; i < n; i++ {
		go func(i int) {
			mutex := concurrency.NewMutex(session, crowdName(o.name, i, n))
			err := mutex.Lock(context.Background())
			grants <- grant{i, time.Now(), err}
		}(i)
	}
	queued, err := waitWatchers(o.endpoints, before.watchers, n, time.Now().Add(takeOverMax))
	if err == nil && queued < n {
		err = fmt.Errorf("only %d of %d wait", queued, n)
	}
	return grants, err
}

// failover measures the time from a holder's kill to the waiter's grant, as
// lockbench does: the kills are spread over the interval between two renewals.
func failover(o options, r *result) error {
	n := o.clientsOr(pairs)
	sessions, closeAll, err := openSessions(o, 1, 1)
	if err != nil {
		return err
	}
	defer closeAll()
	holders, killAll, err := startHolders(o, n)
	if err != nil {
		return err
	}
	defer killAll()
	grants, err := startWaiters(o, sessions[0], n)
	if err != nil {
		return err
	}
	for _, h := range holders {
		time.Sleep(time.Duration(o.ttl) * time.Second / 3 / time.Duration(n))
		h.kill()
	}
	var took []time.Duration
	timeUp := time.After(takeOverMax)
	for range holders {
		select {
		case g := <-grants:
			if g.err != nil {
				return g.err
			}
			took = append(took, g.at.Sub(holders[g.index].killed))
		case <-timeUp:
			return fmt.Errorf("not every lock was taken over")
		}
	}
	sort.Slice(took, func(a, b int) bool { return took[a] < took[b] })
	r.add("ttl", o.ttl)
	r.add("ops", n)
	r.add("least_s", took[0].Seconds())
	r.add("p50_s", quantile(took, 0.5).Seconds())
	r.add("most_s", took[n-1].Seconds())
	return nil
}
