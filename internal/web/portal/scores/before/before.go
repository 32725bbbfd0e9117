// Package before shows what a dossier that has not been sent would be worth: the
// words with their numbers and what fails, the same wherever a file is checked, in
// the portal and on an agent's own page.
package before
