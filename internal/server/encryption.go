package server

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"tributary/internal/durable/journal"
)

// readEncryptionKey reads the key that journals are encrypted with: a file of 32 bytes,
// or of 64 hexadecimal digits. No name is no key.
func readEncryptionKey(name string) (*journal.Key, error) {
	if name == "" {
		return nil, nil
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("encryption key: %w", err)
	}
	var key journal.Key
	if len(content) != len(key) {
		decoded, err := hex.DecodeString(strings.TrimSpace(string(content)))
		if err != nil || len(decoded) != len(key) {
			return nil, fmt.Errorf("encryption key: %s holds neither %d bytes nor %d hexadecimal digits", name, len(key), 2*len(key))
		}
		content = decoded
	}
	copy(key[:], content)
	return &key, nil
}
