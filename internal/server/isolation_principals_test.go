package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"tributary/internal/client"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A standing is what a principal may expect.
type standing uint8

const (
	// stranger may do everything in an account of its own, and to the victim's things
	// nothing: they must look to it as if they were not there.
	stranger standing = iota + 1
	// powerless is of the victim's account and no policy lets it do anything: access
	// is denied, whatever is asked.
	powerless
	// nobody has credentials that are good for nothing.
	nobody
)

// A principal makes attempts.
type principal struct {
	name     string
	standing standing
	account  string
	// twin says that the account has things by all names of the preys, so that what
	// is bound to names alone would open, and so that of two names of an input
	// only what stands with an ARN is another's.
	twin   bool
	client *client.Client
	// caller, where there is no client: no credentials lead to this principal, so
	// its calls begin at the Dispatcher.
	caller *api.Caller
	// json and query are the codes that nobody is refused with, scope the service that
	// it signs for in place of the right one.
	json, query string
	scope       map[api.Protocol]string
	services    []string // only these; all when nil
	// open are operations of the principal's own account that reach the thing
	// from where it is, and may.
	open []string
}

// principals are all that the matrix is made with.
func (s *scene) principals() []*principal {
	s.t.Helper()
	var all []*principal
	for i, kind := range []string{
		"another account's root user", "another account's user", "a session of another account's role",
		"another account's role, assumed by the Logs service", "an account that has left the organization",
	} {
		for _, twin := range []bool{false, true} {
			account := strconv.Itoa(300_000_000_000 + 2*i)
			if twin {
				account = strconv.Itoa(300_000_000_001 + 2*i)
			}
			p := &principal{name: kind, standing: stranger, account: account, twin: twin}
			s.settle(p, kind)
			if twin {
				p.name += ", with things of the same names"
				s.makeTwins(account)
			}
			all = append(all, p)
		}
	}
	all = append(all, &principal{
		name: "the victim itself in another Region", standing: stranger, account: victimAccount, client: s.inRegion("eu-west-1"),
		services: []string{"logs", "kinesis", "dynamodb"},
		// A destination may lead to a stream in another Region.
		open: []string{"logs PutDestination", "logs PutDestinationPolicy", "logs DeleteDestination"},
	})
	for _, name := range []string{"unallowed", "bounded"} {
		s.must("iam CreateUser", input{"UserName": name})
	}
	s.must("iam AttachUserPolicy", input{"UserName": "bounded", "PolicyArn": admin})
	boundary := s.must("iam CreatePolicy", input{"PolicyName": "boundary", "PolicyDocument": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`})
	s.must("iam PutUserPermissionsBoundary", input{"UserName": "bounded", "PermissionsBoundary": s.text(boundary, "Policy", "Arn")})
	limited := s.session(s.owner, victimAccount, "owner", input{"Policy": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`})
	for name, c := range map[string]*client.Client{
		"a user of the victim's account without any policy": s.administrator(victimAccount, "unallowed"),
		"an administrator behind a permissions boundary":    s.administrator(victimAccount, "bounded"),
		"an administrator's session, limited by a policy":   s.with(victimAccount, limited),
	} {
		all = append(all, &principal{name: name, standing: powerless, account: victimAccount, client: c})
	}
	inactive, deleted := s.administrator(victimAccount, "bounded"), s.administrator(victimAccount, "unallowed")
	s.must("iam UpdateAccessKey", input{"UserName": "bounded", "AccessKeyId": inactive.Credentials.AccessKeyID, "Status": "Inactive"})
	s.must("iam DeleteAccessKey", input{"UserName": "unallowed", "AccessKeyId": deleted.Credentials.AccessKeyID})
	unsigned := *s.owner
	unsigned.HTTP = &http.Client{Transport: withoutSignature{http.DefaultTransport}}
	all = append(all,
		&principal{name: "an inactive key", client: inactive, json: "UnrecognizedClientException", query: "InvalidClientTokenId"},
		&principal{name: "a deleted key", client: deleted, json: "UnrecognizedClientException", query: "InvalidClientTokenId"},
		&principal{name: "a session that is over", client: s.with(victimAccount, s.expired), json: "ExpiredTokenException", query: "ExpiredToken"},
		&principal{name: "nobody: no signature", client: &unsigned, json: "MissingAuthenticationTokenException", query: "MissingAuthenticationToken"},
		&principal{
			name: "the owner, signing for another service", client: s.owner, json: "InvalidSignatureException", query: "SignatureDoesNotMatch",
			scope: map[api.Protocol]string{api.JSON: "sts", api.Query: "logs"},
		},
	)
	for _, p := range all {
		if p.standing == 0 {
			p.standing, p.account = nobody, victimAccount
		}
	}
	slices.SortStableFunc(all, func(a, b *principal) int { return int(a.standing) - int(b.standing) })
	return all
}

