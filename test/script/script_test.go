package script

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"tributary/test/process"
)

// awsProgram is the judge: Debian's AWS CLI. Another one may come first in PATH.
const awsProgram = "/usr/bin/aws"

func TestStories(t *testing.T) {
	if _, err := os.Stat(awsProgram); err != nil {
		if os.Getenv("CI") == "true" || os.Getenv("TRIBUTARY_REQUIRE_AWS") == "1" {
			t.Fatalf("the AWS CLI is missing: %v", err)
		}
		t.Skipf("the stories are played with Debian's AWS CLI, which is missing (apt-get install awscli, or make test): %v", err)
	}
	program, err := process.Build(filepath.Join("..", ".."), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files: stories(t),
		Setup: func(env *testscript.Env) error { return setUp(env, program) },
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"aws":       cmdAWS,
			"waitfor":   cmdWaitfor,
			"capture":   cmdCapture,
			"expand":    cmdExpand,
			"put":       cmdPut,
			"decode":    cmdDecode,
			"received":  cmdReceived,
			"tributary": cmdTributary,
			"server":    cmdServer,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

func stories(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories found: %v", err)
	}
	return files
}

// A child is the server of one story.
type child struct {
	program string
	data    string
	server  *process.Server // nil while stopped
}

type childKey struct{}

func setUp(env *testscript.Env, program string) error {
	c := &child{program: program, data: filepath.Join(env.WorkDir, "data")}
	server, err := process.Start(c.program, c.data)
	if err != nil {
		return err
	}
	c.server = server
	env.Values[childKey{}] = c
	env.Defer(func() {
		if c.server == nil {
			return
		}
		if err := c.server.Stop(); err != nil {
			env.T().Log(err)
			env.T().FailNow()
		}
	})
	for _, v := range []struct{ name, value string }{
		{"ENDPOINT", server.Endpoint},
		{"ADDRESS", strings.TrimPrefix(server.Endpoint, "http://")},
		{"PROGRAM", program},
		{"DATA", c.data},
		{"AWS_SECRET_ACCESS_KEY", "test"},
		{"AWS_DEFAULT_REGION", "us-east-1"},
		{"AWS_DEFAULT_OUTPUT", "json"},
		{"AWS_PAGER", ""},
		{"AWS_MAX_ATTEMPTS", "1"}, // a refusal is what the story wants to see, once
		{"AWS_EC2_METADATA_DISABLED", "true"},
		{"PYTHONDONTWRITEBYTECODE", "1"},
	} {
		env.Setenv(v.name, v.value)
	}
	return nil
}

func childOf(ts *testscript.TestScript) *child { return ts.Value(childKey{}).(*child) }

func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: server stop|kill|start")
	}
	c := childOf(ts)
	switch args[0] {
	case "stop":
		ts.Check(c.server.Stop())
		c.server = nil
	case "kill":
		ts.Check(c.server.Kill())
		c.server = nil
	case "start":
		server, err := process.Start(c.program, c.data)
		ts.Check(err)
		c.server = server
		ts.Setenv("ENDPOINT", server.Endpoint)
		ts.Setenv("ADDRESS", strings.TrimPrefix(server.Endpoint, "http://"))
	default:
		ts.Fatalf("server %s: want stop, kill or start", args[0])
	}
}

func cmdTributary(ts *testscript.TestScript, neg bool, args []string) {
	judge(ts, neg, ts.Exec(childOf(ts).program, args...), "tributary")
}

// judge ends the story when a command that should have succeeded failed, or the
// other way round.
func judge(ts *testscript.TestScript, neg bool, err error, name string) {
	switch {
	case err != nil && !neg:
		ts.Fatalf("%s: %v", name, err)
	case err == nil && neg:
		ts.Fatalf("%s succeeded, which it should not", name)
	}
}

func usage(ts *testscript.TestScript, ok bool, text string) {
	if !ok {
		ts.Fatalf("usage: %s", text)
	}
}
