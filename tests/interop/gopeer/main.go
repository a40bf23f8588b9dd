// gopeer is the peer that the interoperability tests and the benchmarks put
// beside leaselock: etcd's own Go client with its concurrency package.
//
//	gopeer lock ENDPOINT NAME ROUNDS HOLD_MS [LOGFILE]
//	gopeer elect ENDPOINT NAME VALUE
//	gopeer leader ENDPOINT NAME
//	gopeer observe ENDPOINT NAME
//	gopeer handoff ENDPOINT NAME CLIENTS SECONDS HOLD_US
//	gopeer uncontended ENDPOINT NAME SECONDS WORKERS [CLIENTS]
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"sync"
	"syscall"
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

const usage = `usage: gopeer lock ENDPOINT NAME ROUNDS HOLD_MS [LOGFILE]
       gopeer elect ENDPOINT NAME VALUE
       gopeer leader ENDPOINT NAME
       gopeer observe ENDPOINT NAME
       gopeer handoff ENDPOINT NAME CLIENTS SECONDS HOLD_US
       gopeer uncontended ENDPOINT NAME SECONDS WORKERS [CLIENTS]`

func main() {
	args := os.Args[1:]
	var err error
	switch {
	case len(args) >= 5 && len(args) <= 6 && args[0] == "lock":
		logFile := ""
		if len(args) == 6 {
			logFile = args[5]
		}
		hold := time.Duration(number(args[4])) * time.Millisecond
		err = lock(args[1], args[2], number(args[3]), hold, logFile)
	case len(args) == 4 && args[0] == "elect":
		err = elect(args[1], args[2], args[3])
	case len(args) == 3 && args[0] == "leader":
		err = leader(args[1], args[2])
	case len(args) == 3 && args[0] == "observe":
		err = observe(args[1], args[2])
	case len(args) == 6 && args[0] == "handoff":
		hold := time.Duration(number(args[5])) * time.Microsecond
		err = handoff(args[1], args[2], number(args[3]), seconds(args[4]), hold)
	case len(args) >= 5 && len(args) <= 6 && args[0] == "uncontended":
		clients := 1
		if len(args) == 6 {
			clients = number(args[5])
		}
		err = uncontended(args[1], args[2], seconds(args[3]), number(args[4]), clients)
	default:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gopeer:", err)
		os.Exit(1)
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		fmt.Fprintf(os.Stderr, "gopeer: %q is not a number\n%s\n", text, usage)
		os.Exit(2)
	}
	return n
}

func seconds(text string) time.Duration {
	return time.Duration(number(text)) * time.Second
}

// connect opens a client that says nothing on stderr of its own accord.
func connect(endpoint string) (*clientv3.Client, error) {
	quiet := zap.NewProductionConfig()
	quiet.Level = zap.NewAtomicLevelAt(zapcore.FatalLevel)
	return clientv3.New(clientv3.Config{
		Endpoints:   []string{endpoint},
		DialTimeout: dialTimeout,
		LogConfig:   &quiet,
	})
}

func newSession(client *clientv3.Client) (*concurrency.Session, error) {
	return concurrency.NewSession(client, concurrency.WithTTL(ttlSeconds))
}

// createRevision asks for the token of a key that is held: the package keeps
// it to itself.
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

// journal writes lines to stdout and, in a single write each, to the end of a
// file that other processes write to as well.
type journal struct{ file *os.File }

func (j journal) write(token int64, what string) error {
	line := fmt.Sprintf("go %d %d %s\n", os.Getpid(), token, what)
	if j.file != nil {
		if _, err := j.file.WriteString(line); err != nil {
			return err
		}
	}
	_, err := os.Stdout.WriteString(line)
	return err
}