func (s *scene) inRegion(region string) *client.Client {
	c := *s.owner
	c.Region = region
	return &c
}

// withoutSignature sends requests without what signs them.
type withoutSignature struct{ http.RoundTripper }

func (w withoutSignature) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Del("Authorization")
	return w.RoundTripper.RoundTrip(r)
}

// settle makes the account of a stranger, with an organization of its own unless it
// has left the victim's, and the principal in it.
func (s *scene) settle(p *principal, kind string) {
	s.t.Helper()
	root := s.As(p.account)
	s.mustAs(root, "iam CreateRole", input{"RoleName": "own", "AssumeRolePolicyDocument": trustLogs})
	s.mustAs(root, "iam PutRolePolicy", input{"RoleName": "own", "PolicyName": "all", "PolicyDocument": allowAll})
	p.client = root
	if kind == "an account that has left the organization" {
		s.join(p.account, false)
		return
	}
	s.mustAs(root, "organizations CreateOrganization", input{"FeatureSet": "ALL"})
	switch kind {
	case "another account's user", "a session of another account's role":
		s.makeAdministrator(p.account, "stranger")
		p.client = s.administrator(p.account, "stranger")
		if kind != "another account's user" {
			p.client = s.with(p.account, s.session(p.client, p.account, "stranger", nil))
		}
	case "another account's role, assumed by the Logs service":
		id := s.text(s.mustAs(root, "iam GetRole", input{"RoleName": "own"}), "Role", "RoleId")
		account := arn.AccountID(p.account)
		p.client, p.caller = nil, &api.Caller{Principal: policy.Principal{
			Kind: policy.Session, Account: account, ID: id + ":session",
			ARN: arn.New("sts", "", account, "assumed-role/own/session"), RoleARN: arn.New("iam", "", account, "role/own"),
		}}
	}
}

// makeTwins gives an account things by all names of the preys.
func (s *scene) makeTwins(account string) {
	s.t.Helper()
	root := s.As(account)
	for _, p := range []prey{s.victim, s.ghost} {
		for _, step := range []struct {
			operation string
			in        input
		}{
			{"logs CreateLogGroup", input{"logGroupName": p["group"]}},
			{"logs CreateLogStream", input{"logGroupName": p["group"], "logStreamName": p["stream"]}},
			{"kinesis CreateStream", input{"StreamName": p["kinesis"], "ShardCount": 2}},
			{"iam CreateUser", input{"UserName": p["user"]}},
			{"iam CreateGroup", input{"GroupName": p["iamgroup"]}},
			{"iam CreateRole", input{"RoleName": p["role"], "AssumeRolePolicyDocument": trustAccount(account)}},
			{"iam CreatePolicy", input{"PolicyName": p["policy"], "PolicyDocument": allowAll}},
		} {
			s.mustAs(root, step.operation, step.in)
		}
		s.makeTable(root, p["table"], "own")
	}
}

// settleTwins waits until the streams of an account with twins are ACTIVE, or gone:
// otherwise an attempt on one might find it in another state than one on the other.
func (s *scene) settleTwins(account string) {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for _, p := range []prey{s.victim, s.ghost} {
		for {
			out, err := s.ask(s.As(account), "kinesis DescribeStreamSummary", input{"StreamName": p["kinesis"]})
			if err != nil || out["StreamDescriptionSummary"].(input)["StreamStatus"] == "ACTIVE" {
				break
			}
			if time.Now().After(deadline) {
				s.t.Fatalf("stream does not become ACTIVE: %v", out)
			}
		}
	}
}

