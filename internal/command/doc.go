// Package command is what the commands of the command line share: what they
// speak through, the directory of a hub with its keys and the way to its
// administration, how errors are told. The commands themselves are in the
// packages below it and in cmd/lienthong, which puts them together.
package command
