package policy

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tributary/internal/pure/arn"
)

// A drawn case: a scene with its policies parsed, and the generator that made it,
// which makes more of the kind.
type drawn struct {
	*generator
	scene scene
	Policies
}

// law checks what must be true of every case. One check of rapid is five cases.
func law(t *testing.T, holds func(t *rapid.T, d drawn)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		for n := range uint64(5) {
			g := &generator{Rand: rand.New(rand.NewPCG(seed, n))}
			s := g.scene()
			p, err := s.policies()
			if err != nil {
				t.Fatal(err)
			}
			holds(t, drawn{g, s, p})
		}
	})
}

func (d *drawn) effect(p Policies) Effect { return Evaluate(d.scene.Request, p, d.scene.Rule).Effect }

// documents returns pointers to all documents of the policies, after cloning the
// slices and sources that hold them, so that a law may change them.
func documents(p *Policies) []**Document {
	var all []**Document
	one := func(src *Source) *Source {
		if src == nil {
			return nil
		}
		clone := *src
		all = append(all, &clone.Document)
		return &clone
	}
	list := func(sources []Source) []Source {
		sources = slices.Clone(sources)
		for i := range sources {
			all = append(all, &sources[i].Document)
		}
		return sources
	}
	levels := func(levels [][]Source) [][]Source {
		levels = slices.Clone(levels)
		for i := range levels {
			levels[i] = list(levels[i])
		}
		return levels
	}
	p.Identity, p.Session = list(p.Identity), list(p.Session)
	p.Boundary, p.Resource = one(p.Boundary), one(p.Resource)
	p.SCPs, p.RCPs = levels(p.SCPs), levels(p.RCPs)
	return all
}

func TestLawAddingADenialNeverGrants(t *testing.T) {
	law(t, func(t *rapid.T, d drawn) {
		before := d.effect(d.Policies)
		p := d.Policies
		for _, doc := range documents(&p) {
			if !d.chance(50) {
				continue
			}
			changed := **doc
			denial, err := Parse(d.document((*doc).usage), (*doc).usage)
			if err != nil {
				t.Fatal(err)
			}
			for _, st := range denial.statements {
				st.effect = ExplicitDeny
				changed.statements = append(slices.Clone(changed.statements), st)
			}
			*doc = &changed
		}
		if after := d.effect(p); after == Allow && before != Allow {
			t.Fatalf("%v became allowed by denials", before)
		}
	})
}

func TestLawRemovingAnAllowanceNeverGrants(t *testing.T) {
	law(t, func(t *rapid.T, d drawn) {
		before := d.effect(d.Policies)
		p := d.Policies
		for _, doc := range documents(&p) {
			changed := **doc
			changed.statements = slices.DeleteFunc(slices.Clone(changed.statements), func(st statement) bool {
				return st.effect == Allow && d.chance(50)
			})
			*doc = &changed
		}
		if after := d.effect(p); after == Allow && before != Allow {
			t.Fatalf("%v became allowed by removing allowances", before)
		}
	})
}

func TestLawLimitsNeverGrant(t *testing.T) {
	law(t, func(t *rapid.T, d drawn) {
		if d.effect(d.Policies) != Allow {
			return
		}
		p := d.Policies
		p.SCPs, p.RCPs, p.Boundary = nil, nil, nil
		if d.scene.Request.Principal.Kind != Federated { // whose session policy is its grant
			p.Session = nil
		}
		if after := d.effect(p); after != Allow {
			t.Fatalf("allowed with SCPs, RCPs, boundary and session policies, %v without", after)
		}
	})
}

func TestLawAcrossAccountsBothSidesMustAllow(t *testing.T) {
	law(t, func(t *rapid.T, d drawn) {
		who := d.scene.Request.Principal
		if !who.hasIdentity() || d.scene.Rule != Standard || who.Account == d.scene.Request.ResourceAccount || d.effect(d.Policies) != Allow {
			return
		}
		p := d.Policies
		p.Resource = nil
		if after := d.effect(p); after == Allow {
			t.Fatal("allowed without the resource's consent")
		}
		p = d.Policies
		p.Identity = nil
		if after := d.effect(p); after == Allow && !who.hasRootRights() {
			t.Fatal("allowed without an identity policy")
		}
	})
}

func TestLawOrderDoesNotMatter(t *testing.T) {
	law(t, func(t *rapid.T, d drawn) {
		before := d.effect(d.Policies)
		p := d.Policies
		for _, doc := range documents(&p) {
			changed := **doc
			changed.statements = slices.Clone(changed.statements)
			d.Shuffle(len(changed.statements), func(i, j int) {
				changed.statements[i], changed.statements[j] = changed.statements[j], changed.statements[i]
			})
			*doc = &changed
		}
		slices.Reverse(p.Identity)
		slices.Reverse(p.Session)
		slices.Reverse(p.SCPs)
		if after := d.effect(p); after != before {
			t.Fatalf("%v became %v in another order", before, after)
		}
	})
}

func TestLawActionsHaveNoCase(t *testing.T) {
	law(t, func(t *rapid.T, d drawn) {
		before := d.effect(d.Policies)
		d.scene.Request.Action = strings.ToUpper(d.scene.Request.Action)
		if after := d.effect(d.Policies); after != before {
			t.Fatalf("%v became %v in upper case", before, after)
		}
	})
}

func TestLawWhatCannotBeReadNeverAllows(t *testing.T) {
	law(t, func(t *rapid.T, d drawn) {
		p := d.Policies
		all := documents(&p)
		if len(all) == 0 {
			return
		}
		doc := all[d.IntN(len(all))]
		if d.chance(50) {
			*doc = nil
		} else {
			misplaced := **doc
			misplaced.usage = 0
			*doc = &misplaced
		}
		who := d.scene.Request.Principal
		if !who.hasIdentity() {
			p.SCPs = nil // they are not read
		}
		unread := false
		for _, doc := range documents(&p) {
			unread = unread || *doc == nil || (*doc).usage == 0
		}
		if after := d.effect(p); unread && after == Allow {
			t.Fatal("allowed with a policy that nobody can read")
		}
	})
}

// A pattern without variables matches as arn.Match does.
func TestLawPatternsMatchAsARNsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ab*?é:]{0,12}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[abé:]{0,12}`).Draw(t, "s")
		p, err := compilePattern(text, wildcards)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := p.matches(nil, s), arn.Match(text, s); got != want {
			t.Fatalf("pattern %q on %q: %v, arn.Match %v", text, s, got, want)
		}
	})
}
