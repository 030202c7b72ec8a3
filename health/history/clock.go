package history

// agreeing is how many samples in a row must agree before rows are too old: a wall clock that is wrong for a few samples
// must not cost the history.
const agreeing = 12

// clock judges the age of rows by the wall time of the last samples. One that is ahead of the others has no say.
type clock struct {
	times [agreeing]int64 // Unix milliseconds
	seen  int
}

func (c *clock) see(at int64) {
	c.times[c.seen%agreeing] = at
	c.seen++
}

// agrees reports whether enough samples were seen for something to be too old.
func (c *clock) agrees() bool { return c.seen >= agreeing }

// now returns the earliest time of the last samples, and false when there was none.
func (c *clock) now() (at int64, ok bool) {
	for i, t := range c.times[:min(c.seen, agreeing)] {
		if i == 0 || t < at {
			at = t
		}
	}
	return at, c.seen > 0
}
