package catalog

import (
	"testing"

	"github.com/go-json-experiment/json"
)

// TestATablesRevisionComesAfterAllChangesOfItsSet: who reads the revision, then the
// values, and keeps what follows from them for as long as the revision stays, must
// never keep what half a change set said.
func TestATablesRevisionComesAfterAllChangesOfItsSet(t *testing.T) {
	c := open(t, t.TempDir(), Config{}).catalog
	roles, others := NewTable[role](c, "roles"), NewTable[role](c, "others")
	if err := c.Ready(); err != nil {
		t.Fatal(err)
	}
	var seen []Revision // of the tables while the set becomes visible, row by row
	look := func() { seen = append(seen, roles.Revision(), others.Revision()) }
	write := func(table *Table[role], name string) *request {
		raw, err := json.Marshal(&role{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		stage, err := table.stage(KeyOf(name), 1, raw)
		if err != nil {
			t.Fatal(err)
		}
		return &request{
			change: change{Table: table.name, Key: []string{name}, Schema: 1, Value: raw}, key: KeyOf(name), table: table,
			stage: func(at Revision) { look(); stage(at); look() },
		}
	}
	set := []*request{write(roles, "a"), write(others, "b"), write(roles, "c")}
	before := max(roles.Revision(), others.Revision())
	c.queueMu.Lock()
	c.queue = append(c.queue, set...)
	c.queueMu.Unlock()
	c.commitMu.Lock()
	c.commitNext()
	c.commitMu.Unlock()

	at := set[0].rev
	for _, r := range set {
		if r.err != nil || r.rev != at {
			t.Fatalf("%v: revision %d, %v; want all in one set", r.key, r.rev, r.err)
		}
	}
	for _, rev := range seen {
		if rev > before {
			t.Errorf("a table said revision %d while change set %d was becoming visible, want %d until all of it is", rev, at, before)
		}
	}
	if roles.Revision() != at || others.Revision() != at {
		t.Errorf("after the set: revisions %d and %d, want %d", roles.Revision(), others.Revision(), at)
	}
}
