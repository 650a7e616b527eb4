package client

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Command is one AWS CLI command, such as
//
//	logs put-destination --destination-name D --target-arn A --role-arn R
//
// as its words, without the leading aws.
type Command []string

// Service is the CLI's name of the service, which is also its signing name.
func (c Command) Service() string { return c[0] }

// Operation is the API's name of the operation: PutDestination.
func (c Command) Operation() string {
	var b strings.Builder
	for word := range strings.SplitSeq(c[1], "-") {
		r, n := utf8.DecodeRuneInString(word)
		b.WriteString(string(unicode.ToUpper(r)) + word[n:])
	}
	return b.String()
}

// Region is the value of the global option --region, "" without it.
func (c Command) Region() string {
	if i := slices.Index(c, "--region"); i >= 0 && i+1 < len(c) {
		return c[i+1]
	}
	return ""
}

// String is the command as one types it into a shell.
func (c Command) String() string {
	words := make([]string, len(c))
	for i, w := range c {
		words[i] = quoteWord(w)
	}
	return "aws " + strings.Join(words, " ")
}

// quoteWord quotes a word for a POSIX shell where it needs that.
func quoteWord(w string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_./:=,@+", r)
	}
	if w != "" && strings.IndexFunc(w, func(r rune) bool { return !plain(r) }) < 0 {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// Input turns the command's flags into the operation's members, typed as the
// fields of the operation's input struct are. A flag is the member's name in
// lower case with hyphens; a boolean is --flag or --no-flag; a structure or list
// is JSON, a list of texts may also be several words; file://PATH stands for what
// the file holds. The global option --region is passed over.
func (c Command) Input(input reflect.Type) (map[string]any, error) {
	members := map[string]reflect.StructField{}
	for i := range input.NumField() {
		f := input.Field(i)
		members[flagName(wireName(f))] = f
	}
	out := map[string]any{}
	for words := c[2:]; len(words) > 0; {
		name, ok := strings.CutPrefix(words[0], "--")
		if !ok {
			return nil, fmt.Errorf("%s: unexpected word %q", c, words[0])
		}
		words = words[1:]
		if name == "region" && len(words) > 0 {
			words = words[1:]
			continue
		}
		f, known := members[name]
		if !known {
			f, known = members[strings.TrimPrefix(name, "no-")]
			if !known || elem(f.Type).Kind() != reflect.Bool {
				return nil, fmt.Errorf("%s: unknown option --%s", c, name)
			}
			out[wireName(f)] = false
			continue
		}
		if elem(f.Type).Kind() == reflect.Bool {
			out[wireName(f)] = true
			continue
		}
		n := 0
		for n < len(words) && !strings.HasPrefix(words[n], "--") {
			n++
		}
		v, err := value(elem(f.Type), words[:n])
		if err != nil {
			return nil, fmt.Errorf("%s: --%s: %w", c, name, err)
		}
		out[wireName(f)] = v
		words = words[n:]
	}
	return out, nil
}

func value(t reflect.Type, words []string) (any, error) {
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String && (len(words) != 1 || !strings.HasPrefix(words[0], "[")) {
		return words, nil
	}
	if len(words) != 1 {
		return nil, fmt.Errorf("want one value, got %d", len(words))
	}
	text := words[0]
	if path, ok := strings.CutPrefix(text, "file://"); ok {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		text = string(data)
	}
	switch t.Kind() {
	case reflect.String:
		return text, nil
	case reflect.Int32, reflect.Int64:
		return strconv.ParseInt(text, 10, 64)
	case reflect.Struct, reflect.Map:
		v := map[string]any{}
		err := json.Unmarshal([]byte(text), &v)
		return v, err
	case reflect.Slice:
		v := []any{}
		err := json.Unmarshal([]byte(text), &v)
		return v, err
	}
	return nil, fmt.Errorf("no option of type %v", t)
}

func elem(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func wireName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// flagName is the CLI's flag for a member: LogGroupName and logGroupName are
// log-group-name, StreamARN is stream-arn.
func flagName(member string) string {
	var b strings.Builder
	runes := []rune(member)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 &&
			(unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
