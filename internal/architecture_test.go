// Package internal_test holds the shape of the whole tree, in the manner of
// Go's own go/build/deps_test.go: which package may import which, and what only
// some of them may touch. ARCHITECTURE.md says why.
package internal_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport lists each package with all packages of ours that it may import,
// without the prefix tributary/internal/. A package that is missing here may not
// exist. Tests may import what they like.
const mayImport = `
pure/arn:
pure/pattern:
pure/scratch:
pure/sigv4:
pure/policy:           pure/arn

durable/broker:
durable/catalog:       durable/broker
durable/journal:       durable/broker durable/catalog pure/scratch

service/api:           pure/arn pure/policy
service/organizations: service/api durable/catalog pure/arn pure/policy
service/iam:           service/organizations service/api durable/catalog pure/arn pure/policy
service/operator:      delivery service/logs service/kinesis service/organizations service/iam service/api pure/arn pure/policy
service/kinesis:       service/api durable/journal durable/catalog pure/arn pure/policy
service/leases:        service/api durable/catalog pure/arn
service/logs:          service/iam service/api durable/catalog durable/journal pure/arn pure/pattern pure/policy pure/scratch

delivery:              service/logs service/kinesis service/iam service/api durable/catalog durable/journal pure/arn pure/pattern pure/policy
edge/gateway:          service/api pure/arn pure/scratch pure/sigv4

server:                delivery edge/gateway service/api service/iam service/kinesis service/leases service/logs service/operator service/organizations durable/broker durable/catalog durable/journal pure/arn pure/policy
server/servertest:     server client pure/sigv4
client:                service/api pure/sigv4
demo:                  client service/api pure/pattern pure/sigv4

../consumer:
../cmd/tributary:      ../consumer server demo client service/iam pure/arn pure/pattern
../bench:              client durable/broker durable/catalog durable/journal pure/pattern pure/policy pure/sigv4 ../test/process
../test/process:
../test/ledger:
../test/model:
../test/soak:
../test/script:
`

// pureMayImport is all that pure packages may import from elsewhere: nothing
// that reads a clock, a file, a socket or a random number, or that remembers.
// Package time is there for its types and sync for Pool, which keeps buffers;
// their other parts are reserved below.
const pureMayImport = `
bytes cmp crypto/hmac crypto/sha256 crypto/subtle encoding/base64 encoding/binary
encoding/hex encoding/json errors fmt hash io iter maps math math/big math/bits net/netip
net/url regexp regexp/syntax slices sort strconv strings sync time unicode unicode/utf16 unicode/utf8
github.com/go-json-experiment/json github.com/go-json-experiment/json/jsontext
`

// A reserve names packages or functions that only some rooms may use.
type reserve struct {
	what  []string // import paths, or path.Name for one function
	rooms []string // prefixes of packages as in mayImport
	why   string
}

var reserves = []reserve{
	{
		[]string{"net/http", "net/http/httputil", "net/http/pprof", "net/http/httptrace", "golang.org/x/net"},
		[]string{"edge", "server", "pure/sigv4", "client", "demo", "../cmd", "../bench"},
		"HTTP is known at the edge only",
	},
	{[]string{"github.com/nats-io"}, []string{"durable"}, "NATS is known to durable only"},
	{
		[]string{"time.Now", "time.Since", "time.Until"},
		[]string{"server", "../consumer", "../cmd", "../bench", "../test"},
		"the clock is a Config field",
	},
	{[]string{"time.Sleep"}, []string{"../bench"}, "wait for what is to happen, not for time to pass"},
	{
		[]string{"sync.Mutex", "sync.RWMutex", "sync.Map", "sync.Once", "sync.OnceValue", "sync.OnceValues", "sync.WaitGroup", "sync.Cond"},
		[]string{"durable", "service", "delivery", "edge", "server", "client", "demo", "../consumer", "../cmd", "../bench", "../test"},
		"a pure package has no goroutine and no state",
	},
	{
		[]string{"flag", "github.com/spf13", "go.yaml.in", "os.Getenv", "os.LookupEnv", "os.Environ", "os.Args"},
		[]string{"../cmd", "../bench", "../test"},
		"flags and environment exist only in commands",
	},
	{[]string{"os.Exit", "log.Fatal", "log.Fatalf"}, []string{"../cmd", "../bench"}, "only a command ends the process"},
	{
		[]string{"os", "io/ioutil", "os/exec", "syscall"},
		[]string{"durable", "server", "client", "demo", "../consumer", "../cmd", "../bench", "../test"},
		"files and processes are durable's and server's",
	},
	{
		[]string{"net", "net/rpc", "net/smtp", "crypto/tls"},
		[]string{"durable/broker", "edge", "server", "client", "../cmd", "../bench"},
		"sockets are opened at the edge",
	},
	{
		[]string{"math/rand"},
		[]string{"delivery", "../consumer", "../bench"},
		"ids, tokens and keys come from crypto/rand; only the jitter of pauses may be weak",
	},
}

