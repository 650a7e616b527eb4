package policy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// plantedBugs are mistakes that an engine like this one could have. The judge
// must find each.
var plantedBugs = []struct{ name, file, right, wrong string }{
	{"an explicit deny does not win", "decide.go", "case e.denial.by != 0:", "case e.denial.by != 0 && identity:"},
	{"one level of SCPs is enough", "decide.go", "	all := true\n	for i, level := range levels {\n		if !e.anyOf(req, level, by, i) {\n			all = false\n		}\n	}\n	return all", "	all := len(levels) == 0\n	for i, level := range levels {\n		if e.anyOf(req, level, by, i) {\n			all = true\n		}\n	}\n	return all"},
	{"SCPs bind services", "decide.go", "scp := !who.hasIdentity() || ", "scp := "},
	{"the other account's identity policy is not needed", "decide.go", "	if !req.sameAccount() {\n		if missing := ownSide(); missing != 0 {", "	if !req.sameAccount() {\n		if missing := limits(); missing != 0 {"},
	{"the resource's consent is not needed across accounts", "decide.go", "		if resource == notNamed {\n			return lacks(resourceType)\n		}\n		return e.resourceAllow.decision(Allow)\n	}\n	if resourceType", "		return Decision{Effect: Allow}\n	}\n	if resourceType"},
	{"identity alone opens a role", "decide.go", "if resourceType == TrustPolicy && resource == notNamed {", "if resourceType == TrustPolicy && resource == notNamed && !identity {"},
	{"naming the role escapes the boundary", "decide.go", "	case byRole:\n		if missing := limits(); missing != 0 {", "	case byRole:\n		if missing := limits(); missing == SessionPolicy {"},
	{"a session policy adds rights", "decide.go", "session := unlimited || e.anyOf(", "identity = identity || len(p.Session) > 0\n	session := unlimited || e.anyOf("},
	{"every federated user has root's rights", "decide.go", "p.Kind == Federated && p.UserARN != \"\" && p.UserARN == p.Account.Root()", "p.Kind == Federated"},
	{"a federated user has rights without a session policy", "decide.go", "len(p.Session) == 0 && who.Kind != Federated", "len(p.Session) == 0"},
	{"naming the account is a grant", "principal.go", "		case account:\n			return byAccount", "		case account:\n			return byRole"},
	{"NotPrincipal spares who is listed on one rung", "principal.go", "spared = account && behind && exact", "spared = account || behind || exact"},
	{"NotPrincipal with Allow forgets the account", "principal.go", "if p.anyone || account || behind || exact {", "if p.anyone || behind || exact {"},
	{"NotAction is Action", "statement.go", "st.coversAction(req.Action) == st.notAction", "!st.coversAction(req.Action)"},
	{"NotResource is Resource", "statement.go", "st.coversResource(req) == st.notResource", "!st.coversResource(req)"},
	{"one condition is enough", "statement.go", "		if !held {\n			outcome = ConditionFails\n			if results == nil {\n				break\n			}\n		}", "		if outcome = ConditionFails; held {\n			outcome = Matched\n			break\n		}"},
	{"ForAllValues fails on an absent key", "condition.go", "c.ifExists || c.quantifier == forAll", "c.ifExists"},
	{"ForAnyValue holds on an absent key", "condition.go", "		case c.quantifier == forAny:\n			return false\n", ""},
	{"ForAnyValue ignores the negation", "condition.go", "if c.test.succeeds(ctx, v) != c.negated {", "if c.test.succeeds(ctx, v) {"},
	{"IfExists is forgotten", "condition.go", "quantifier: op.quantifier, ifExists: op.ifExists,", "quantifier: op.quantifier,"},
	{"wildcards cross the parts of an ARN condition", "arn.go", "case len(parts) != arnParts:\n			a.parts = nil", "case len(parts) != arnParts:\n			a.whole, _ = new(pattern), mode\n			*a.whole, _ = compilePattern(v, mode)"},
	{"StringEquals knows wildcards", "value.go", "return newPatterns(values, 0, withVariables)\n}\n\nfunc newLikeTest", "return newPatterns(values, wildcards, withVariables)\n}\n\nfunc newLikeTest"},
	{"a value smuggles in wildcards", "pattern.go", "t = token{text: values[0]}", "t = token{text: values[0]}\n				if values[0] != \"\" && strings.Contains(values[0], \"*\") {\n					t = token{kind: anyRun}\n				}"},
	{"a variable without a value is empty", "pattern.go", "			default:\n				return nil, false", "			default:\n				t = token{}"},
	{"the default replaces several values", "pattern.go", "case len(values) == 0 && t.hasFallback:", "case t.hasFallback:"},
	{"variables count in the old version", "check.go", "withVariables := c.doc.version == Version2012", "withVariables := true"},
	{"actions have case", "pattern.go", "func (p *pattern) matchesFold(s string) bool { return matchTokens(p.tokens, s, true) }", "func (p *pattern) matchesFold(s string) bool { return matchTokens(p.tokens, s, false) }"},
	{"resources have no case", "pattern.go", "		return matchTokens(p.tokens, s, false)\n	}\n	var room", "		return matchTokens(p.tokens, strings.ToLower(s), true)\n	}\n	var room"},
	{"'?' is one byte", "pattern.go", "_, n := utf8.DecodeRuneInString(s[i:])", "n := 1"},
	{"the matcher does not come back to '*'", "pattern.go", "		if star < 0 || mark == len(s) {", "		if star < 0 || mark == len(s) || mark > 0 {"},
	{"numbers are floating point", "value.go", "		cmp.Compare(len(d.whole), len(e.whole)),\n		strings.Compare(d.whole, e.whole),", "		cmp.Compare(len(d.whole), len(e.whole)),\n		strings.Compare(d.whole[:min(15, len(d.whole))], e.whole[:min(15, len(e.whole))]),"},
	{"less or equal is less", "value.go", "	default:\n		return o&equal != 0", "	default:\n		return o == equal"},
}

