// Package form is what both engines do alike in Go: checks of what is about to
// be kept, and the documents that rows hold besides the columns they are found
// by. It holds no SQL, and decides nothing that readers see.
package form
