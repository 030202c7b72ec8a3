package history

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jmoiron/sqlx"
)

// migrations are applied in the order of their names, each once; PRAGMA user_version counts those that were. A file
// that was ever released does not change any more.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date. A file from a later version of this package is refused.
func migrate(ctx context.Context, db *sqlx.DB) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	var version int
	if err := db.GetContext(ctx, &version, `PRAGMA user_version`); err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if version > len(names) {
		return fmt.Errorf("the schema has version %d, want at most %d: it is from a later version of this module", version, len(names))
	}
	for ; version < len(names); version++ {
		if err := apply(ctx, db, names[version], version+1); err != nil {
			return fmt.Errorf("apply %s: %w", names[version], err)
		}
	}
	return nil
}

func apply(ctx context.Context, db *sqlx.DB, name string, version int) error {
	text, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing once it is committed
	if _, err := tx.ExecContext(ctx, string(text)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		return err
	}
	return tx.Commit()
}
