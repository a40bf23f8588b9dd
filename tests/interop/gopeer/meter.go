// SPDX-License-Identifier: Apache-2.0
package main

import (
	"bufio"
	"fmt"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server has the sums of the counters of etcd's members.
type server struct {
	cpu, requests, ranges, proposals, watchMessages, watchEvents, watchers float64
}

// serverNow reads the page of metrics of each endpoint.
func serverNow(endpoints string) (server, error) {
	var all server
	for _, endpoint := range splitEndpoints(endpoints) {
		if !strings.Contains(endpoint, "://") {
			endpoint = "http://" + endpoint
		}
		answer, err := http.Get(endpoint + "/metrics")
		if err != nil {
			return all, err
		}
		lines := bufio.NewScanner(answer.Body)
		for lines.Scan() {
			all.take(lines.Text())
		}
		answer.Body.Close()
		if err := lines.Err(); err != nil {
			return all, err
		}
	}
	return all, nil
}

// take adds the value of one line of the page. etcd counts a message for a
// unary request, too.
func (s *server) take(line string) {
	space := strings.IndexByte(line, ' ')
	if space < 0 || line[0] == '#' {
		return
	}
	value, err := strconv.ParseFloat(line[space+1:], 64)
	if err != nil {
		return
	}
	switch name := line[:space]; name {
	case "process_cpu_seconds_total":
		s.cpu += value
	case "etcd_server_proposals_committed_total":
		// Each member counts every one of them.
		s.proposals = math.Max(s.proposals, value)
	case "etcd_debugging_mvcc_events_total":
		s.watchEvents += value
	case "etcd_debugging_mvcc_watcher_total":
		s.watchers += value
	default:
		const messages = `grpc_server_msg_received_total{grpc_method="`
		const ours = `",grpc_service="etcdserverpb.`
		if !strings.HasPrefix(name, messages) || !strings.Contains(name, ours) {
			return
		}
		switch name[len(messages):strings.Index(name, ours)] {
		case "Txn", "DeleteRange":
			s.requests += value
		case "Range":
			s.requests += value
			s.ranges += value
		case "Watch":
			s.watchMessages += value
		}
	}
}

// meter measures the resources used between start and stop, here and by etcd.
type meter struct {
	endpoints string
	started   time.Time
	length    time.Duration
	cpu       time.Duration
	server    server
	err       error // of asking etcd
}

// cpuNow is this process's time.
func cpuNow() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func startMeter(endpoints string) *meter {
	m := &meter{endpoints: endpoints}
	m.server, m.err = serverNow(endpoints)
	m.cpu = cpuNow()
	m.started = time.Now()
	return m
}

func (m *meter) stop() {
	m.length = time.Since(m.started)
	m.cpu = cpuNow() - m.cpu
	if m.err != nil {
		return
	}
	var now server
	now, m.err = serverNow(m.endpoints)
	m.server = server{
		cpu:           now.cpu - m.server.cpu,
		requests:      now.requests - m.server.requests,
		ranges:        now.ranges - m.server.ranges,
		proposals:     now.proposals - m.server.proposals,
		watchMessages: now.watchMessages - m.server.watchMessages,
		watchEvents:   now.watchEvents - m.server.watchEvents,
		watchers:      now.watchers - m.server.watchers,
	}
}

// report adds the number of operations and the resources per operation.
func (m *meter) report(ops int, r *result) {
	r.add("seconds", m.length.Seconds())
	r.add("per_second", float64(ops)/m.length.Seconds())
	m.reportCosts(ops, r)
}

// reportCosts adds the last part only, for a measurement whose length has no
// meaning.
func (m *meter) reportCosts(ops int, r *result) {
	n := float64(ops)
	r.add("ops", ops)
	r.add("resident_kb", residentKB())
	if ops == 0 {
		return
	}
	r.add("client_cpu_us", us(m.cpu)/n)
	if m.err != nil {
		fmt.Fprintln(os.Stderr, "gopeer: metrics:", m.err)
		return
	}
	r.add("server_cpu_us", m.server.cpu*1e6/n)
	r.add("requests", m.server.requests/n)
	r.add("ranges", m.server.ranges/n)
	r.add("proposals", m.server.proposals/n)
	r.add("watch_messages", m.server.watchMessages/n)
	r.add("watch_events", m.server.watchEvents/n)
}

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// residentKB is this process's resident memory, 0 if it cannot be read.
func residentKB() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return pages * (os.Getpagesize() / 1024)
}
