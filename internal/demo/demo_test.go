package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tributary/internal/server/servertest"
)

func TestWholeStoryComesOutAsItShould(t *testing.T) {
	s := servertest.Start(t)
	input := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(input, []byte("fine\nwarning: disk\nfine\nfine\nwarning: fan\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err := Run(t.Context(), Config{
		Endpoint: s.URL(), Services: s.Dispatcher, Dir: t.TempDir(), Input: input, Out: &out, Now: time.Now,
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		`pattern "warning"`, "Exactly the 2 matching lines came", "All of it came out as it should",
		"aws logs put-subscription-filter", "aws kinesis get-records", "LimitExceededException: Resource limit exceeded.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the story lacks %q", want)
		}
	}
}