const module = "tributary/"

// A file is one parsed Go file and the package it belongs to.
type file struct {
	name string // slash-separated, from the repository's root
	room string // its package as in mayImport
	test bool
	text string
	fset *token.FileSet
	ast  *ast.File
}

func parse(name, text string) (file, error) {
	f := file{name: name, test: strings.HasSuffix(name, "_test.go"), text: text, fset: token.NewFileSet()}
	f.room = roomOf(path.Dir(name))
	var err error
	f.ast, err = parser.ParseFile(f.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	return f, err
}

// roomOf is the short name of the package in a folder.
func roomOf(dir string) string {
	if room, ok := strings.CutPrefix(dir, "internal/"); ok {
		return room
	}
	return "../" + dir
}

func (f file) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.name, f.fset.Position(n.Pos()).Line)
}

// tree parses all Go files of the root module.
func tree(t *testing.T) []file {
	t.Helper()
	var files []file
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." {
			_, missing := fs.Stat(root, name+"/go.mod")
			if strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || missing == nil {
				return fs.SkipDir
			}
		}
		if d.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		f, err := parse(name, string(text))
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A rule looks at all files and returns what breaks it.
type rule func(files []file) (complaints []string)

var rules = []struct {
	name string
	rule rule
	// mistakes are trees with one mistake each that the rule must refuse: files,
	// each after its name between dashes.
	mistakes []string
}{
	{"Imports", imports, []string{
		"-- internal/pure/arn/x.go --\npackage arn\nimport _ \"tributary/internal/durable/broker\"",
		"-- internal/unheardof/x.go --\npackage unheardof",
	}},
	{"EveryRowHasAPackage", rowsWithoutPackage, []string{"-- internal/pure/arn/x.go --\npackage arn"}},
	{"Pure", pureImports, []string{"-- internal/pure/arn/x.go --\npackage arn\nimport _ \"context\""}},
	{"Reserved", reserved, []string{
		"-- internal/service/logs/x.go --\npackage logs\nimport _ \"net/http/httputil\"",
		"-- internal/service/logs/x.go --\npackage logs\nimport _ \"github.com/nats-io/nats.go/jetstream\"",
		"-- internal/delivery/x.go --\npackage delivery\nimport clock \"time\"\nvar now = clock.Now",
		"-- internal/pure/arn/x.go --\npackage arn\nimport \"sync\"\ntype t struct { mu sync.Mutex }",
		"-- internal/delivery/x_test.go --\npackage delivery\nimport \"time\"\nfunc f() { time.Sleep(1) }",
	}},
	{"NoInit", noInit, []string{"-- internal/delivery/x.go --\npackage delivery\nfunc init() {}"}},
	{"NoChangingVariables", noChangingVariables, []string{
		"-- internal/delivery/x.go --\npackage delivery\nvar n int\n-- internal/delivery/y.go --\npackage delivery\nfunc f() { n++ }",
		"-- internal/delivery/x.go --\npackage delivery\nvar m = map[int]int{}\nfunc f() { m[1] = 2 }",
		"-- internal/delivery/x.go --\npackage delivery\nimport \"sync\"\nvar mu sync.Mutex",
	}},
	{"FileLength", fileLength, []string{"-- internal/delivery/x.go --\npackage delivery" + strings.Repeat("\n", longest+1)}},
	{"NothingLeftOpen", nothingLeftOpen, []string{"-- internal/delivery/x.go --\npackage delivery // " + openWork + ": more"}},
	{"RoomsHaveNames", roomsHaveNames, []string{"-- internal/service/util/x.go --\npackage util"}},
}

func TestArchitecture(t *testing.T) {
	files := tree(t)
	if len(files) < 20 {
		t.Fatalf("found %d Go files: this test looks in the wrong place", len(files))
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, complaint := range r.rule(files) {
				t.Error(complaint)
			}
		})
	}
}

