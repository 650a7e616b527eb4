package gateway_test

import (
	"strings"
	"testing"
)

// What fails and may well succeed later is answered so that clients try again, and
// its cause is logged and not told.
func TestOutagesAreUnavailable(t *testing.T) {
	const message = "The service cannot complete the request."
	w := newWire(t, nil)
	w.want("JSON", w.do(jsonMessage("Logs_20140328.Outage", `{}`)), 503,
		`{"__type":"ServiceUnavailableException","message":"`+message+`"}`)
	got := w.do(formMessage("iam", "Action=Outage&Version=2010-05-08"))
	w.want("Query", got, 503, `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Receiver</Type><Code>ServiceUnavailable</Code><Message>`+
		message+"</Message></Error><RequestId>"+got.header.Get("x-amzn-RequestId")+"</RequestId></ErrorResponse>\n")
	if n := strings.Count(w.log.String(), "put record: no space on /data"); n != 2 {
		t.Errorf("the cause is logged %d times, want 2:\n%s", n, w.log.String())
	}
}

// An outage is an error as durable's are.
type outage struct{}

func (outage) Error() string     { return "no space on /data" }
func (outage) Unavailable() bool { return true }
