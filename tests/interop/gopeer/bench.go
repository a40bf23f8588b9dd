// SPDX-License-Identifier: Apache-2.0
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"
)

// options are lockbench's.
type options struct {
	endpoints string
	name      string
	clients   int
	workers   int
	tickets   int
	rate      int
	permits   int
	keys      int
	revisions int
	ttl       int
	length    time.Duration
	hold      time.Duration
}

// scenarios are lockbench's, and three that have no lock.
var scenarios = map[string]func(options, *result) error{
	"uncontended": uncontended, // workers lock and unlock a name each
	"start":       start,       // a client, a session, a lock, again and again
	"async":       async,       // the same with very many goroutines
	"handoff":     handoff,     // clients take turns on one lock
	"modes":       modes,       // goroutines take one lock, or one of several
	"queue":       queue,       // sessions queue for one name
	"waiters":     waiters,     // goroutines wait, for a name each
	"elect":       electInTurn, // clients lead in turn
	"failover":    failover,    // holders are killed
	"hold":        holdAll,     // holds locks: what failover kills
	"putdelete":   putDelete,   // workers put and delete a key each: no lock
	"writes":      writes,      // puts at a steady rate, for others to meet
	"fill":        fill,        // a history, for others to meet
}

// scenarioNames are for the usage.
func scenarioNames() string {
	var names []string
	for name := range scenarios {
		names = append(names, name)
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}

func bench(scenario string, args []string) error {
	var o options
	run := scenarios[scenario]
	flags := flag.NewFlagSet("bench "+scenario, flag.ExitOnError)
	flags.StringVar(&o.endpoints, "endpoints", "127.0.0.1:2379", "etcd")
	flags.StringVar(&o.name, "name", fmt.Sprintf("gopeer-%d", os.Getpid()),
		"the lock, or what the locks' names begin with")
	flags.IntVar(&o.clients, "clients", 0, "connections")
	flags.IntVar(&o.workers, "workers", 1, "goroutines")
	flags.IntVar(&o.tickets, "tickets", 1000, "in flight or waiting")
	flags.IntVar(&o.permits, "permits", 1, "locks, of which each takes any one")
	flags.Bool("shared", false, "there is no such lock: they take it in turn")
	flags.IntVar(&o.rate, "rate", 500, "writes a second")
	flags.IntVar(&o.keys, "keys", 0, "in fill: names that were once below the lock's")
	flags.IntVar(&o.revisions, "revisions", 0, "in fill: versions of other keys")
	flags.IntVar(&o.ttl, "ttl", ttlSeconds, "seconds that a lease lives")
	length := flags.Int("seconds", 3, "how long, or the longest")
	hold := flags.Int("hold-us", 0, "how long a lock is held")
	flags.Bool("json", true, "there is no other form")
	_ = flags.Parse(args) // it exits
	if run == nil || flags.NArg() > 0 || o.clients < 0 || o.workers < 1 ||
		o.tickets < 1 || o.keys < 0 || o.revisions < 0 || o.rate < 1 || o.permits < 1 || o.ttl < 1 || *length < 1 || *hold < 0 {
		return fmt.Errorf("%q %v: a scenario is one of %s; numbers are positive",
			scenario, args, scenarioNames())
	}
	o.length = time.Duration(*length) * time.Second
	o.hold = time.Duration(*hold) * time.Microsecond
	r := &result{}
	r.add("peer", "go")
	r.add("scenario", scenario)
	if err := run(o, r); err != nil {
		return err
	}
	return r.print()
}

func (o options) clientsOr(standard int) int {
	if o.clients > 0 {
		return o.clients
	}
	return standard
}

// result is an object of JSON with its fields in order.
type result struct {
	names  []string
	values []interface{}
}

func (r *result) add(name string, value interface{}) {
	r.names = append(r.names, name)
	r.values = append(r.values, value)
}

func (r *result) print() error {
	var parts []string
	for i, name := range r.names {
		value, err := json.Marshal(r.values[i])
		if err != nil {
			return err
		}
		parts = append(parts, fmt.Sprintf("%q:%s", name, value))
	}
	_, err := fmt.Printf("{%s}\n", strings.Join(parts, ","))
	return err
}

// quantile takes the value below which that part of the sorted samples lies.
func quantile(sorted []time.Duration, part float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	at := int(part * float64(len(sorted)))
	if at >= len(sorted) {
		at = len(sorted) - 1
	}
	return sorted[at]
}

// addQuantiles sorts the samples and adds "p50_ms" and so on.
func (r *result) addQuantiles(samples []time.Duration, unit string, length time.Duration) {
	sort.Slice(samples, func(a, b int) bool { return samples[a] < samples[b] })
	for _, percent := range []int{50, 90, 99} {
		value := quantile(samples, float64(percent)/100)
		r.add(fmt.Sprintf("p%d_%s", percent, unit), float64(value)/float64(length))
	}
}
