package soak_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A damage is what happens to a file while nobody uses it.
type damage struct {
	name  string
	files string                              // what their names end with
	do    func(path string, at float64) error // at is where in the file, from 0 to 1
}

func damages() []damage {
	change := func(edit func(data []byte, at int) []byte) func(string, float64) error {
		return func(path string, at float64) error {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, edit(data, int(at*float64(len(data)))), 0o600)
		}
	}
	return []damage{
		{name: "a bit flipped", do: change(func(data []byte, at int) []byte {
			data[at] ^= 1 << (at % 8)
			return data
		})},
		{name: "cut short", do: change(func(data []byte, at int) []byte { return data[:at] })},
		{name: "removed", do: func(path string, _ float64) error { return os.Remove(path) }},
	}
}

// What is damaged is found when the server starts, by its health, or by the reader
// who comes to it; or nothing was lost by it. It is never just not there.
func TestDamageIsNeverSilent(t *testing.T) {
	r := begin(t, "damage", 1, sizes{ci: 30, soak: 1 << 20})
	r.damageFiles(build(t), damages(), 1<<20)
	for _, silent := range r.silent() {
		t.Errorf("%s: %s", silent, r.counts[silent])
	}
}

// The same with a program that has its checks taken out: a flipped bit must be silent
// sooner or later.
func TestDamageFindsAServerThatDoesNotCheck(t *testing.T) {
	r := begin(t, "damage", unlimited, sizes{ci: 200, soak: 200})
	flip := damages()[0]
	flip.files = ".blk"
	r.damageFiles(faulty(t, withoutChecks), slices.Repeat([]damage{flip}, 20), 1)
	if len(r.silent()) == 0 {
		t.Error("no damage was silent; want some")
	}
}

// silent lists the cases in which something had changed and nobody said so.
func (r *rig) silent() (cases []string) {
	for name, outcome := range r.counts {
		if text, ok := outcome.(string); ok && strings.HasPrefix(text, "SILENT") {
			cases = append(cases, name)
		}
	}
	return cases
}

