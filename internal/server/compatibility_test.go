package server_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tributary/internal/server"
)

// A claim is what docs/compatibility.md says of an operation.
type claim struct{ operation, status string }

// operations starts a server and lists its operations by service.
func operations(t *testing.T) map[string][]string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	byService := map[string][]string{}
	err := server.Run(ctx, server.Config{
		Dir: t.TempDir(), Listen: "127.0.0.1:0", Dev: true,
		Ready: func(info server.Info) {
			for _, s := range info.Dispatcher.Services() {
				for _, op := range s.Operations {
					byService[s.Name] = append(byService[s.Name], op.Name)
				}
			}
			stop()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return byService
}

// claims reads the tables under the headings of services.
func claims(text string) (map[string][]claim, error) {
	byService := map[string][]claim{}
	service := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "### "):
			service = strings.TrimPrefix(line, "### ")
		case strings.HasPrefix(line, "## "):
			service = ""
		case service == "" || !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| operation "):
		default:
			cells := strings.Split(line, "|")
			if len(cells) != 5 {
				return nil, fmt.Errorf("a row has %d cells, want 3: %s", len(cells)-2, line)
			}
			byService[service] = append(byService[service], claim{strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])})
		}
	}
	return byService, nil
}

// differences compares what is claimed with what is there.
func differences(claimed map[string][]claim, there map[string][]string) (found []string) {
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for service, rows := range claimed {
		for i, row := range rows {
			what, _, detailed := strings.Cut(row.status, ": ")
			if i > 0 && row.operation <= rows[i-1].operation {
				add("%s: %s does not stand in order, or twice", service, row.operation)
			}
			answered := slices.Contains(there[service], row.operation)
			switch what {
			case "yes", "partly":
				if detailed != (what == "partly") {
					add("%s: %s: partly says what, yes does not: %q", service, row.operation, row.status)
				}
				if !answered {
					add("%s: %s is documented as there and is not", service, row.operation)
				}
			case "no":
				if answered {
					add("%s: %s is documented as absent and is there", service, row.operation)
				}
			default:
				add("%s: %s: status %q, want yes, partly: ... or no", service, row.operation, row.status)
			}
		}
	}
	for service, names := range there {
		for _, name := range names {
			if !slices.ContainsFunc(claimed[service], func(c claim) bool { return c.operation == name }) {
				add("%s: %s is not documented", service, name)
			}
		}
	}
	return found
}

func TestCompatibilityPageIsTrue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "compatibility.md"))
	if err != nil {
		t.Fatal(err)
	}
	claimed, err := claims(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences(claimed, operations(t)) {
		t.Error("docs/compatibility.md: " + d)
	}
}

func TestAFalseCompatibilityPageIsSeen(t *testing.T) {
	there := map[string][]string{"logs": {"A", "B"}}
	for _, tt := range []struct{ name, rows string }{
		{"documented as absent", "| A | no | |\n| B | yes | |"},
		{"documented as there", "| A | yes | |\n| B | yes | |\n| C | yes | |"},
		{"undocumented", "| A | yes | |"},
		{"partly of nothing", "| A | partly | |\n| B | yes | |"},
		{"unknown status", "| A | maybe | |\n| B | yes | |"},
		{"out of order", "| B | yes | |\n| A | yes | |"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			claimed, err := claims("### logs\n\n| operation | status | notes |\n|---|---|---|\n" + tt.rows)
			if err != nil {
				t.Fatal(err)
			}
			if got := differences(claimed, there); len(got) == 0 {
				t.Error("no difference found")
			}
		})
	}
	claimed, err := claims("### logs\n\n| operation | status | notes |\n|---|---|---|\n| A | yes | |\n| B | partly: half | |")
	if err != nil {
		t.Fatal(err)
	}
	if got := differences(claimed, there); len(got) > 0 {
		t.Errorf("differences in a true page: %q", got)
	}
}
