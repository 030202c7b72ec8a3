package history

import (
	"context"
	"fmt"
	"time"
)

// lookEvery is how often the file is looked at for damage that writing alone would not find.
const lookEvery = time.Minute

// look reads from the file what is not in memory: writing alone does not notice that its pages were overwritten.
func (s *Store) look(ctx context.Context, db *database) error {
	suspect := s.suspect.Load()
	if !suspect && time.Since(s.recorder.looked) < lookEvery {
		return nil
	}
	if suspect {
		var found string
		if err := db.read.GetContext(ctx, &found, `PRAGMA quick_check(1)`); err != nil {
			return fmt.Errorf("check the file: %w", err)
		}
		if found != "ok" {
			return fmt.Errorf("check the file: %w: %s", errCorrupt, found)
		}
	}
	var n int64
	err := db.read.GetContext(ctx, &n, `SELECT (SELECT count(*) FROM sqlite_schema) + ifnull((SELECT min(time) FROM samples), 0)`)
	if err != nil {
		return fmt.Errorf("look at the file: %w", err)
	}
	s.recorder.looked = time.Now()
	s.suspect.Store(false)
	return nil
}
