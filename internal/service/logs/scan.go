package logs

import (
	"math"
	"strconv"
	"strings"

	"tributary/internal/service/api"
)

// putEventsInput is PutLogEventsInput, with room for what the scanner reads
// instead of LogEvents: the messages stay the JSON literals they are. An entity
// is accepted and ignored, and so is a sequence token.
type putEventsInput struct {
	LogGroupName  string          `json:"logGroupName" required:"true" min:"1" max:"512" pattern:"[\\.\\-_/#A-Za-z0-9]+"`
	LogStreamName string          `json:"logStreamName" required:"true" min:"1" max:"512" pattern:"[^:*]*"`
	LogEvents     []InputLogEvent `json:"logEvents" required:"true" min:"1" max:"10000"`
	SequenceToken string          `json:"sequenceToken,omitzero"`
	// Body and Scanned are set by the scanner alone; their bounds keep every
	// other input from setting them.
	Body    []byte         `json:"-" max:"0"`
	Scanned []scannedEvent `json:"-" max:"0"`
}

// A scannedEvent is an event whose message is the literal Body[Start:End].
type scannedEvent struct {
	Timestamp int64 `json:"timestamp"`
	Start     int32 `json:"start"`
	End       int32 `json:"end"`
}

// The bounds of a PutLogEvents call. Sizes are those of the messages as UTF-8,
// with 26 bytes for each event.
const (
	maxEvents     = 10_000
	maxCallSize   = 1_048_576
	maxEventSize  = 1_048_576
	eventOverhead = 26
	// maxDepth is how deep members we do not know may be nested.
	maxDepth = 100
)

// scanPutLogEvents reads the body of a PutLogEvents call in one pass: syntax and
// UTF-8, types, constraints, and AWS's bounds on sizes, in this order when
// several are wrong.
func scanPutLogEvents(body []byte) (*putEventsInput, error) {
	if len(body) > math.MaxInt32 {
		return nil, errNotJSON()
	}
	s := putScanner{scanner: scanner{data: body}, in: &putEventsInput{Body: body}}
	s.space()
	switch s.peek() {
	case '{':
		s.object(maxDepth, s.member)
	case '[':
		s.mismatched("structure")
	default: // like the gateway, which refuses every other value
		s.fail()
	}
	s.space()
	if s.broken || s.pos != len(s.data) {
		return nil, errNotJSON()
	}
	if s.mismatch != nil {
		return nil, s.mismatch
	}
	if err := s.violations(); err != nil {
		return nil, err
	}
	if s.tooLarge > 0 {
		return nil, errEventTooLarge(s.tooLarge, maxEventSize)
	}
	if s.size > maxCallSize {
		return nil, errUploadTooLarge(s.size, maxCallSize)
	}
	return s.in, nil
}

// A putScanner knows the members of PutLogEvents.
type putScanner struct {
	scanner
	in       *putEventsInput
	mismatch *api.Exception // the first value of a wrong type

	hasGroup, hasStream, hasEvents bool

	count    int // events, also those that are not kept because they are too many
	size     int
	tooLarge int // size of the first event that is too large
	wrong    []string

	event struct {
		hasTimestamp, hasMessage bool
		timestamp                int64
		start, end, length       int
	}
}

func (s *putScanner) member(name []byte) {
	switch string(name) {
	case "logGroupName":
		s.hasGroup = s.text(&s.in.LogGroupName)
	case "logStreamName":
		s.hasStream = s.text(&s.in.LogStreamName)
	case "sequenceToken":
		s.text(&s.in.SequenceToken)
	case "logEvents":
		s.events()
	default:
		s.skip(maxDepth - 1)
	}
}

// text reads a text into dst and reports whether there is one.
func (s *putScanner) text(dst *string) bool {
	if s.null() {
		return false
	}
	if s.peek() != '"' {
		s.mismatched("String")
		return false
	}
	lit := s.string()
	if !s.broken {
		*dst = unquote(s.data[lit.start:lit.end])
	}
	return !s.broken
}

func (s *putScanner) events() {
	if s.null() {
		return
	}
	if s.peek() != '[' {
		s.mismatched("list")
		return
	}
	s.hasEvents = true
	// Room for events of 200 bytes; more is found on the way.
	s.in.Scanned = make([]scannedEvent, 0, min((len(s.data)-s.pos)/200+1, maxEvents))
	item := 0
	s.array(func() {
		item++
		if !s.null() { // AWS drops null items
			s.oneEvent(item)
		}
	})
}