// An answer is all that a principal sees of one.
type answer struct {
	status  int
	code    string // of a refusal
	headers string // the names, with the values of those that do not change by themselves
	body    string
	denial  string // what DecodeAuthorizationMessage takes
}

func (a answer) String() string {
	return fmt.Sprintf("%d %s\n%s%s", a.status, a.code, a.headers, a.body)
}

// ask makes an attempt on a prey.
func (p *principal) ask(s *scene, a *attempt, of prey) answer {
	s.t.Helper()
	service, name, _ := strings.Cut(a.operation, " ")
	svc, _ := s.Dispatcher.Service(service)
	in := a.as(p.account, of)
	if p.client == nil {
		return p.dispatch(s, svc, name, in)
	}
	scope := service
	if p.scope != nil {
		scope = p.scope[svc.Protocol]
	}
	seen := &tape{RoundTripper: http.DefaultTransport}
	c := *p.client
	if p.client.HTTP.Transport != nil {
		seen.RoundTripper = p.client.HTTP.Transport
	}
	c.HTTP = &http.Client{Transport: seen}
	var err error
	if svc.Protocol == api.Query {
		_, err = c.Query(s.t.Context(), scope, svc.Version, name, in)
	} else {
		err = c.JSON(s.t.Context(), scope, svc.TargetPrefix+"."+name, in, nil)
	}
	if refusal, ok := errors.AsType[*client.Refusal](err); ok {
		seen.answer.code = refusal.Code
	} else if err != nil {
		s.t.Errorf("%s by %s as %s: %v", a.operation, a.how, p.name, err)
	}
	return seen.answer
}

// A tape keeps the last answer. Of an event stream it keeps that there is one.
type tape struct {
	http.RoundTripper
	answer answer
}

func (t *tape) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return resp, err
	}
	var body []byte
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/vnd.amazon.eventstream") {
		body = []byte("{}")
	} else if body, err = io.ReadAll(resp.Body); err != nil {
		return resp, err
	}
	if err := resp.Body.Close(); err != nil {
		return resp, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var headers []string
	for name, values := range resp.Header {
		switch name {
		case "Date", "X-Amzn-Requestid", "x-amzn-RequestId", "x-amz-id-2", "X-Amz-Id-2", "Content-Length", "X-Tributary-Authorization-Message", "X-Amz-Crc32":
			values = nil
		}
		headers = append(headers, name+": "+strings.Join(values, ",")+"\n")
	}
	sort.Strings(headers)
	t.answer = answer{status: resp.StatusCode, headers: strings.Join(headers, ""), body: string(body), denial: resp.Header.Get("X-Tributary-Authorization-Message")}
	return resp, nil
}

// dispatch takes the call of a principal without credentials through the Dispatcher.
func (p *principal) dispatch(s *scene, svc *api.Service, name string, in input) answer {
	op, _ := s.Dispatcher.Operation(svc.Name, name)
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	out, err := s.Dispatcher.Do(ctx, op, &api.Call{
		Service: svc.Name, Operation: name, Region: "us-east-1", Caller: *p.caller, RequestID: "r",
		Time: time.Now().UTC(), SourceIP: netip.MustParseAddr("127.0.0.1"),
	}, api.Input{Tree: tree(in), Loose: false})
	if e, ok := api.AsException(err); ok {
		return answer{status: e.Status, code: e.Code, body: e.Message}
	}
	if err != nil {
		s.t.Errorf("%s as %s: %v", name, p.name, err)
	}
	text, err := json.Marshal(out)
	if err != nil {
		s.t.Errorf("%s as %s: %v", name, p.name, err)
	}
	return answer{status: http.StatusOK, body: string(text)}
}

// tree is an input as a door would have decoded it.
func tree(v any) any {
	switch v := v.(type) {
	case input:
		out := input{}
		for name, e := range v {
			out[name] = tree(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = tree(e)
		}
		return out
	case int:
		return api.Number(strconv.Itoa(v))
	case int64:
		return api.Number(strconv.FormatInt(v, 10))
	default:
		return v
	}
}
