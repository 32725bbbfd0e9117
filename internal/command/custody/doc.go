// Package custody has the commands that keep a hub's data: backup and restore,
// erasure and the end of terms, and the audit of a whole store.
package custody
