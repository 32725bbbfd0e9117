package entries

import (
	"context"

	"lienthong/internal/dossier"
	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/file"
)

const (
	following = `SELECT ` + file.RecordColumns + `, r.episode FROM record r INDEXED BY record_leaf LEFT JOIN subject s ON s.facility = r.facility AND s.key = r.subject
 WHERE r.log = ? AND r.leaf >= ? ORDER BY r.leaf LIMIT ?`
	// What a record changed: of its own episode, and what it names.
	changed = `SELECT r.serial FROM record r WHERE r.id IN (
 SELECT d.record FROM dossier d WHERE d.facility = ?1 AND d.episode = ?2 AND d.kind = ?3 UNION
 SELECT x.id FROM record x WHERE x.facility = ?1 AND x.serial IN (?5, ?6)) AND (r.superseded_by = ?4 OR r.withdrawn_by = ?4) ORDER BY r.id`
)

// After returns records of all facilities in the order of commits.
func (x *Entries) After(ctx context.Context, after string, limit int) ([]house.Moved, string, error) {
	place, err := store.ParseFeedPlace(after)
	if err != nil {
		return nil, "", err
	}
	limit = file.Limit(limit)
	var out []house.Moved
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		logs, err := logsOf(s)
		if err != nil {
			return err
		}
		lists := make([][]store.Fed, len(logs))
		episodes := map[dossier.ID][]byte{}
		for i, log := range logs {
			rows, err := s.Rows(following, log, int64(place[log]), limit)
			err = file.Each(rows, err, func(row file.Scanner) error {
				var f store.Fed
				var episode []byte
				if _, err := file.ScanRecord(row, &f.Record, &episode); err != nil {
					return err
				}
				lists[i], episodes[f.ID] = append(lists[i], f), episode
				return nil
			})
			if err != nil {
				return err
			}
		}
		out, err = moved(s, place.Take(lists, limit), episodes)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return out, place.String(), nil
}

func logsOf(s *file.Snapshot) (logs []int, err error) {
	rows, err := s.Rows(`SELECT log FROM head ORDER BY log`)
	err = file.Each(rows, err, func(row file.Scanner) error {
		var n int
		err := row.Scan(&n)
		logs = append(logs, n)
		return err
	})
	return logs, err
}

func moved(s *file.Snapshot, fresh []store.Fed, episodes map[dossier.ID][]byte) ([]house.Moved, error) {
	out := make([]house.Moved, len(fresh))
	for i := range fresh {
		f := &fresh[i]
		out[i] = house.Moved{Record: registry.RecordID(f.ID), Kind: f.Kind, State: string(f.State()), Current: f.Current, FacilityVersion: f.FacilityVersion, Received: f.Received,
			Documents: f.Documents, Withdraws: registry.RecordID(f.Withdraws), Log: f.Place.Log, Leaf: f.Place.Index}
		if !f.Changes() {
			continue
		}
		rows, err := s.Rows(changed, string(f.ID.Facility), episodes[f.ID], f.Kind, f.ID.Serial[:], f.Supersedes.Serial[:], f.Withdraws.Serial[:])
		err = file.Each(rows, err, func(row file.Scanner) error {
			var serial []byte
			if err := row.Scan(&serial); err != nil {
				return err
			}
			id, err := file.ID(f.ID.Facility, serial)
			out[i].Changed = append(out[i].Changed, registry.RecordID(id))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
