// Package archtest holds the tests of the shape: who may import whom, who may
// touch files, network and SQL, who may open what is sealed, how large things
// may grow, and which words product text never uses (DESIGN §4 and §7, STYLE
// habit 12). A new package is put into the table of layers_test.go by whoever
// makes it; a package that is not there fails.
//
// It is not for behaviour, and nothing imports it.
package archtest
