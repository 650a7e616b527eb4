package policy

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestEngineAgreesWithTheJudge decides random scenes twice. POLICY_SCENES sets
// their number, POLICY_SEED the seed; scene n of a seed is always the same.
func TestEngineAgreesWithTheJudge(t *testing.T) {
	count := envInt(t, "POLICY_SCENES", 4_000)
	c := comparison{seed: envInt(t, "POLICY_SEED", 1), judge: judge{tb: t}}
	begin := time.Now()
	for n := range count {
		c.scene(t, n)
	}
	t.Logf("%d scenes in %v: %v; %d of %d documents refused", count, time.Since(begin).Round(time.Millisecond), c.tally, c.refused, c.refused+c.made)
	c.check(t, count)
}

// A comparison decides scenes of one seed by engine and judge.
type comparison struct {
	seed          int
	judge         judge
	tally         tally
	refused, made int // documents that the generator drew
}

// A tally counts what scenes came to.
type tally struct {
	Allowed      int `json:"allowed"`
	ExplicitDeny int `json:"explicitDeny"`
	ImplicitDeny int `json:"implicitDeny"`
}

func (c *tally) count(e Effect) {
	switch e {
	case Allow:
		c.Allowed++
	case ExplicitDeny:
		c.ExplicitDeny++
	default:
		c.ImplicitDeny++
	}
}

// scene decides scene n and fails the test where engine and judge differ, or
// Evaluate and Explain do.
func (c *comparison) scene(t *testing.T, n int) {
	g := &generator{Rand: rand.New(rand.NewPCG(uint64(c.seed), uint64(n)))}
	s := g.scene()
	c.refused, c.made = c.refused+g.refused, c.made+g.made
	p, err := s.policies()
	if err != nil {
		t.Fatal(err)
	}
	got := Evaluate(s.Request, p, s.Rule)
	want := c.judge.decide(&s)
	c.tally.count(got.Effect)
	explained := Explain(s.Request, p, s.Rule)
	if got.Effect.String() != want {
		text, _ := json.MarshalIndent(s, "", " ")
		t.Fatalf("seed %d scene %d\n%s\nengine %v\njudge  %v\nreasons\n%s", c.seed, n, text, got.Effect, want, list(explained.Reasons))
	}
	if explained.Effect != got.Effect || explained.By != got.By ||
		explained.Source != got.Source || explained.Statement != got.Statement {
		t.Fatalf("seed %d scene %d: Evaluate decides %+v, Explain %+v", c.seed, n, got, explained)
	}
}

// check fails a test whose scenes test little: a generator that always comes to
// one answer, or makes mostly documents that are no policies.
func (c *comparison) check(t *testing.T, count int) {
	if least := min(c.tally.Allowed, c.tally.ExplicitDeny, c.tally.ImplicitDeny); least < count/20 {
		t.Errorf("some decisions are rare among %d scenes: %+v", count, c.tally)
	}
	if c.refused > c.made/2 {
		t.Errorf("%d of %d documents were refused: the generator makes too many that are no policies", c.refused, c.refused+c.made)
	}
}

func envInt(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func list(reasons []Reason) string {
	var b strings.Builder
	for _, r := range reasons {
		b.WriteString("  " + r.String() + "\n")
	}
	return b.String()
}
