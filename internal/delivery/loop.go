package delivery

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// errLoop is why events are dropped that a filter has delivered before.
var errLoop = errors.New("the event is a record of this subscription itself: something writes what it delivers back into the log group, which has to be left out")

// dataMarker is in every envelope, also in one that is the message of an event:
// quotes are escaped there, this is not.
var dataMarker = []byte("DATA_MESSAGE")

// maxNesting is how many envelopes within each other are looked into. Each time
// round a loop adds one, so a loop through as many subscriptions is cut.
const maxNesting = 8

// loops reports whether a message, given as a JSON string literal, is an envelope
// that this origin's filter has made, from whatever log stream, or holds one.
// Delivered again it would come back again, without end.
func (o *origin) loops(literal []byte) bool {
	if !bytes.Contains(literal, dataMarker) {
		return false
	}
	text, err := jsontext.AppendUnquote(nil, literal)
	return err == nil && o.holds(text, maxNesting)
}

func (o *origin) holds(text []byte, depth int) bool {
	if depth == 0 || !bytes.Contains(text, dataMarker) {
		return false
	}
	var e struct {
		MessageType         string   `json:"messageType"`
		Owner               string   `json:"owner"`
		LogGroup            string   `json:"logGroup"`
		SubscriptionFilters []string `json:"subscriptionFilters"`
		PolicyLevel         string   `json:"policyLevel"`
		LogEvents           []struct {
			Message string `json:"message"`
		} `json:"logEvents"`
	}
	if json.Unmarshal(text, &e) != nil || e.MessageType != "DATA_MESSAGE" {
		return false
	}
	if e.Owner == string(o.owner) && e.LogGroup == o.group && len(e.SubscriptionFilters) == 1 &&
		e.SubscriptionFilters[0] == o.filter && (e.PolicyLevel != "") == o.accountLevel {
		return true
	}
	for i := range e.LogEvents {
		if o.holds([]byte(e.LogEvents[i].Message), depth-1) {
			return true
		}
	}
	return false
}
