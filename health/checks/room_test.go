package checks

import "testing"

func TestRoomIsJudged(t *testing.T) {
	const mib, gib = 1 << 20, 1 << 30
	share := func(s float64) *float64 { return &s }
	for name, test := range map[string]struct {
		probe diskProbe
		room  room
		want  string
	}{
		"as much as is wanted":         {diskProbe{bytes: gib}, room{gib, 10 * gib}, ""},
		"a byte less":                  {diskProbe{bytes: gib}, room{gib - 1, 10 * gib}, "/data: 1024.00 MiB of 10.00 GiB free (10.00 %), want at least 1.00 GiB"},
		"as large a share as wanted":   {diskProbe{share: share(0.1)}, room{gib, 10 * gib}, ""},
		"a smaller share":              {diskProbe{share: share(0.1)}, room{512 * mib, 10 * gib}, "/data: 512.00 MiB of 10.00 GiB free (5.00 %), want at least 10.00 %"},
		"enough bytes, a small share":  {diskProbe{bytes: gib, share: share(0.5)}, room{2 * gib, 10 * gib}, "/data: 2.00 GiB of 10.00 GiB free (20.00 %), want at least 50.00 %"},
		"a large share, too few bytes": {diskProbe{bytes: gib, share: share(0.5)}, room{900, 1000}, "/data: 900 B of 1000 B free (90.00 %), want at least 1.00 GiB"},
		"nothing":                      {diskProbe{bytes: 1}, room{0, 10 * gib}, "/data: 0 B of 10.00 GiB free (0.00 %), want at least 1 B"},
		"no size at all":               {diskProbe{bytes: 1}, room{}, "/data: the file system has no size"},
	} {
		t.Run(name, func(t *testing.T) {
			test.probe.path = "/data"
			got := ""
			if err := test.probe.judge(test.room); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
