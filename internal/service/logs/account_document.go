package logs

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"tributary/internal/pure/arn"
)

// An accountDocument is what the policyDocument of a subscription filter policy
// says, in which the members are written as here but with ARN for the first two.
type accountDocument struct {
	Destination  string // DestinationArn
	Role         string // RoleArn; may be missing
	Pattern      string // FilterPattern
	Distribution Distribution
}

// parseAccountDocument reads a policyDocument: an object of strings, in which
// RoleArn and Distribution may be missing, and nothing else may stand. The error
// is for the caller.
func parseAccountDocument(text string) (accountDocument, error) {
	members, err := readStrings(text)
	if err != nil {
		return accountDocument{}, err
	}
	doc := accountDocument{Distribution: ByLogStream}
	for name, value := range members {
		switch name {
		case "DestinationArn":
			doc.Destination = value
		case "RoleArn":
			doc.Role = value
		case "FilterPattern":
			doc.Pattern = value
		case "Distribution":
			doc.Distribution = Distribution(value)
		default:
			return accountDocument{}, fmt.Errorf("there is no member %q", shorten(name))
		}
	}
	for _, name := range []string{"DestinationArn", "FilterPattern"} {
		if _, there := members[name]; !there {
			return accountDocument{}, fmt.Errorf("member %s is missing", name)
		}
	}
	if doc.Distribution != ByLogStream && doc.Distribution != Random {
		return accountDocument{}, fmt.Errorf("member Distribution is neither %s nor %s", ByLogStream, Random)
	}
	return doc, nil
}

// role is the role of a document that has been checked.
func (d accountDocument) role() arn.ARN { return arn.ARN(d.Role) }

var errNotAnObject = errors.New("it is not a JSON object of strings, each of them there once")

// readStrings reads a JSON object all of whose members are strings.
func readStrings(text string) (map[string]string, error) {
	d := jsontext.NewDecoder(strings.NewReader(text))
	if start, err := d.ReadToken(); err != nil || start.Kind() != '{' {
		return nil, errNotAnObject
	}
	members := map[string]string{}
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, errNotAnObject
		}
		name := token.String()
		if token, err = d.ReadToken(); err != nil || token.Kind() != '"' {
			return nil, errNotAnObject
		}
		members[name] = token.String()
	}
	if _, err := d.ReadToken(); err != nil { // the end of the object
		return nil, errNotAnObject
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errNotAnObject
	}
	return members, nil
}
