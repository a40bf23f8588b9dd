// SPDX-License-Identifier: Apache-2.0
// gopeer is the peer of leaselock in the interoperability tests and the
// benchmarks: etcd's own Go client with its concurrency package.
//
//	gopeer lock ENDPOINT NAME ROUNDS HOLD_MS [LOGFILE]
//	gopeer elect ENDPOINT NAME VALUE
//	gopeer leader ENDPOINT NAME
//	gopeer observe ENDPOINT NAME
//	gopeer bench SCENARIO [OPTION...]
//
// The scenarios, their options and the fields of their results are those of
// lockbench (bench/lock), and some more.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

const usage = `usage: gopeer lock ENDPOINT NAME ROUNDS HOLD_MS [LOGFILE]
       gopeer elect ENDPOINT NAME VALUE
       gopeer leader ENDPOINT NAME
       gopeer observe ENDPOINT NAME
       gopeer bench SCENARIO [OPTION...]`

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
	case len(args) >= 2 && args[0] == "bench":
		err = bench(args[1], args[2:])
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
