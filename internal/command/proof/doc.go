// Package proof has the commands that prove something to others: evidence,
// verify, time-stamps and witnesses.
package proof
