package server

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tributary/internal/service/api"
)

// keyringHeader is the first word of the key file; its number is the version of
// the format (docs/formats/data-directory.md).
const keyringHeader = "tributary-keyring-1"

// openKeyring reads the root key under which everything secret in the data
// directory is sealed, and makes it when there is none. The file is readable by
// its owner only.
func openKeyring(path string) (key [32]byte, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key = api.RandomKey()
		return key, writeFile(path, keyringHeader+" "+hex.EncodeToString(key[:])+"\n")
	}
	if err != nil {
		return key, err
	}
	header, digits, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	raw, err := hex.DecodeString(digits)
	if header != keyringHeader || err != nil || len(raw) != len(key) {
		return key, fmt.Errorf("%s is damaged or of another version: without it sealed secrets cannot be read", path)
	}
	return [32]byte(raw), nil
}

// writeFile writes a file that is there whole or not at all: a crash leaves the
// old state or the new one, and when writeFile has returned the new one is on
// disk.
func writeFile(path, text string) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
