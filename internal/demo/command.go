package demo

import (
	"encoding/json"
	"errors"
	"fmt"

	"tributary/internal/client"
)

// as runs a command as an account and prints it and its answer.
func (s *story) as(account string, words ...string) (map[string]any, error) {
	cmd := client.Command(words)
	s.say("%s $ %s", account, cmd)
	out, err := s.quietly(account, words...)
	if err != nil {
		s.say("  %v", err)
		return nil, err
	}
	s.say("  %s", answerText(out))
	return out, nil
}

// quietly runs a command without a word.
func (s *story) quietly(account string, words ...string) (map[string]any, error) {
	s.steps++
	return s.client(account).Run(s.ctx, s.Services, words)
}

// all runs commands as one account until one fails.
func (s *story) all(account string, commands ...[]string) error {
	for _, words := range commands {
		if _, err := s.as(account, words...); err != nil {
			return fmt.Errorf("%s: %w", client.Command(words), err)
		}
	}
	return nil
}

// refused runs a command that must be refused with exactly these words.
func (s *story) refused(account, code, message string, words ...string) error {
	_, err := s.as(account, words...)
	refusal, ok := errors.AsType[*client.Refusal](err)
	if !ok || refusal.Code != code || refusal.Message != message {
		return fmt.Errorf("%s: got %v, want %s: %s", client.Command(words), err, code, message)
	}
	return nil
}

const maxAnswerText = 700

// answerText is an answer for the eye: compact JSON, cut when it is long.
func answerText(out map[string]any) string {
	if len(out) == 0 {
		return "(done, no output)"
	}
	text, err := json.Marshal(out)
	if err != nil {
		return err.Error()
	}
	if len(text) > maxAnswerText {
		return fmt.Sprintf("%s… (%d bytes)", text[:maxAnswerText], len(text))
	}
	return string(text)
}

// member reads a member of an answer by its path; it is "" when there is none.
func member(v any, path ...string) string {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	text, _ := v.(string)
	return text
}
