package process

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Fault is a change to the source that only the compiler of one build sees: the
// files of the repository stay as they are. The tests plant faults to see that they
// would be found.
type Fault struct {
	// File is the path of a source file below the repository's root, or below Go's
	// own sources when it begins with "std/".
	File string
	// Right is what the file holds, exactly once, and Wrong what is compiled in its
	// place. An empty Right makes a file that is not there.
	Right, Wrong string
}

// Build builds the program of the repository at root into dir and returns its
// path.
func Build(root, dir string) (string, error) { return BuildFaulty(root, dir) }

// BuildFaulty is Build with faults planted.
func BuildFaulty(root, dir string, faults ...Fault) (string, error) {
	// The go command keeps a test's result as long as nothing changes that the
	// test has opened. Looking at the source here makes that include the program.
	for _, folder := range []string{"cmd", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(_ string, _ fs.DirEntry, err error) error { return err })
		if err != nil {
			return "", err
		}
	}
	program := filepath.Join(dir, "tributary")
	args := []string{"build", "-o", program}
	if len(faults) > 0 {
		list, err := plant(root, dir, faults)
		if err != nil {
			return "", err
		}
		args = append(args, "-overlay="+list)
	}
	build := exec.Command("go", append(args, "./cmd/tributary")...)
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build tributary: %w\n%s", err, out)
	}
	return program, nil
}

// plant writes the changed files into dir and returns the list of them that the go
// command wants.
func plant(root, dir string, faults []Fault) (list string, err error) {
	sources := map[string]string{} // by path
	for _, f := range faults {
		path, err := f.path(root)
		if err != nil {
			return "", err
		}
		if f.Right == "" {
			sources[path] = f.Wrong
			continue
		}
		source, planted := sources[path]
		if !planted {
			text, err := os.ReadFile(path)
			if err != nil {
				return "", fmt.Errorf("plant a fault: %w", err)
			}
			source = string(text)
		}
		if n := strings.Count(source, f.Right); n != 1 {
			return "", fmt.Errorf("plant a fault: %s holds %q %d times, not once: the fault has to be planted elsewhere", path, f.Right, n)
		}
		sources[path] = strings.Replace(source, f.Right, f.Wrong, 1)
	}
	replace := map[string]string{}
	for path, source := range sources {
		planted := filepath.Join(dir, fmt.Sprintf("planted-%d.go", len(replace)))
		if err := os.WriteFile(planted, []byte(source), 0o600); err != nil {
			return "", err
		}
		replace[path] = planted
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	list = filepath.Join(dir, "overlay.json")
	return list, os.WriteFile(list, overlay, 0o600)
}

// path is the absolute path of the fault's file.
func (f Fault) path(root string) (string, error) {
	name, std := strings.CutPrefix(f.File, "std/")
	if !std {
		return filepath.Abs(filepath.Join(root, f.File))
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("ask for GOROOT: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "src", name), nil
}
