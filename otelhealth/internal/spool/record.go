package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// A record is a file's content, in little endian:
//
//	magic     4 bytes
//	checksum  4 bytes, CRC-32C of all that follows
//	length    4 bytes, of the payload
//	time      8 bytes, of the request's points, in nanoseconds since 1970
//	payload   the request, serialised
const (
	magic      = "OHS1"
	headerSize = 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged is a record that was torn or changed.
var errDamaged = errors.New("damaged record")

func encode(at time.Time, payload []byte) []byte {
	record := make([]byte, headerSize, headerSize+len(payload))
	copy(record, magic)
	binary.LittleEndian.PutUint32(record[8:], uint32(len(payload)))
	binary.LittleEndian.PutUint64(record[12:], uint64(at.UnixNano()))
	record = append(record, payload...)
	binary.LittleEndian.PutUint32(record[4:], crc32.Checksum(record[8:], castagnoli))
	return record
}

// decode returns what was encoded. The payload is a part of record.
func decode(record []byte) (at time.Time, payload []byte, err error) {
	at, err = decodeHeader(record, int64(len(record)))
	if err != nil {
		return time.Time{}, nil, err
	}
	if got, want := crc32.Checksum(record[8:], castagnoli), binary.LittleEndian.Uint32(record[4:]); got != want {
		return time.Time{}, nil, fmt.Errorf("%w: got the checksum %08x, want %08x", errDamaged, got, want)
	}
	return at, record[headerSize:], nil
}

// decodeHeader reads the beginning of a record of size bytes. The checksum is not looked at.
func decodeHeader(header []byte, size int64) (at time.Time, err error) {
	if len(header) < headerSize {
		return time.Time{}, fmt.Errorf("%w: got %d bytes, want at least %d", errDamaged, len(header), headerSize)
	}
	if string(header[:4]) != magic {
		return time.Time{}, fmt.Errorf("%w: got the magic %q, want %q", errDamaged, header[:4], magic)
	}
	if want := headerSize + int64(binary.LittleEndian.Uint32(header[8:])); size != want {
		return time.Time{}, fmt.Errorf("%w: got %d bytes, want %d", errDamaged, size, want)
	}
	return time.Unix(0, int64(binary.LittleEndian.Uint64(header[12:]))), nil
}
