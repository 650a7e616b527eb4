package policy

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestEngineAgreesWithTheJudge decides random scenes twice. POLICY_SCENES sets
// their number, POLICY_SEED the seed; scene n of a seed is always the same.
func TestEngineAgreesWithTheJudge(t *testing.T) {
	count := envInt(t, "POLICY_SCENES", 4_000)
	seed := envInt(t, "POLICY_SEED", 1)
	begin := time.Now()
	j := judge{tb: t}
	tally := map[string]int{}
	refused, made := 0, 0
	for n := range count {
		g := &generator{Rand: rand.New(rand.NewPCG(uint64(seed), uint64(n)))}
		s := g.scene()
		refused, made = refused+g.refused, made+g.made
		p, err := s.policies()
		if err != nil {
			t.Fatal(err)
		}
		got := Evaluate(s.Request, p, s.Rule)
		want := j.decide(&s)
		tally[want]++
		if got.Effect.String() != want {
			text, _ := json.MarshalIndent(s, "", " ")
			t.Fatalf("seed %d scene %d\n%s\nengine %v\njudge  %v\nreasons\n%s", seed, n, text, got.Effect, want, list(Explain(s.Request, p, s.Rule).Reasons))
		}
		if explained := Explain(s.Request, p, s.Rule); explained.Effect != got.Effect || explained.By != got.By ||
			explained.Source != got.Source || explained.Statement != got.Statement {
			t.Fatalf("seed %d scene %d: Evaluate decides %+v, Explain %+v", seed, n, got, explained)
		}
	}
	t.Logf("%d scenes in %v: %v; %d of %d documents refused", count, time.Since(begin).Round(time.Millisecond), tally, refused, refused+made)
	// A generator that always comes to one answer tests nothing.
	for _, effect := range []Effect{Allow, ExplicitDeny, ImplicitDeny} {
		if tally[effect.String()] < count/20 {
			t.Errorf("only %d of %d scenes are %v", tally[effect.String()], count, effect)
		}
	}
	if refused > made/2 {
		t.Errorf("%d of %d documents were refused: the generator makes too many that are no policies", refused, refused+made)
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