func TestEachRuleRefusesAMistake(t *testing.T) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, mistake := range r.mistakes {
				var files []file
				for part := range strings.SplitSeq(strings.TrimPrefix(mistake, "-- "), "\n-- ") {
					name, text, _ := strings.Cut(part, " --\n")
					f, err := parse(name, text)
					if err != nil {
						t.Fatal(err)
					}
					files = append(files, f)
				}
				if got := r.rule(files); len(got) == 0 {
					t.Errorf("no complaint about:\n%s", mistake)
				}
			}
		})
	}
}

// table reads mayImport.
func table() map[string][]string {
	rows := map[string][]string{}
	for line := range strings.Lines(mayImport) {
		if room, allowed, ok := strings.Cut(line, ":"); ok {
			rows[room] = strings.Fields(allowed)
		}
	}
	return rows
}

func imports(files []file) (complaints []string) {
	rows := table()
	seen := map[string]bool{}
	for _, f := range files {
		if f.test || strings.HasPrefix(f.room, "../tools") {
			continue
		}
		allowed, known := rows[f.room]
		if !known && !seen[f.room] {
			complaints = append(complaints, fmt.Sprintf("package %s is not in mayImport", f.room))
		}
		seen[f.room] = true
		for _, spec := range f.ast.Imports {
			ours, ok := strings.CutPrefix(importPath(spec), module)
			if !ok || !known {
				continue
			}
			if room := roomOf(ours); !slices.Contains(allowed, room) {
				complaints = append(complaints, fmt.Sprintf("%s: %s may not import %s", f.at(spec), f.room, room))
			}
		}
	}
	return complaints
}

// rowsWithoutPackage complains of permissions for packages that do not exist.
func rowsWithoutPackage(files []file) (complaints []string) {
	for room := range table() {
		if !slices.ContainsFunc(files, func(f file) bool { return f.room == room && !f.test }) {
			complaints = append(complaints, fmt.Sprintf("mayImport has a row for %s, which does not exist", room))
		}
	}
	return complaints
}

func pureImports(files []file) (complaints []string) {
	allowed := strings.Fields(pureMayImport)
	for _, f := range files {
		if f.test || !strings.HasPrefix(f.room, "pure/") {
			continue
		}
		for _, spec := range f.ast.Imports {
			p := importPath(spec)
			if strings.HasPrefix(p, module) || slices.Contains(allowed, p) {
				continue
			}
			if f.room == "pure/sigv4" && p == "net/http" {
				continue
			}
			complaints = append(complaints, fmt.Sprintf("%s: a pure package may not import %s", f.at(spec), p))
		}
	}
	return complaints
}

func reserved(files []file) (complaints []string) {
	for _, f := range files {
		for _, r := range reserves {
			sleep := r.what[0] == "time.Sleep" // the one that binds tests too
			if (f.test && !sleep) || slices.ContainsFunc(r.rooms, func(room string) bool { return within(f.room, room) }) {
				continue
			}
			for _, use := range uses(f, r.what) {
				complaints = append(complaints, use+": "+r.why)
			}
		}
	}
	return complaints
}

// uses lists where f uses what is reserved.
func uses(f file, what []string) (found []string) {
	for _, spec := range f.ast.Imports {
		p := importPath(spec)
		for _, w := range what {
			if p == w || within(p, w) && !standard(p) {
				found = append(found, fmt.Sprintf("%s: imports %s", f.at(spec), p))
			}
		}
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok {
			name := importedAs(f, x.Name) + "." + sel.Sel.Name
			if slices.Contains(what, name) {
				found = append(found, fmt.Sprintf("%s: uses %s", f.at(sel), name))
			}
		}
		return true
	})
	return found
}

// standard reports whether p is in the standard library, where a package below
// another is another subject (net/netip below net).
func standard(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return !strings.Contains(first, ".")
}

func within(p, prefix string) bool { return p == prefix || strings.HasPrefix(p, prefix+"/") }

func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		panic("the parser let a bad import path through: " + spec.Path.Value)
	}
	return p
}

// importedAs is the path of the package that f calls name, "" without one.
func importedAs(f file, name string) string {
	for _, spec := range f.ast.Imports {
		p := importPath(spec)
		if spec.Name != nil && spec.Name.Name == name || spec.Name == nil && path.Base(p) == name {
			return p
		}
	}
	return ""
}
