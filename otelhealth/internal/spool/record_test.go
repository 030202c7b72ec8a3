package spool

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

var epoch = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestRecordIsWhatWasEncoded(t *testing.T) {
	for _, payload := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("points"), 1000)} {
		at, got, err := decode(encode(epoch, payload))
		if err != nil || !at.Equal(epoch) || !bytes.Equal(got, payload) {
			t.Errorf("got %v, %q, %v, want %v, %q", at, got, err, epoch, payload)
		}
	}
}

func TestTornOrChangedRecordIsDamaged(t *testing.T) {
	record := encode(epoch, []byte("some points"))
	for n := range record {
		if _, _, err := decode(record[:n]); !errors.Is(err, errDamaged) {
			t.Errorf("of the first %d bytes: got %v, want %v", n, err, errDamaged)
		}
	}
	for i := range record {
		for bit := range 8 {
			changed := bytes.Clone(record)
			changed[i] ^= 1 << bit
			if _, _, err := decode(changed); !errors.Is(err, errDamaged) {
				t.Errorf("with bit %d of byte %d changed: got %v, want %v", bit, i, err, errDamaged)
			}
		}
	}
	if _, _, err := decode(append(record, 0)); !errors.Is(err, errDamaged) {
		t.Errorf("with a byte more: got %v, want %v", err, errDamaged)
	}
}

// FuzzDecode looks for bytes that are taken for a record and are none.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(encode(epoch, nil))
	f.Add(encode(epoch, []byte("some points")))
	f.Add(encode(time.Unix(0, -1), bytes.Repeat([]byte{0xff}, 100)))
	f.Fuzz(func(t *testing.T, data []byte) {
		at, payload, err := decode(data)
		if err != nil {
			if !errors.Is(err, errDamaged) {
				t.Errorf("got %v, want %v", err, errDamaged)
			}
			return
		}
		if again := encode(at, payload); !bytes.Equal(again, data) {
			t.Errorf("%x is taken for the record %x", data, again)
		}
	})
}
