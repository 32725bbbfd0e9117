package scores

// rejudged is what was judged again in the days shown, and the last day that differs.
func (b *board) rejudged() (sampled, differing int64, last int) {
	for _, r := range b.Recounts {
		sampled, differing = sampled+r.Sampled, differing+r.Differing
		if r.Differing > 0 {
			last = max(last, r.Day)
		}
	}
	return sampled, differing, last
}
