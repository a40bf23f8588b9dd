// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/clientv3/concurrency"
)

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

// lock takes turns with all other clients that queue for the name. SIGTERM ends
// the wait or the hold, and the rounds.
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
	session, err := newSession(client, ttlSeconds)
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
		if err := owns(client, mutex); err != nil {
			return err
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

// owns checks that a held mutex is its holder's, as the guard of a write does.
func owns(client *clientv3.Client, mutex *concurrency.Mutex) error {
	answer, err := client.Txn(context.Background()).If(mutex.IsOwner()).Commit()
	if err == nil && !answer.Succeeded {
		err = fmt.Errorf("the mutex is held, and IsOwner says no")
	}
	return err
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