// oneEvent reads the event that stands at this place of the list, from 1.
func (s *putScanner) oneEvent(item int) {
	if s.peek() != '{' {
		s.mismatched("structure")
		return
	}
	ev := &s.event
	ev.hasTimestamp, ev.hasMessage = false, false
	s.object(maxDepth-2, s.eventMember)
	if s.broken {
		return
	}
	s.count++
	switch {
	case !ev.hasTimestamp:
		s.violate(item, "timestamp", "null", "Member must not be null")
	case ev.timestamp < 0:
		s.violate(item, "timestamp", "'"+strconv.FormatInt(ev.timestamp, 10)+"'", "Member must have value greater than or equal to 0")
	}
	switch {
	case !ev.hasMessage:
		s.violate(item, "message", "null", "Member must not be null")
		return
	case ev.length == 0:
		s.violate(item, "message", "''", "Member must have length greater than or equal to 1")
	}
	s.size += ev.length + eventOverhead
	if ev.length+eventOverhead > maxEventSize && s.tooLarge == 0 {
		s.tooLarge = ev.length + eventOverhead
	}
	if len(s.in.Scanned) < maxEvents {
		s.in.Scanned = append(s.in.Scanned, scannedEvent{ev.timestamp, int32(ev.start), int32(ev.end)})
	}
}

func (s *putScanner) eventMember(name []byte) {
	ev := &s.event
	switch string(name) {
	case "timestamp":
		if ev.hasTimestamp = !s.null(); ev.hasTimestamp {
			ev.timestamp = s.long()
		}
	case "message":
		switch {
		case s.null():
		case s.peek() != '"':
			s.mismatched("String")
		default:
			lit := s.string()
			ev.hasMessage, ev.start, ev.end, ev.length = true, lit.start, lit.end, lit.length
		}
	default:
		s.skip(maxDepth - 3)
	}
}

// long reads a whole number; like AWS it cuts a fraction off.
func (s *putScanner) long() int64 {
	if c := s.peek(); c != '-' && (c < '0' || c > '9') {
		s.mismatched("Long")
		return 0
	}
	text := s.number()
	if len(text) <= 18 {
		n, i := int64(0), 0
		for ; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
			n = n*10 + int64(text[i]-'0')
		}
		if i == len(text) {
			return n
		}
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f >= 1<<63 || f < -1<<63 {
		s.refuse(api.Refuse("SerializationException", "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an Long"))
		return 0
	}
	return int64(f)
}

// mismatched skips a value that is not of the wanted type and keeps the refusal,
// which is given if the rest of the body is sound.
func (s *putScanner) mismatched(want string) {
	c := s.peek()
	s.skip(maxDepth - 3)
	message := "class java.lang.String can not be converted to an " + want
	switch {
	case c == '{':
		message = "Start of structure or map found where not expected."
	case c == '[':
		message = "Start of list found where not expected"
	case want == "list":
		message = "Expected list or null"
	case want == "structure":
		message = "Expected null"
	case c == 't' || c == 'f':
		message = "class java.lang.Boolean can not be converted to an " + want
	case c != '"':
		message = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an " + want
	}
	s.refuse(api.Refuse("SerializationException", "%s", message))
}

func (s *putScanner) refuse(e *api.Exception) {
	if s.mismatch == nil {
		s.mismatch = e
	}
}

func (s *putScanner) violate(item int, member, value, rule string) {
	if len(s.wrong) < maxViolations {
		s.wrong = append(s.wrong, violation("logEvents."+strconv.Itoa(item)+".member."+member, value, rule))
	}
}

// violations is the refusal for the constraints that the input breaks, in the
// order of AWS's model.
func (s *putScanner) violations() error {
	var list []string
	list = append(list, nameViolations("logGroupName", s.in.LogGroupName, s.hasGroup, groupNamePattern)...)
	list = append(list, nameViolations("logStreamName", s.in.LogStreamName, s.hasStream, streamNamePattern)...)
	list = append(list, s.wrong...)
	switch {
	case !s.hasEvents:
		list = append(list, violation("logEvents", "null", "Member must not be null"))
	case s.count > maxEvents:
		list = append(list, violation("logEvents", s.shown(), "Member must have length less than or equal to 10000"))
	case s.count == 0:
		list = append(list, violation("logEvents", "'[]'", "Member must have length greater than or equal to 1"))
	}
	if len(list) == 0 {
		return nil
	}
	return errViolations(list[:min(len(list), maxViolations)])
}

// shown prints the first events as AWS does in messages, which is Java's way.
func (s *putScanner) shown() string {
	var b strings.Builder
	b.WriteString("'[")
	for i, ev := range s.in.Scanned {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.Len() > maxShown {
			break
		}
		b.WriteString("InputLogEvent(timestamp=" + strconv.FormatInt(ev.Timestamp, 10) +
			", message=" + shorten(unquote(s.data[ev.Start:ev.End])) + ")")
	}
	b.WriteString("]'")
	return b.String()
}
