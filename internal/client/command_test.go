package client

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type exampleInput struct {
	LogGroupName string   `json:"logGroupName"`
	StreamARN    string   `json:"StreamARN"`
	ShardCount   *int32   `json:"ShardCount"`
	ForceUpdate  *bool    `json:"forceUpdate"`
	Names        []string `json:"names"`
	Events       []struct {
		Message string `json:"message"`
	} `json:"logEvents"`
}

func TestCommandBecomesTheInputThatTheCLIWouldSend(t *testing.T) {
	cmd := Command{
		"logs", "put-example", "--log-group-name", "g", "--stream-arn", "arn:x", "--shard-count", "3",
		"--force-update", "--names", "a", "b", "--log-events", `[{"message":"m"}]`,
	}
	got, err := cmd.Input(reflect.TypeFor[exampleInput]())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"logGroupName": "g", "StreamARN": "arn:x", "ShardCount": int64(3), "forceUpdate": true,
		"names": []string{"a", "b"}, "logEvents": []any{map[string]any{"message": "m"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("input (-want +got):\n%s", diff)
	}
	if got, want := cmd.Operation(), "PutExample"; got != want {
		t.Errorf("operation = %q, want %q", got, want)
	}
}

func TestCommandRefusesWhatTheOperationDoesNotTake(t *testing.T) {
	for _, cmd := range []Command{
		{"logs", "put-example", "--nonsense", "x"},
		{"logs", "put-example", "stray"},
		{"logs", "put-example", "--shard-count", "many"},
		{"logs", "put-example", "--stream-arn"},
	} {
		if got, err := cmd.Input(reflect.TypeFor[exampleInput]()); err == nil {
			t.Errorf("%v: got %v, want an error", cmd, got)
		}
	}
}

func TestCommandPrintsAsAShellReadsIt(t *testing.T) {
	got := Command{"logs", "put-x", "--filter-pattern", `{$.a = 'b'}`, "--name", "plain-1"}.String()
	want := `aws logs put-x --filter-pattern '{$.a = '\''b'\''}' --name plain-1`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
