package bundle

import (
	"encoding/binary"
	"hash/crc32"
	"io"
)

// The container is a ZIP archive (APPNOTE 6.3) in one spelling: members stored
// uncompressed one after the other, each once, the time 1980-01-01, no extra
// fields, no comments. The same members give the same bytes whatever wrote
// them, and a byte that differs anywhere is a byte that was changed.

// Limits of what is read.
const (
	// MaxBundle is the longest bundle, in bytes: a file with its papers is at
	// most 32 MiB, a revocation list 16 MiB.
	MaxBundle = 128 << 20
	// MaxMembers is the most members.
	MaxMembers = 128
	maxName    = 120
)

const (
	localMark   = 0x04034b50
	centralMark = 0x02014b50
	endMark     = 0x06054b50
	localSize   = 30
	centralSize = 46
	endSize     = 22
	zipVersion  = 20     // 2.0: the least that has stored members
	zipDate     = 0x0021 // 1980-01-01
	utf8Names   = 1 << 11
)

// member is one file of the container.
type member struct {
	name string
	data []byte
}

// pack writes the container.
func pack(w io.Writer, members []member) error {
	var central []byte
	offset := 0
	for _, m := range members {
		local := binary.LittleEndian.AppendUint32(nil, localMark)
		common := headOf(m)
		local = append(append(local, common...), m.name...)
		central = binary.LittleEndian.AppendUint32(central, centralMark)
		central = binary.LittleEndian.AppendUint16(central, zipVersion)
		central = append(central, common...)
		central = append(central, make([]byte, 10)...) // comment length, disk, attributes
		central = binary.LittleEndian.AppendUint32(central, uint32(offset))
		central = append(central, m.name...)
		for _, b := range [][]byte{local, m.data} {
			if _, err := w.Write(b); err != nil {
				return err
			}
			offset += len(b)
		}
	}
	end := binary.LittleEndian.AppendUint32(nil, endMark)
	end = append(end, 0, 0, 0, 0)
	end = binary.LittleEndian.AppendUint16(end, uint16(len(members)))
	end = binary.LittleEndian.AppendUint16(end, uint16(len(members)))
	end = binary.LittleEndian.AppendUint32(end, uint32(len(central)))
	end = binary.LittleEndian.AppendUint32(end, uint32(offset))
	end = append(end, 0, 0)
	_, err := w.Write(append(central, end...))
	return err
}

// headOf is the part that local and central headers share, from "version
// needed" to "extra field length".
func headOf(m member) []byte {
	b := binary.LittleEndian.AppendUint16(nil, zipVersion)
	b = binary.LittleEndian.AppendUint16(b, utf8Names)
	b = binary.LittleEndian.AppendUint16(b, 0) // stored
	b = binary.LittleEndian.AppendUint16(b, 0) // midnight
	b = binary.LittleEndian.AppendUint16(b, zipDate)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(m.data))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.data)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(m.name)))
	return binary.LittleEndian.AppendUint16(b, 0)
}

// unpack takes the members out of a container, in order, sharing its memory. It
// looks at sizes and names only, so that what is left of a damaged one can
// still be looked at; whether it is in the one spelling tells packing it again.
// Nothing is expanded, and no name is ever used as a path.
func unpack(data []byte) ([]member, bool) {
	if len(data) > MaxBundle {
		return nil, false
	}
	var members []member
	rest := data
	for {
		if len(rest) < 4 {
			return members, false
		}
		if binary.LittleEndian.Uint32(rest) == centralMark {
			return members, true
		}
		if len(rest) < localSize || binary.LittleEndian.Uint32(rest) != localMark || len(members) == MaxMembers {
			return members, false
		}
		size := uint64(binary.LittleEndian.Uint32(rest[18:]))
		name := uint64(binary.LittleEndian.Uint16(rest[26:]))
		if name > maxName || localSize+name+size > uint64(len(rest)) {
			return members, false
		}
		head := localSize + name
		members = append(members, member{string(rest[localSize:head]), rest[head : head+size : head+size]})
		rest = rest[head+size:]
	}
}