// lock takes turns with whoever else queues for the name. SIGTERM ends the
// wait or the hold, and the rounds.
func lock(endpoint, name string, rounds int, hold time.Duration, logFile string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var out journal
	if logFile != "" {
		file, err := os.OpenFile(logFile, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		defer file.Close()
		out.file = file
	}
	client, err := connect(endpoint)
	if err != nil {
		return err
	}
	defer client.Close()
	session, err := newSession(client)
	if err != nil {
		return err
	}
	defer session.Close()
	mutex := concurrency.NewMutex(session, name)
	for i := 0; i < rounds && ctx.Err() == nil; i++ {
		if err := mutex.Lock(ctx); err != nil {
			return err
		}
		token, err := createRevision(client, mutex.Key())
		if err != nil {
			return err
		}
		if err := out.write(token, "enter"); err != nil {
			return err
		}
		select {
		case <-time.After(hold):
		case <-ctx.Done():
		case <-session.Done():
			return fmt.Errorf("the session was lost while the lock was held")
		}
		if err := out.write(token, "exit"); err != nil {
			return err
		}
		if err := mutex.Unlock(context.Background()); err != nil {
			return err
		}
	}
	return nil
}

// openSession opens a client with one session.
func openSession(endpoint string) (*concurrency.Session, func(), error) {
	client, err := connect(endpoint)
	if err != nil {
		return nil, nil, err
	}
	session, err := newSession(client)
	if err != nil {
		client.Close()
		return nil, nil, err
	}
	return session, func() {
		session.Close()
		client.Close()
	}, nil
}

// elect leads with a value from its election on until SIGTERM, and resigns.
// SIGUSR1 makes it proclaim another: the value with a "+".
func elect(endpoint, name, value string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	proclaims := make(chan os.Signal, 1)
	signal.Notify(proclaims, syscall.SIGUSR1)
	session, closeAll, err := openSession(endpoint)
	if err != nil {
		return err
	}
	defer closeAll()
	election := concurrency.NewElection(session, name)
	if err := election.Campaign(ctx, value); err != nil {
		return err
	}
	fmt.Println("elected", election.Rev(), election.Key())
	for {
		select {
		case <-proclaims:
			if err := election.Proclaim(ctx, value+"+"); err != nil {
				return err
			}
		case <-ctx.Done():
			return election.Resign(context.Background())
		case <-session.Done():
			return fmt.Errorf("the session was lost while it led")
		}
	}
}

// leader prints the leader's value.
func leader(endpoint, name string) error {
	session, closeAll, err := openSession(endpoint)
	if err != nil {
		return err
	}
	defer closeAll()
	answer, err := concurrency.NewElection(session, name).Leader(context.Background())
	if err != nil {
		return err
	}
	fmt.Println(string(answer.Kvs[0].Value))
	return nil
}

// observe prints the value of each leader until SIGTERM.
func observe(endpoint, name string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	session, closeAll, err := openSession(endpoint)
	if err != nil {
		return err
	}
	defer closeAll()
	for answer := range concurrency.NewElection(session, name).Observe(ctx) {
		fmt.Println(string(answer.Kvs[0].Value))
	}
	return nil
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

func sortDurations(samples []time.Duration) {
	sort.Slice(samples, func(a, b int) bool { return samples[a] < samples[b] })
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// turns is what the holders of one lock tell each other, in one process and
// so on one clock.
type turns struct {
	mu       sync.Mutex
	last     int
	released time.Time
	samples  []time.Duration
}

// granted notes a grant. Only one that changes the holder is a hand-over.
func (t *turns) granted(who int, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last >= 0 && t.last != who {
		t.samples = append(t.samples, at.Sub(t.released))
	}
}

// releasing notes that the holder is about to unlock.
func (t *turns) releasing(who int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = who
	t.released = time.Now()
}

// takeTurns locks and unlocks until the deadline, as one of several clients.
func takeTurns(who int, session *concurrency.Session, name string, end time.Time,
	hold time.Duration, shared *turns) error {
	mutex := concurrency.NewMutex(session, name)
	ctx := context.Background()
	for time.Now().Before(end) {
		if err := mutex.Lock(ctx); err != nil {
			return err
		}
		if now := time.Now(); now.Before(end) {
			shared.granted(who, now)
		}
		if hold > 0 {
			time.Sleep(hold)
		}
		shared.releasing(who)
		if err := mutex.Unlock(ctx); err != nil {
			return err
		}
	}
	return nil
}

// openSessions opens clients and spreads sessions over them.
func openSessions(endpoint string, clients, sessions int) ([]*concurrency.Session, func(), error) {
	var opened []*clientv3.Client
	var all []*concurrency.Session
	closeAll := func() {
		for _, session := range all {
			session.Close()
		}
		for _, client := range opened {
			client.Close()
		}
	}
	for i := 0; i < clients; i++ {
		client, err := connect(endpoint)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		opened = append(opened, client)
	}
	for i := 0; i < sessions; i++ {
		session, err := newSession(opened[i%clients])
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		all = append(all, session)
	}
	return all, closeAll, nil
}

// inParallel runs a function for each session; the first error counts.
func inParallel(sessions []*concurrency.Session, run func(int, *concurrency.Session) error) error {
	errs := make(chan error, len(sessions))
	for i, session := range sessions {
		go func(i int, session *concurrency.Session) { errs <- run(i, session) }(i, session)
	}
	var first error
	for range sessions {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// handoff measures how soon after a holder begins to unlock the next one has
// the lock, with a connection for each client.
func handoff(endpoint, name string, clients int, length, hold time.Duration) error {
	if clients < 1 || length <= 0 {
		return fmt.Errorf("at least one client and one second")
	}
	sessions, closeAll, err := openSessions(endpoint, clients, clients)
	if err != nil {
		return err
	}
	defer closeAll()
	shared := &turns{last: -1}
	end := time.Now().Add(length)
	err = inParallel(sessions, func(who int, session *concurrency.Session) error {
		return takeTurns(who, session, name, end, hold, shared)
	})
	if err != nil {
		return err
	}
	sortDurations(shared.samples)
	return json.NewEncoder(os.Stdout).Encode(struct {
		Peer      string  `json:"peer"`
		Clients   int     `json:"clients"`
		HoldUS    int64   `json:"hold_us"`
		Handovers int     `json:"handovers"`
		Seconds   float64 `json:"seconds"`
		PerSecond float64 `json:"per_second"`
		P50       float64 `json:"p50_ms"`
		P90       float64 `json:"p90_ms"`
		P99       float64 `json:"p99_ms"`
	}{
		"go", clients, hold.Microseconds(), len(shared.samples), length.Seconds(),
		float64(len(shared.samples)) / length.Seconds(),
		ms(quantile(shared.samples, 0.50)), ms(quantile(shared.samples, 0.90)),
		ms(quantile(shared.samples, 0.99)),
	})
}

// uncontended measures cycles of lock and unlock, each worker with a name and
// a session of its own.
func uncontended(endpoint, name string, length time.Duration, workers, clients int) error {
	if workers < 1 || clients < 1 || length <= 0 {
		return fmt.Errorf("at least one worker, one client and one second")
	}
	sessions, closeAll, err := openSessions(endpoint, clients, workers)
	if err != nil {
		return err
	}
	defer closeAll()
	samples := make([][]time.Duration, workers)
	start := time.Now()
	end := start.Add(length)
	err = inParallel(sessions, func(who int, session *concurrency.Session) error {
		mutex := concurrency.NewMutex(session, fmt.Sprintf("%s-%d", name, who))
		ctx := context.Background()
		for from := time.Now(); from.Before(end); {
			if err := mutex.Lock(ctx); err != nil {
				return err
			}
			if err := mutex.Unlock(ctx); err != nil {
				return err
			}
			now := time.Now()
			samples[who] = append(samples[who], now.Sub(from))
			from = now
		}
		return nil
	})
	if err != nil {
		return err
	}
	took := time.Since(start).Seconds()
	var all []time.Duration
	for _, some := range samples {
		all = append(all, some...)
	}
	sortDurations(all)
	return json.NewEncoder(os.Stdout).Encode(struct {
		Peer      string  `json:"peer"`
		Workers   int     `json:"workers"`
		Clients   int     `json:"clients"`
		Cycles    int     `json:"cycles"`
		Seconds   float64 `json:"seconds"`
		PerSecond float64 `json:"per_second"`
		P50       float64 `json:"p50_us"`
		P99       float64 `json:"p99_us"`
	}{
		"go", workers, clients, len(all), took, float64(len(all)) / took,
		us(quantile(all, 0.50)), us(quantile(all, 0.99)),
	})
}
