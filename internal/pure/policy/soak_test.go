package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A soak is the result of the long comparison, as it is kept in docs/soak. It is
// about the code that Source is the hash of: with other code it starts again.
type soak struct {
	Seed          int    `json:"seed"`
	Scenes        int    `json:"scenes"` // 0 to Scenes-1 were decided, all of them alike
	Decisions     tally  `json:"decisions"`
	Refused       int    `json:"documentsRefused"`
	Documents     int    `json:"documents"`
	Disagreements int    `json:"disagreements"`
	Seconds       int    `json:"seconds"`
	Source        string `json:"sourceSHA256"`
	Go            string `json:"go"`
}

// soakStep is how many scenes are decided between two writes of the result.
const soakStep = 10_000

// TestSoak is TestEngineAgreesWithTheJudge for as many scenes as POLICY_SOAK_SCENES
// says (10 million), in steps whose result is kept in the file that POLICY_SOAK
// names: it goes on where it stopped, and stops after POLICY_SOAK_MINUTES.
func TestSoak(t *testing.T) {
	file := os.Getenv("POLICY_SOAK")
	if file == "" {
		t.Skip("POLICY_SOAK names no file: see make soak-policy")
	}
	want := envInt(t, "POLICY_SOAK_SCENES", 10_000_000)
	end := time.Now().Add(time.Duration(envInt(t, "POLICY_SOAK_MINUTES", 60)) * time.Minute)
	s := readSoak(t, file)
	j := judge{tb: t}
	for s.Scenes < want && time.Now().Before(end) {
		begin := time.Now()
		c := comparison{seed: s.Seed, judge: j}
		for n := s.Scenes; n < s.Scenes+soakStep; n++ {
			c.scene(t, n)
		}
		c.check(t, soakStep)
		j = c.judge // it remembers regular expressions
		s.add(&c, time.Since(begin))
		s.write(t, file)
	}
	t.Logf("seed %d: %d of %d scenes without a disagreement, %+v", s.Seed, s.Scenes, want, s.Decisions)
}

// readSoak is the result so far of the code as it is now.
func readSoak(t *testing.T, file string) soak {
	start := soak{Seed: envInt(t, "POLICY_SEED", 20261121), Source: sourceHash(t), Go: runtime.Version()}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return start
	}
	var before soak
	if err == nil {
		err = json.Unmarshal(text, &before)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if before.Source != start.Source || before.Seed != start.Seed {
		return start
	}
	return before
}

func (s *soak) add(c *comparison, took time.Duration) {
	s.Scenes += soakStep
	s.Decisions.Allowed += c.tally.Allowed
	s.Decisions.ExplicitDeny += c.tally.ExplicitDeny
	s.Decisions.ImplicitDeny += c.tally.ImplicitDeny
	s.Refused, s.Documents = s.Refused+c.refused, s.Documents+c.refused+c.made
	s.Seconds += int(took.Round(time.Second).Seconds())
}

func (s *soak) write(t *testing.T, file string) {
	text, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = os.WriteFile(file+".new", append(text, '\n'), 0o600)
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// sourceHash is that of the engine, the judge and the generator.
func sourceHash(t *testing.T) string {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") && f != "judge_test.go" && f != "generate_test.go" {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = h.Write(text)
	}
	return hex.EncodeToString(h.Sum(nil))
}
