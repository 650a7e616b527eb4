package kinesis

import (
	"bytes"
	"encoding/base64"
)

// scanPutRecords reads the body of a PutRecords call in one pass, without the tree of
// values that would copy its base64 once more.
//
// It takes what clients send: the members that they use, each once and of its type,
// nothing null, texts of ASCII without escapes, all within the model's constraints. For
// every other body it returns nil and leaves it to the general way (api.WithScanner), so
// what is wrong with a body is found and worded in one place.
func scanPutRecords(body []byte) (*PutRecordsInput, error) {
	s := putScanner{rest: body, in: &PutRecordsInput{}}
	if !s.object(s.member) || len(s.in.Records) == 0 {
		return nil, nil
	}
	if s.skipSpace(); len(s.rest) > 0 {
		return nil, nil
	}
	return s.in, nil
}

// The bounds of the model.
const (
	maxPutRecords   = 500
	maxBlob         = 10_485_760
	maxPartitionKey = 256
	maxHashKeyText  = 39
	maxARN          = 2048
)

// A putScanner takes the JSON of a PutRecords from the front of rest. Its methods report
// whether what they are to take is there; after the first that is not, nothing counts.
type putScanner struct {
	rest []byte
	in   *PutRecordsInput
	data []byte // room for the data of all records
}

// member takes a value of PutRecordsInput.
func (s *putScanner) member(name []byte) bool {
	switch {
	case string(name) == "StreamName" && s.in.StreamName == "":
		s.in.StreamName = string(s.text())
		return validName(s.in.StreamName)
	case string(name) == "StreamARN" && s.in.StreamARN == "":
		s.in.StreamARN = string(s.text())
		_, ok := parseStreamARN(s.in.StreamARN)
		return ok && len(s.in.StreamARN) <= maxARN
	case string(name) == "Records" && s.in.Records == nil:
		return s.records()
	}
	return false
}

// records takes the list of records.
func (s *putScanner) records() bool {
	s.data = make([]byte, 0, base64.StdEncoding.DecodedLen(len(s.rest)))
	if !s.take('[') {
		return false
	}
	for len(s.in.Records) < maxPutRecords {
		r := PutRecordsRequestEntry{}
		if !s.object(func(name []byte) bool { return s.recordMember(&r, name) }) || r.Data == nil {
			return false
		}
		s.in.Records = append(s.in.Records, r)
		if !s.take(',') {
			return s.take(']')
		}
	}
	return false
}

// recordMember takes a value of a PutRecordsRequestEntry.
func (s *putScanner) recordMember(r *PutRecordsRequestEntry, name []byte) bool {
	switch {
	case string(name) == "Data" && r.Data == nil:
		return s.blob(&r.Data)
	case string(name) == "PartitionKey" && r.PartitionKey == "":
		r.PartitionKey = string(s.text())
		return r.PartitionKey != "" && len(r.PartitionKey) <= maxPartitionKey
	case string(name) == "ExplicitHashKey" && r.ExplicitHashKey == "":
		r.ExplicitHashKey = string(s.text())
		return isHashKeyText(r.ExplicitHashKey)
	}
	return false
}

// isHashKeyText reports whether a text has the model's pattern for hash keys.
func isHashKeyText(text string) bool {
	if text == "" || len(text) > maxHashKeyText || text[0] == '0' && len(text) > 1 {
		return false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// blob takes data in base64 into dst.
func (s *putScanner) blob(dst *[]byte) bool {
	text, ok := s.literal()
	if !ok {
		return false
	}
	start := len(s.data)
	data, err := base64.StdEncoding.AppendDecode(s.data, text)
	// Of what the decoder skips, line ends, there are none in data of this length.
	if err != nil || len(text)%4 != 0 || base64.StdEncoding.EncodedLen(len(data)-start) != len(text) {
		return false
	}
	s.data = data
	*dst = data[start:len(data):len(data)]
	return len(*dst) <= maxBlob
}

// text takes a text of ASCII without escapes; it is nil when there is none.
func (s *putScanner) text() []byte {
	text, ok := s.literal()
	if !ok {
		return nil
	}
	for _, c := range text {
		if c < ' ' || c == '\\' || c > '~' {
			return nil
		}
	}
	return text
}

// literal takes what stands between two quotes, of which the first is next.
func (s *putScanner) literal() (text []byte, ok bool) {
	if !s.take('"') {
		return nil, false
	}
	end := bytes.IndexByte(s.rest, '"')
	if end < 0 {
		return nil, false
	}
	text, s.rest = s.rest[:end], s.rest[end+1:]
	return text, true
}

// object takes an object with at least one member, whose values member takes.
func (s *putScanner) object(member func(name []byte) bool) bool {
	if !s.take('{') {
		return false
	}
	for {
		name, ok := s.literal()
		if !ok || !s.take(':') || !member(name) {
			return false
		}
		if !s.take(',') {
			return s.take('}')
		}
	}
}

// take takes a byte, and the space before it.
func (s *putScanner) take(c byte) bool {
	s.skipSpace()
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *putScanner) skipSpace() {
	for len(s.rest) > 0 {
		switch s.rest[0] {
		case ' ', '\t', '\n', '\r':
			s.rest = s.rest[1:]
		default:
			return
		}
	}
}
