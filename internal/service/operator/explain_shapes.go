package operator

import "tributary/internal/service/api"

// ExplainSubscriptionInput is what ExplainSubscription takes.
type ExplainSubscriptionInput struct {
	LogGroupARN    string `json:"logGroupArn" required:"true" min:"1" max:"2048"`
	DestinationARN string `json:"destinationArn" required:"true" min:"1" max:"2048"`
	RoleARN        string `json:"roleArn" max:"2048"`
	// AccountLevel asks for an account's policy in place of a filter of the group.
	AccountLevel *bool `json:"accountLevel"`
}

// ExplainDeliveryInput is what ExplainDelivery takes: a filter of a log group, or
// the account's subscription filter policy as it is for the group.
type ExplainDeliveryInput struct {
	LogGroupARN   string `json:"logGroupArn" required:"true" min:"1" max:"2048"`
	FilterName    string `json:"filterName" max:"512"`
	AccountPolicy string `json:"accountPolicyName" max:"256"`
}

// ExplainAccessInput is what ExplainAccess takes.
type ExplainAccessInput struct {
	PrincipalARN string         `json:"principalArn" required:"true" min:"1" max:"2048"`
	Action       string         `json:"action" required:"true" min:"3" max:"128" pattern:"[A-Za-z0-9-]+:[A-Za-z0-9]+"`
	ResourceARN  string         `json:"resourceArn" required:"true" min:"1" max:"2048"`
	Context      []ContextEntry `json:"context" max:"64"`
}

// A ContextEntry is a condition key and its values.
type ContextEntry struct {
	Key    string   `json:"key" required:"true" min:"1" max:"256"`
	Values []string `json:"values" required:"true" max:"64"`
}

// An Explanation is the answer of the three Explain operations. Its shape is that
// of docs/formats/explain.md.
type Explanation struct {
	// Version is that of the shape.
	Version int `json:"version"`
	// Verdict is "fail" when a check failed, else "not-visible" when one could not
	// be shown, else "pass".
	Verdict Status  `json:"verdict"`
	Checks  []Check `json:"checks"`
	// Filter and Delivery are of ExplainDelivery alone.
	Filter   *ExplainedFilter `json:"filter,omitzero"`
	Delivery *DeliveryState   `json:"delivery,omitzero"`
}

const explanationVersion = 1

// A Status is what became of a check, as far as the caller may see.
type Status string

// The statuses.
const (
	Pass Status = "pass"
	Fail Status = "fail"
	// Advice: it did not pass, and nothing depends on it.
	Advice Status = "advice"
	// Skipped: a check before it found nothing to ask about.
	Skipped    Status = "skipped"
	NotVisible Status = "not-visible"
)

// A Check is one check of an explanation.
type Check struct {
	Name   string `json:"check"`
	Status Status `json:"status"`
	// Owner is the account whose the checked thing is.
	Owner  string `json:"owner,omitzero"`
	Detail string `json:"detail"`
	// Facts are what the check saw.
	Facts []Fact `json:"facts,omitzero"`
	// Statements are those that decided or, where nothing allows, the one that came
	// nearest.
	Statements []Statement `json:"statements,omitzero"`
	// Change says what would make the check pass.
	Change string `json:"change,omitzero"`
}

// A Fact is one value that a check saw.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A Statement is one statement of a policy, and what it said.
type Statement struct {
	PolicyType string `json:"policyType"`
	Policy     string `json:"policy,omitzero"`
	// Number counts from 1.
	Number     int         `json:"number"`
	Sid        string      `json:"sid,omitzero"`
	Decided    bool        `json:"decided"` // false: it came nearest
	Why        string      `json:"why"`
	Conditions []Condition `json:"conditions,omitzero"`
	// Text is the statement's JSON as it was written.
	Text string `json:"text,omitzero"`
}

// A Condition is one condition of a statement.
type Condition struct {
	Operator string   `json:"operator"`
	Key      string   `json:"key"`
	Want     []string `json:"want"`
	Got      []string `json:"got"`
	Held     bool     `json:"held"`
}

// An ExplainedFilter is the subscription filter that ExplainDelivery is about.
type ExplainedFilter struct {
	LogGroupARN    string `json:"logGroupArn"`
	Name           string `json:"name"`
	AccountLevel   bool   `json:"accountLevel"`
	DestinationARN string `json:"destinationArn"`
	RoleARN        string `json:"roleArn,omitzero"`
	Distribution   string `json:"distribution"`
}

// A DeliveryState is what has become of a filter's events since the server
// started.
type DeliveryState struct {
	State            string `json:"state"` // LIVE, BACKFILLING, RETRYING, REFUSED or STOPPED
	MatchedEvents    int64  `json:"matchedEvents"`
	ForwardedEvents  int64  `json:"forwardedEvents"`
	ForwardedRecords int64  `json:"forwardedRecords"`
	ForwardedBytes   int64  `json:"forwardedBytes"`
	// DroppedEvents are those that will not be delivered, ExpiredEvents those of
	// them that were tried for too long.
	DroppedEvents int64 `json:"droppedEvents"`
	ExpiredEvents int64 `json:"expiredEvents"`
	// LastError is why events were last dropped or held up, and LastErrorAt when.
	LastError   string        `json:"lastError,omitzero"`
	LastErrorAt api.Timestamp `json:"lastErrorAt,omitzero"`
	// RefusedSince is when the first events were dropped that the present refusal
	// cost, absent when none are.
	RefusedSince  api.Timestamp `json:"refusedSince,omitzero"`
	LastForwarded api.Timestamp `json:"lastForwarded,omitzero"`
	// LagEvents wait behind a retry, LagSeconds is the age of the oldest event that
	// has not been dealt with.
	LagEvents  int64   `json:"lagEvents"`
	LagSeconds float64 `json:"lagSeconds"`
	// Losses are ranges that were given up, also before the server started.
	Losses []LostRange `json:"losses,omitzero"`
}

// A LostRange is events that were given up after they had been tried for too long.
type LostRange struct {
	Journal  string        `json:"journal"`
	From     string        `json:"from"` // position in the ingest journal
	To       string        `json:"to"`   // one past the range
	FromTime api.Timestamp `json:"fromTime,omitzero"`
	ToTime   api.Timestamp `json:"toTime,omitzero"`
	Events   int64         `json:"events"` // -1: not known
	Reason   string        `json:"reason"`
}
