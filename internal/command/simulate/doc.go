// Package simulate has the commands that run a simulated service of the outside:
// the insurer, the health book, the prescription system, the ministry axis, a
// webhook receiver, identities, the population database. They are for trying and
// testing, and talk to nobody real.
package simulate
