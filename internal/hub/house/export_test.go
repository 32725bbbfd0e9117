package house

// Waits asks again and again whether entries wait.
func Waits(p Parts) func() bool {
	var w patience
	return func() bool { return w.isFor(p) }
}
