// Package measure has the commands that make synthetic data and measure with
// them: synth, bench, and the dictionaries bodies are compressed with.
package measure