// damageFiles damages every file of a data directory in each of the ways, one at a time,
// or as many of these as the goal says, and notes what becomes of it. It ends when so
// many have been silent.
func (r *rig) damageFiles(p program, ways []damage, silent int) {
	r.Helper()
	whole := filepath.Join(r.TempDir(), "data")
	want := r.tellAll(p, whole)
	var files []string
	err := filepath.WalkDir(whole, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 0 {
			name, _ := filepath.Rel(whole, path) // below whole
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		r.Fatal(err)
	}
	type stroke struct {
		file   string
		damage damage
	}
	var all []stroke
	for _, file := range files {
		for _, d := range ways {
			if strings.HasSuffix(file, d.files) {
				all = append(all, stroke{file, d})
			}
		}
	}
	r.counts["files"] = len(files)
	r.goal = min(r.goal, len(all))
	r.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	outcomes := map[string]int{}
	if outcome := examine(r, p, whole, want); outcome != "nothing lost" {
		r.Fatalf("without any damage: %s", outcome)
	}
	for len(r.silent()) < silent && r.more() {
		s := all[r.done-1]
		data := filepath.Join(r.TempDir(), "damaged")
		if err := os.CopyFS(data, os.DirFS(whole)); err != nil {
			r.Fatal(err)
		}
		if err := s.damage.do(filepath.Join(data, s.file), r.random.Float64()); err != nil {
			r.Fatal(err)
		}
		outcome := examine(r, p, data, want)
		kind, _, _ := strings.Cut(outcome, ":")
		outcomes[kind]++
		r.Logf("%s %s: %.200s", s.file, s.damage.name, outcome)
		if kind == "SILENT" {
			r.counts[s.file+" "+s.damage.name] = outcome
		}
		if err := os.RemoveAll(data); err != nil {
			r.Fatal(err)
		}
	}
	r.counts["outcomes"] = outcomes
}

// tellAll tells the story into a directory, stops the server, and returns what a
// reader of everything sees.
func (r *rig) tellAll(p program, data string) string {
	r.Helper()
	s := &story{world: on(p, data)}
	s.shards = 2
	if err := s.start(); err != nil {
		r.Fatal(err)
	}
	defer s.kill(r)
	tr := &traffic{world: s.world, t: r, ctx: r.Context()}
	tr.read()
	err := s.tell(r.Context())
	tr.reading()
	tr.readers.Wait()
	if err != nil {
		r.Fatal(err)
	}
	want, err := readAll(r.Context(), s.world)
	if err != nil {
		r.Fatal(err)
	}
	server, _ := s.current()
	if err := server.Stop(); err != nil {
		r.Fatal(err)
	}
	return want
}

// examine starts the server on a damaged directory and says what came of it:
// refused, reported, a reader's error, nothing lost, or SILENT.
func examine(t testing.TB, p program, data, want string) string {
	t.Helper()
	s, err := p.start(data)
	if err != nil {
		return "start refused"
	}
	defer func() {
		if err := s.Kill(); err != nil {
			t.Errorf("kill the server: %v", err)
		}
	}()
	w := newWorld(nil)
	w.server, w.shards = s, 2
	got, err := readAll(t.Context(), w)
	if err != nil {
		return "error for the reader: " + err.Error()
	}
	status, _, err := w.readiness(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case status != http.StatusOK:
		return "reported by health"
	case got != want:
		return "SILENT: got " + difference(want, got)
	}
	return "nothing lost"
}

// readAll is everything that the story's accounts can read, as a text.
func readAll(ctx context.Context, w *world) (string, error) {
	var all bytes.Buffer
	for _, call := range []struct {
		account, service, operation string
		in                          object
	}{
		{sender, "logs", "DescribeLogGroups", object{}},
		{sender, "logs", "DescribeLogStreams", object{"logGroupName": "g"}},
		{sender, "logs", "DescribeSubscriptionFilters", object{"logGroupName": "g"}},
		{recipient, "logs", "DescribeDestinations", object{}},
		{recipient, "kinesis", "ListStreams", object{}},
		{recipient, "kinesis", "ListShards", object{"StreamName": "s"}},
		{recipient, "iam", "ListUsers", object{}},
		{recipient, "iam", "GetRole", object{"RoleName": "r"}},
		{recipient, "iam", "GetRolePolicy", object{"RoleName": "r", "PolicyName": "p"}},
	} {
		var out any
		var err error
		switch c := w.as(call.account); call.service {
		case "logs":
			err = c.logs(ctx, call.operation, call.in, &out)
		case "kinesis":
			err = c.kinesis(ctx, call.operation, call.in, &out)
		default:
			out, err = c.Query(ctx, "iam", "2010-05-08", call.operation, call.in)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", call.operation, err)
		}
		fmt.Fprintf(&all, "%s %v\n", call.operation, lasting(out))
	}
	for i := range 2 {
		var out struct{ Events []struct{ Message string } }
		in := object{"logGroupName": "g", "logStreamName": string(lineOf(i)), "startFromHead": true}
		if err := w.as(sender).logs(ctx, "GetLogEvents", in, &out); err != nil {
			return "", err
		}
		fmt.Fprintln(&all, lineOf(i), out.Events)
	}
	for i := range w.shards {
		reader := newWorldOf(w)
		iterator, err := reader.iterator(ctx, fmt.Sprintf("shardId-%012d", i), "")
		if err == nil {
			err = reader.readOn(ctx, iterator)
		}
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&all, "shard", i, reader.inOrder.All(), reader.spread.All())
	}
	return all.String(), nil
}

// lasting is an answer without what the server counts anew after a start.
func lasting(answer any) any {
	switch v := answer.(type) {
	case object:
		kept := object{}
		for name, value := range v {
			if name != "storedBytes" && name != "lastIngestionTime" && name != "lastEventTimestamp" && name != "firstEventTimestamp" {
				kept[name] = lasting(value)
			}
		}
		return kept
	case []any:
		for i := range v {
			v[i] = lasting(v[i])
		}
	}
	return answer
}

// difference is the first line that differs.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("%.300s\nwant %.300s", g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(slices.Compact(g)), len(slices.Compact(w)))
}
