package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tributary/internal/pure/arn"
)

// A caseFile holds decisions and refusals that were seen on, or are documented
// for, the real service.
type caseFile struct {
	Cases []struct {
		ID, Title, Evaluation string
		Principal             struct {
			Kind, ARN, RoleARN, Account, Service, ID, Provider string
			Aliases                                            []string
		}
		Action, Resource, ResourceAccount string
		Context                           map[string][]string
		IdentityPolicies                  []json.RawMessage
		ResourcePolicy                    json.RawMessage
		PermissionsBoundary               json.RawMessage
		SessionPolicy                     json.RawMessage
		SessionPolicies                   []json.RawMessage
		SCPs, RCPs                        []json.RawMessage
		Expect, DenyKind                  string
	}
	Validation []struct {
		Operation, Message, Error string
		Document                  json.RawMessage
	}
}

// TestCases runs the case files: the one beside the repository, where it is, and
// those named in POLICY_CASES (separated by colons).
func TestCases(t *testing.T) {
	files := filepath.SplitList(os.Getenv("POLICY_CASES"))
	if shared := sharedCases(t); shared != "" {
		files = append(files, shared)
	}
	if len(files) == 0 {
		t.Skip("no case file: ../shared/cases/iam_cases.json is absent and POLICY_CASES is empty")
	}
	for _, file := range files {
		runCases(t, file)
	}
}

func sharedCases(t *testing.T) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
		dir = filepath.Dir(dir)
	}
	file := filepath.Join(filepath.Dir(dir), "shared", "cases", "iam_cases.json")
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}

func runCases(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
		return
	}
	var cf caseFile
	if err := json.Unmarshal(data, &cf); err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	passed, failed := 0, 0
	count := func(ok bool) {
		if ok {
			passed++
		} else {
			failed++
		}
	}
	for i := range cf.Cases {
		c := &cf.Cases[i]
		count(t.Run(c.ID, func(t *testing.T) {
			usage := Resource
			if strings.HasPrefix(strings.ToLower(c.Action), "sts:assumerole") {
				usage = Trust
			}
			p := Policies{
				Identity: sources(c.IdentityPolicies, Identity),
				Boundary: source(c.PermissionsBoundary, Identity),
				Session:  sources(append(c.SessionPolicies, present(c.SessionPolicy)...), ForSession),
				Resource: source(c.ResourcePolicy, usage),
				SCPs:     levels(c.SCPs, SCP),
				RCPs:     levels(c.RCPs, RCP),
			}
			req := Request{
				Principal: Principal{
					Account: arn.AccountID(c.Principal.Account), ARN: arn.ARN(c.Principal.ARN),
					RoleARN: arn.ARN(c.Principal.RoleARN), ID: c.Principal.ID, Provider: c.Principal.Provider,
				},
				Action: c.Action, Resource: arn.ARN(c.Resource), ResourceAccount: arn.AccountID(c.ResourceAccount),
				Context: Context{},
			}
			switch c.Principal.Kind {
			case "root":
				req.Principal.Kind = Root
			case "user":
				req.Principal.Kind = User
			case "assumedRole", "session", "role":
				req.Principal.Kind = Session
			case "federated", "federatedUser":
				req.Principal.Kind = Federated
			case "service":
				req.Principal.Kind = Service
				req.Principal.Services = append([]string{c.Principal.Service}, c.Principal.Aliases...)
			case "anonymous":
				req.Principal.Kind = Anonymous
			case "webIdentity", "saml":
				req.Principal.Kind = WebIdentity
			default:
				t.Fatalf("unknown kind of principal %q", c.Principal.Kind)
			}
			for k, v := range c.Context {
				req.Context[strings.ToLower(k)] = v
			}
			rule := Standard
			if c.Evaluation == "resourceOnly" {
				rule = ResourceOnly
			}
			got := Explain(req, p, rule)
			want := Allow
			switch {
			case c.Expect == "deny" && c.DenyKind == "explicit":
				want = ExplicitDeny
			case c.Expect == "deny":
				want = ImplicitDeny
			}
			if got.Effect != want {
				t.Errorf("%s\ngot  %v (%s)\nwant %v\nreasons:\n%s", c.Title, got.Effect, got.DenialPhrase(c.Action), want, list(got.Reasons))
			}
			if plain := Evaluate(req, p, rule); plain.Effect != got.Effect || plain.By != got.By {
				t.Errorf("Evaluate says %v, Explain %v", plain, got)
			}
		}))
	}
	for _, v := range cf.Validation {
		usage, judged := map[string]Usage{"CreateRole": Trust, "CreatePolicy": Managed}[v.Operation]
		if !judged {
			continue // another package's words
		}
		count(t.Run(v.Operation+" "+v.Message, func(t *testing.T) {
			_, err := Parse(documentText(v.Document), usage)
			var perr *ParseError
			if !errors.As(err, &perr) || perr.Reason != v.Message {
				t.Errorf("Parse(%s)\ngot  %v\nwant %q", v.Document, err, v.Message)
			}
		}))
	}
	fmt.Printf("%s: %d passed, %d failed\n", file, passed, failed)
}

// documentText is a document that the file holds as JSON, or as a string.
func documentText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

func present(raw json.RawMessage) []json.RawMessage {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	return []json.RawMessage{raw}
}

// source parses one document. One that is refused leaves its source unreadable,
// which denies: nothing that cannot be stored may allow.
func source(raw json.RawMessage, usage Usage) *Source {
	if len(present(raw)) == 0 {
		return nil
	}
	d, err := Parse(documentText(raw), usage)
	if err != nil {
		return &Source{Name: err.Error()}
	}
	return &Source{Name: "policy", Document: d}
}

func sources(raws []json.RawMessage, usage Usage) []Source {
	var list []Source
	for _, raw := range raws {
		list = append(list, *source(raw, usage))
	}
	return list
}

// levels takes a list of documents as one to a level, or a list of lists.
func levels(raws []json.RawMessage, usage Usage) [][]Source {
	var all [][]Source
	for _, raw := range raws {
		var level []json.RawMessage
		if json.Unmarshal(raw, &level) != nil {
			level = []json.RawMessage{raw}
		}
		all = append(all, sources(level, usage))
	}
	return all
}
