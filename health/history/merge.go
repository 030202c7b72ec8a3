package history

// merge takes in a row, as far as sel selected it.
func (a *aggregate) merge(r *row, sel *selection, find layoutFinder) error {
	a.samples += r.samples
	if sel.overall {
		a.statuses[0].merge(&r.statuses[0])
	}
	if sel.statuses {
		a.covered += r.covered
		a.up += r.up
		for i := range r.statuses {
			a.statuses[i].merge(&r.statuses[i])
		}
	}
	var sketches [numRolled][]byte
	for n, sketch, rest, ok := nextSketch(r.sketches); ok; n, sketch, rest, ok = nextSketch(rest) {
		if n < int64(numRolled) {
			sketches[n] = sketch
		}
	}
	keep := a.sketches
	if !sel.sketches {
		keep = nil
	}
	for _, c := range sel.columns {
		a.columns[c].merge(&r.stats[c], sketches[c], keep)
	}
	if sel.readings {
		return a.mergeReadings(r, sel, find)
	}
	return nil
}

// mergeReadings takes in the readings of a row, those that sel names.
func (a *aggregate) mergeReadings(r *row, sel *selection, find layoutFinder) error {
	sketches := sketchesBySeries(r.readingSketches)
	take := func(series int64, e element) error {
		if !sel.wants(series) {
			return nil
		}
		s, err := e.stat(r.samples)
		if err == nil {
			a.of(series).merge(&s, sketches[series], a.seriesSketches())
		}
		return err
	}
	if r.layout > 0 {
		order, err := find.layout(r.layout)
		if err != nil {
			return err
		}
		err = eachReading(r.readings, func(position int, e element) error {
			if position >= len(order) {
				return errReadings
			}
			return take(order[position], e)
		})
		if err != nil {
			return err
		}
	}
	if len(r.others) == 0 {
		return nil
	}
	return eachOther(r.others, take)
}

// sketchesBySeries splits the column reading_sketches.
func sketchesBySeries(b []byte) map[int64][]byte {
	if len(b) == 0 {
		return nil
	}
	sketches := make(map[int64][]byte)
	for series, sketch, rest, ok := nextSketch(b); ok; series, sketch, rest, ok = nextSketch(rest) {
		sketches[series] = sketch
	}
	return sketches
}
