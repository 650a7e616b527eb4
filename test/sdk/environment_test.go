package sdk

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tributary/test/process"
)

// How often garbage is collected is the server's choice, unless the operator has made one.
func TestGOGCIsTheOperators(t *testing.T) {
	for _, percent := range []string{"100", "300"} {
		s, err := process.StartIn([]string{"GOGC=" + percent}, os.Getenv(program), filepath.Join(t.TempDir(), "data"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		}()
		answer, err := http.Get(s.Endpoint + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err := answer.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || !strings.Contains(string(text), "\ngo_gc_gogc_percent "+percent+"\n") {
			t.Errorf("GOGC=%s: the metrics do not say so: %v", percent, err)
		}
	}
}
