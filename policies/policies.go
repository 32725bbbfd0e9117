// Package policies holds the rules of who may look, as Cedar policies: the .cedar
// files beside it, made to be read by a lawyer (README.md says how). It holds the
// text alone; package policy reads and decides by it.
package policies

import "embed"

// Files are the policies, one topic a file, read in the order of their names.
//
//go:embed *.cedar
var Files embed.FS
