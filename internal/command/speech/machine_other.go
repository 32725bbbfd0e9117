//go:build !windows

package speech

// Machine is the language the system is set to: here the environment has said it.
func Machine() string { return "" }