// TestPlantedBugsAreFound builds the package with each planted bug and runs the
// differential test, which must fail. That takes half a minute of two processors: it
// runs where POLICY_PLANTED is set, as scripts/check does. Otherwise it only holds
// that each bug can be planted.
func TestPlantedBugsAreFound(t *testing.T) {
	for _, bug := range plantedBugs {
		t.Run(bug.name, func(t *testing.T) {
			t.Parallel()
			source, err := os.ReadFile(bug.file)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), bug.right); n != 1 {
				t.Fatalf("%s holds the text to replace %d times, want once:\n%s", bug.file, n, bug.right)
			}
			if os.Getenv("POLICY_PLANTED") == "" {
				return
			}
			output, found := runPlanted(t, bug.file, strings.Replace(string(source), bug.right, bug.wrong, 1))
			if !found {
				t.Errorf("the judge did not find it:\n%s", output)
			}
		})
	}
}

// judgment are the test files that the differential test needs. The others are left
// out of builds with a planted bug, which then take half as long.
var judgment = []string{"differential_test.go", "generate_test.go", "judge_test.go"}

// runPlanted runs the differential test with one file replaced, and reports
// whether it found a difference. The test stops at the first.
func runPlanted(t *testing.T, file, text string) (output string, found bool) {
	dir := t.TempDir()
	planted := filepath.Join(dir, "planted.go")
	if err := os.WriteFile(planted, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{filepath.Join(here, file): planted}
	tests, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tests {
		if !slices.Contains(judgment, name) {
			replace[filepath.Join(here, name)] = "" // as if it were not there
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "test", "-vet=off", "-overlay", overlayFile, "-run", "^TestEngineAgreesWithTheJudge$", ".")
	cmd.Env = append(os.Environ(), "POLICY_SCENES=40000")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return string(out), false
	}
	if !strings.Contains(string(out), "judge  ") {
		t.Fatalf("the run failed for another reason than a difference:\n%s", out)
	}
	return string(out), true
}
