package policy

import (
	"strings"
	"testing"

	"tributary/internal/pure/arn"
)

// The callers of the tests.
var (
	alice = Principal{Kind: User, Account: own, ARN: "arn:aws:iam::111111111111:user/alice", ID: "AIDA0123456789ALICE0"}
	ship  = Principal{
		Kind: Session, Account: own, ARN: "arn:aws:sts::111111111111:assumed-role/Ship/s1",
		RoleARN: "arn:aws:iam::111111111111:role/Ship", ID: "AROA0123456789SHIP00:s1",
	}
	root = Principal{Kind: Root, Account: own, ARN: "arn:aws:iam::111111111111:root", ID: own}
	fed  = Principal{
		Kind: Federated, Account: own, ARN: "arn:aws:sts::111111111111:federated-user/fed",
		UserARN: "arn:aws:iam::111111111111:user/alice", ID: own + ":fed",
	}
	rootFed = Principal{
		Kind: Federated, Account: own, ARN: "arn:aws:sts::111111111111:federated-user/fed",
		UserARN: "arn:aws:iam::111111111111:root", ID: own + ":fed",
	}
	logs = Principal{Kind: Service, Services: []string{"logs.us-east-1.amazonaws.com", "logs.amazonaws.com"}}
	anon = Principal{Kind: Anonymous}
	saml = Principal{Kind: WebIdentity, Provider: "arn:aws:iam::111111111111:saml-provider/idp"}
)

// request is one of alice on a resource of her account.
func request(action string, resource arn.ARN) Request {
	return Request{Principal: alice, Action: action, Resource: resource, ResourceAccount: own}
}

// Documents of the tests, by short names.
const (
	allowAll = `{"Version":"2012-10-17","Statement":{"Sid":"all","Effect":"Allow","Action":"*","Resource":"*"}}`
	denyAll  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"no","Effect":"Deny","Action":"*","Resource":"*"}]}`
	other    = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"x:y","Resource":"*"}}`
	rcpFull  = `{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`
	rcpDeny  = `{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}`
)

// names is a resource policy that allows (or denies) everything to the principal.
func names(principal string) string {
	return `{"Statement":{"Effect":"Allow","Principal":` + principal + `,"Action":"*","Resource":"*"}}`
}

func denies(element, principal string) string {
	return `{"Statement":{"Effect":"Deny","` + element + `":` + principal + `,"Action":"*","Resource":"*"}}`
}

func trusts(principal string) string {
	return `{"Statement":{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}}`
}

func TestDecisions(t *testing.T) {
	const (
		byUser    = `{"AWS":"arn:aws:iam::111111111111:user/alice"}`
		byRole    = `{"AWS":"arn:aws:iam::111111111111:role/Ship"}`
		bySession = `{"AWS":"arn:aws:sts::111111111111:assumed-role/Ship/s1"}`
		byAcct    = `{"AWS":"111111111111"}`
		byRootARN = `{"AWS":"arn:aws:iam::111111111111:root"}`
		anybody   = `"*"`

		identityLacks = "because no identity-based policy allows the s:Do action"
		resourceLacks = "because no resource-based policy allows the s:Do action"
		boundaryLacks = "because no permissions boundary allows the s:Do action"
		sessionLacks  = "because no session policy allows the s:Do action"
		scpLacks      = "because no service control policy allows the s:Do action"
		rcpLacks      = "because no resource control policy allows the s:Do action"
		trustLacks    = "because no role trust policy allows the sts:AssumeRole action"
		assumeLacks   = "because no identity-based policy allows the sts:AssumeRole action"
	)
	type set struct {
		identity, boundary, session, resource, trust string
		scps, rcps                                   []string
	}
	for _, tt := range []struct {
		name  string
		who   Principal
		cross bool
		rule  Rule
		p     set
		want  string // "" is allowed, else the phrase
	}{
		{"no policy at all", alice, false, Standard, set{}, identityLacks},
		{"identity allows", alice, false, Standard, set{identity: allowAll}, ""},
		{"identity denies", alice, false, Standard, set{identity: denyAll}, "with an explicit deny in an identity-based policy"},
		{"resource names the user", alice, false, Standard, set{resource: names(byUser)}, ""},
		{"resource names the user by id", alice, false, Standard, set{resource: names(`{"AWS":"AIDA0123456789ALICE0"}`)}, ""},
		{"resource names the account", alice, false, Standard, set{resource: names(byAcct)}, identityLacks},
		{"resource names the account's root", alice, false, Standard, set{resource: names(byRootARN)}, identityLacks},
		{"resource names everybody", alice, false, Standard, set{resource: names(anybody)}, ""},
		{"resource names another user", alice, false, Standard, set{resource: names(`{"AWS":"arn:aws:iam::111111111111:user/bob"}`)}, identityLacks},
		{"resource denies", alice, false, Standard, set{identity: allowAll, resource: denies("Principal", byAcct)}, "with an explicit deny in a resource-based policy"},

		{"boundary limits identity", alice, false, Standard, set{identity: allowAll, boundary: other}, boundaryLacks},
		{"boundary alone grants nothing", alice, false, Standard, set{boundary: allowAll}, identityLacks},
		{"boundary denies", alice, false, Standard, set{identity: allowAll, boundary: denyAll}, "with an explicit deny in a permissions boundary"},
		{"boundary does not limit a resource policy that names the user", alice, false, Standard, set{boundary: other, resource: names(byUser)}, ""},
		{"boundary does not limit a resource policy for everybody", alice, false, Standard, set{boundary: other, resource: names(anybody)}, ""},
		{"boundary limits a resource policy that names the role", ship, false, Standard, set{boundary: other, resource: names(byRole)}, boundaryLacks},
		{"boundary denies what a resource policy grants", alice, false, Standard, set{boundary: denyAll, resource: names(byUser)}, "with an explicit deny in a permissions boundary"},

		{"session policy limits identity", ship, false, Standard, set{identity: allowAll, session: other}, sessionLacks},
		{"session policy grants nothing", ship, false, Standard, set{session: allowAll}, identityLacks},
		{"session policy denies", ship, false, Standard, set{identity: allowAll, session: denyAll}, "with an explicit deny in a session policy"},
		{"resource names the role", ship, false, Standard, set{resource: names(byRole)}, ""},
		{"resource names the role by id", ship, false, Standard, set{resource: names(`{"AWS":"AROA0123456789SHIP00"}`)}, ""},
		{"session policy limits a resource policy that names the role", ship, false, Standard, set{session: other, resource: names(byRole)}, sessionLacks},
		{"session policy does not limit one that names the session", ship, false, Standard, set{session: other, resource: names(bySession)}, ""},
		{"resource names another session", ship, false, Standard, set{resource: names(`{"AWS":"arn:aws:sts::111111111111:assumed-role/Ship/s2"}`)}, identityLacks},

		{"a federated user without a session policy", fed, false, Standard, set{identity: allowAll}, sessionLacks},
		{"a federated user within the session policy", fed, false, Standard, set{identity: allowAll, session: allowAll}, ""},
		{"a federated user of the root user, within the session policy", rootFed, false, Standard, set{session: allowAll}, ""},
		{"a federated user of the root user, without one", rootFed, false, Standard, set{}, sessionLacks},
		{"a federated user that a resource names", fed, false, Standard, set{resource: names(`{"AWS":"arn:aws:sts::111111111111:federated-user/fed"}`)}, ""},
		{"a federated user whose user a resource names", fed, false, Standard, set{resource: names(byUser)}, sessionLacks},

		{"root needs no policy", root, false, Standard, set{}, ""},
		{"root under an SCP", root, false, Standard, set{scps: []string{other}}, scpLacks},
		{"root denied by the resource", root, false, Standard, set{resource: denies("Principal", byAcct)}, "with an explicit deny in a resource-based policy"},
		{"root of another account", root, true, Standard, set{}, resourceLacks},
		{"root of another account that the resource names", root, true, Standard, set{resource: names(byAcct)}, ""},

		{"other account, identity alone", alice, true, Standard, set{identity: allowAll}, resourceLacks},
		{"other account, resource alone", alice, true, Standard, set{resource: names(byUser)}, identityLacks},
		{"other account, both", alice, true, Standard, set{identity: allowAll, resource: names(byAcct)}, ""},
		{"other account, boundary limits even who is named", alice, true, Standard, set{identity: allowAll, boundary: other, resource: names(byUser)}, boundaryLacks},
		{"other account, session policy limits even who is named", ship, true, Standard, set{identity: allowAll, session: other, resource: names(bySession)}, sessionLacks},

		{"an SCP allows nothing by itself", alice, false, Standard, set{scps: []string{allowAll}}, identityLacks},
		{"every level of SCPs must allow", alice, false, Standard, set{identity: allowAll, scps: []string{allowAll, other}}, scpLacks},
		{"all levels of SCPs allow", alice, false, Standard, set{identity: allowAll, scps: []string{allowAll, allowAll}}, ""},
		{"an SCP denies", alice, false, Standard, set{identity: allowAll, scps: []string{denyAll}}, "with an explicit deny in a service control policy"},
		{"an SCP limits a resource policy too", alice, false, Standard, set{resource: names(byUser), scps: []string{other}}, scpLacks},
		{"SCPs do not bind services", logs, false, Standard, set{resource: names(`{"Service":"logs.amazonaws.com"}`), scps: []string{denyAll}}, ""},
		{"an RCP that allows everything", alice, false, Standard, set{identity: allowAll, rcps: []string{rcpFull}}, ""},
		{"an RCP denies", alice, false, Standard, set{identity: allowAll, rcps: []string{rcpDeny}}, "with an explicit deny in a resource control policy"},
		{"an RCP binds services", logs, false, Standard, set{resource: names(`{"Service":"logs.amazonaws.com"}`), rcps: []string{rcpDeny}}, "with an explicit deny in a resource control policy"},

		{"a service by its other name", logs, true, Standard, set{resource: names(`{"Service":"logs.us-east-1.amazonaws.com"}`)}, ""},
		{"a service of another Region", logs, true, Standard, set{resource: names(`{"Service":"logs.eu-west-1.amazonaws.com"}`)}, resourceLacks},
		{"a service under an AWS principal", logs, true, Standard, set{resource: names(`{"AWS":"logs.amazonaws.com"}`)}, resourceLacks},
		{"a service and everybody", logs, true, Standard, set{resource: names(anybody)}, ""},
		{"nobody and everybody", anon, true, Standard, set{resource: names(anybody)}, ""},
		{"nobody and an account", anon, true, Standard, set{resource: names(byAcct)}, resourceLacks},

		{"resource only, identity is not enough", alice, false, ResourceOnly, set{identity: allowAll}, resourceLacks},
		{"resource only, naming the account is enough", alice, true, ResourceOnly, set{resource: names(byAcct)}, ""},
		{"resource only, a denial of the identity counts", alice, true, ResourceOnly, set{identity: denyAll, resource: names(byAcct)}, "with an explicit deny in an identity-based policy"},
		{"resource only, root needs it too", root, false, ResourceOnly, set{}, resourceLacks},

		{"NotPrincipal spares who is listed with the account", alice, false, Standard, set{identity: allowAll, resource: denies("NotPrincipal", `{"AWS":["111111111111","arn:aws:iam::111111111111:user/alice"]}`)}, ""},
		{"NotPrincipal without the account", alice, false, Standard, set{identity: allowAll, resource: denies("NotPrincipal", byUser)}, "with an explicit deny in a resource-based policy"},
		{"NotPrincipal with the account alone", alice, false, Standard, set{identity: allowAll, resource: denies("NotPrincipal", byAcct)}, "with an explicit deny in a resource-based policy"},
		{"NotPrincipal with the account spares its root", root, false, Standard, set{resource: denies("NotPrincipal", byAcct)}, ""},
		{"NotPrincipal without the session", ship, false, Standard, set{identity: allowAll, resource: denies("NotPrincipal", `{"AWS":["111111111111","arn:aws:iam::111111111111:role/Ship"]}`)}, "with an explicit deny in a resource-based policy"},
		{"NotPrincipal with account, role and session", ship, false, Standard, set{identity: allowAll, resource: denies("NotPrincipal", `{"AWS":["111111111111","arn:aws:iam::111111111111:role/Ship","arn:aws:sts::111111111111:assumed-role/Ship/s1"]}`)}, ""},
		{"NotPrincipal spares a service", logs, false, Standard, set{resource: denies("NotPrincipal", `{"Service":"logs.amazonaws.com"}`)}, resourceLacks},
		{"NotPrincipal denies nobody", anon, false, Standard, set{resource: denies("NotPrincipal", byAcct)}, "with an explicit deny in a resource-based policy"},

		{"a role without trust", alice, false, Standard, set{identity: allowAll, trust: trusts(`{"Service":"logs.amazonaws.com"}`)}, trustLacks},
		{"a role that trusts the account, identity silent", alice, false, Standard, set{trust: trusts(byAcct)}, assumeLacks},
		{"a role that trusts the account, identity allows", alice, false, Standard, set{identity: allowAll, trust: trusts(byAcct)}, ""},
		{"a role that trusts the user", alice, false, Standard, set{trust: trusts(byUser)}, ""},
		{"a role that trusts everybody, other account", alice, true, Standard, set{trust: trusts(anybody)}, assumeLacks},
		{"a role of another account without trust", alice, true, Standard, set{identity: allowAll, trust: trusts(`{"AWS":"222222222222"}`)}, trustLacks},
		{"a role that trusts the provider", saml, false, Standard, set{trust: trusts(`{"Federated":"arn:aws:iam::111111111111:saml-provider/idp"}`)}, ""},
		{"a role that trusts another provider", saml, false, Standard, set{trust: trusts(`{"Federated":"accounts.google.com"}`)}, trustLacks},
		{"a trust policy that denies", alice, false, Standard, set{identity: allowAll, trust: `{"Statement":{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}}`}, "with an explicit deny in the role trust policy"},
		{"root needs trust", root, false, Standard, set{trust: trusts(byUser)}, trustLacks},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := scene{Boundary: tt.p.boundary, Resource: tt.p.resource}
			s.Identity, s.Session = present1(tt.p.identity), present1(tt.p.session)
			for _, text := range tt.p.scps {
				s.SCPs = append(s.SCPs, []string{text})
			}
			for _, text := range tt.p.rcps {
				s.RCPs = append(s.RCPs, []string{text})
			}
			req := Request{Principal: tt.who, Action: "s:Do", Resource: "arn:aws:s:::x", ResourceAccount: own}
			if tt.p.trust != "" {
				s.Resource, s.Trust = tt.p.trust, true
				req.Action, req.Resource = "sts:AssumeRole", "arn:aws:iam::111111111111:role/R"
			}
			if tt.cross {
				req.ResourceAccount = foreign
			}
			p, err := s.policies()
			if err != nil {
				t.Fatal(err)
			}
			got := Explain(req, p, tt.rule)
			if phrase := got.DenialPhrase(req.Action); phrase != tt.want || got.Allowed() != (tt.want == "") {
				t.Errorf("got  %v %q\nwant %q\nreasons:\n%s", got.Effect, phrase, tt.want, list(got.Reasons))
			}
		})
	}
}

func TestARoleWithoutTrustPolicyCannotBeAssumed(t *testing.T) {
	p := Policies{Identity: []Source{{Document: mustParse(t, allowAll, Identity)}}}
	got := Evaluate(request("sts:assumerole", "arn:aws:iam::111111111111:role/R"), p, Standard)
	if want := "because no role trust policy allows the sts:AssumeRole action"; got.DenialPhrase("sts:AssumeRole") != want {
		t.Errorf("got %v %q, want %q", got.Effect, got.DenialPhrase("sts:AssumeRole"), want)
	}
}

// A role's own policy must be a trust policy: with another, identity alone would
// be enough.
func TestARoleWithAResourcePolicyCannotBeAssumed(t *testing.T) {
	p := Policies{
		Identity: []Source{{Document: mustParse(t, allowAll, Identity)}},
		Resource: &Source{Document: mustParse(t, names(`"*"`), Resource)},
	}
	got := Evaluate(request("sts:AssumeRole", "arn:aws:iam::111111111111:role/R"), p, Standard)
	if got.Effect != ImplicitDeny || got.By != TrustPolicy {
		t.Errorf("got %v by %v, want an implicit denial by the trust policy", got.Effect, got.By)
	}
}

// A caller that forgets to say whose the resource is must not open it.
func TestAResourceWithoutOwnerIsForeign(t *testing.T) {
	p := Policies{Identity: []Source{{Document: mustParse(t, allowAll, Identity)}}}
	req := request("s:Do", "arn:aws:s:::x")
	req.ResourceAccount = ""
	if got := Evaluate(req, p, Standard); got.Effect != ImplicitDeny || got.By != ResourcePolicy {
		t.Errorf("got %v by %v, want an implicit denial by the resource", got.Effect, got.By)
	}
	req.Resource = "*"
	if got := Evaluate(req, p, Standard); !got.Allowed() {
		t.Errorf("got %v for no resource, want allowed", got.Effect)
	}
}

func TestWhatCannotBeReadDenies(t *testing.T) {
	good := mustParse(t, allowAll, Identity)
	all := []Source{{Name: "good", Document: good}}
	trust := mustParse(t, trusts(`"*"`), Trust)
	for name, p := range map[string]Policies{
		"identity without document":   {Identity: []Source{{Name: "good", Document: good}, {Name: "bad"}}},
		"boundary without document":   {Identity: all, Boundary: &Source{Name: "bad"}},
		"session without document":    {Identity: all, Session: []Source{{Name: "bad"}, {Name: "good", Document: good}}},
		"resource without document":   {Identity: all, Resource: &Source{Name: "bad"}},
		"SCP without document":        {Identity: all, SCPs: [][]Source{{{Name: "bad"}}}},
		"RCP without document":        {Identity: all, RCPs: [][]Source{{{Name: "bad"}}}},
		"identity policy as resource": {Identity: all, Resource: &Source{Name: "bad", Document: good}},
		"identity policy as SCP":      {Identity: all, SCPs: [][]Source{{{Name: "bad", Document: good}}}},
		"trust policy as boundary":    {Identity: all, Boundary: &Source{Name: "bad", Document: trust}},
		"trust policy as identity":    {Identity: []Source{{Name: "bad", Document: trust}}},
		"the zero document":           {Identity: append([]Source{{Name: "bad", Document: &Document{}}}, all...)},
	} {
		got := Explain(request("s:Do", "*"), p, Standard)
		if got.Effect != ImplicitDeny || got.Source != "bad" {
			t.Errorf("%s: got %v by %q, want a denial by the bad one", name, got.Effect, got.Source)
		}
		if !strings.Contains(list(got.Reasons), `"bad": cannot be read`) {
			t.Errorf("%s: the reasons do not say so:\n%s", name, list(got.Reasons))
		}
	}
}

func TestAnEmptyLevelAllowsNothing(t *testing.T) {
	p := Policies{Identity: []Source{{Document: mustParse(t, allowAll, Identity)}}, SCPs: [][]Source{{}}}
	if got := Evaluate(request("s:Do", "*"), p, Standard); got.Effect != ImplicitDeny || got.By != ServiceControlPolicy {
		t.Errorf("got %v by %v, want an implicit denial by an SCP", got.Effect, got.By)
	}
}

// A role that was deleted and made again is not the role that the policy meant.
func TestResolvedPrincipalsMatchByIDOnly(t *testing.T) {
	d := mustParse(t, trusts(`{"AWS":["arn:aws:iam::111111111111:role/Ship","arn:aws:iam::111111111111:user/gone"]}`), Trust)
	resolved := d.ResolvePrincipals(func(a arn.ARN) string {
		if a == "arn:aws:iam::111111111111:role/Ship" {
			return "AROA0123456789SHIP00"
		}
		return ""
	})
	again := ship
	again.ID = "AROA9999999999SHIP99:s1"
	for _, tt := range []struct {
		name string
		d    *Document
		who  Principal
		want Effect
	}{
		{"by ARN, first role", d, ship, Allow},
		{"by ARN, second role", d, again, Allow},
		{"by id, first role", resolved, ship, Allow},
		{"by id, second role", resolved, again, ImplicitDeny},
	} {
		req := Request{Principal: tt.who, Action: "sts:AssumeRole", Resource: "arn:aws:iam::111111111111:role/R", ResourceAccount: own}
		if got := Evaluate(req, Policies{Resource: &Source{Document: tt.d}}, Standard); got.Effect != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got.Effect, tt.want)
		}
	}
	if got := resolved.Statements()[0].Principals[0].Value; got != "arn:aws:iam::111111111111:role/Ship" {
		t.Errorf("the resolved document shows %q, want the ARN as written", got)
	}
}

func TestReasonsSayWhatDecidedAndWhatWasMissing(t *testing.T) {
	identity := mustParse(t, `{"Version":"2012-10-17","Statement":[
	 {"Effect":"Allow","Action":"s:Other","Resource":"*"},
	 {"Effect":"Allow","Action":"s:Do","Resource":"arn:aws:s:::y"},
	 {"Sid":"Org","Effect":"Allow","Action":"s:Do","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"},"Bool":{"aws:SecureTransport":"true"}}}]}`, Managed)
	p := Policies{Identity: []Source{{Name: "mine", Document: identity}}}
	req := request("s:Do", "arn:aws:s:::x")
	req.Context = Context{"aws:securetransport": {"true"}}

	denied := Explain(req, p, Standard)
	const wantDenied = `  identity-based policy "mine" statement 0 Allow: action differs
  identity-based policy "mine" statement 1 Allow: resource differs
  identity-based policy "mine" statement 2 (Org) Allow: condition fails; StringEquals aws:principalorgid wants ["o-1"], the request has none
  identity-based policy: nothing allows
`
	if got := list(denied.Reasons); got != wantDenied {
		t.Errorf("got\n%swant\n%s", got, wantDenied)
	}
	if last := denied.Reasons[3]; !last.Decided || denied.Statement != -1 || denied.Effect != ImplicitDeny {
		t.Errorf("got %+v, %+v; want the last reason to decide", denied.Effect, last)
	}
	nearest := denied.Reasons[0]
	for _, r := range denied.Reasons {
		if r.Outcome > nearest.Outcome {
			nearest = r
		}
	}
	if nearest.Sid != "Org" {
		t.Errorf("the nearest statement is %v, want Org", nearest)
	}

	req.Context["aws:principalorgid"] = []string{"o-1"}
	allowed := Explain(req, p, Standard)
	if allowed.Source != "mine" || allowed.Statement != 2 || allowed.Sid != "Org" || allowed.By != IdentityPolicy || allowed.DenialPhrase("s:Do") != "" {
		t.Errorf("got %+v, want statement 2 of mine", allowed)
	}
	if r := allowed.Reasons[2]; !r.Decided || len(r.Conditions) != 2 || !r.Conditions[0].Held {
		t.Errorf("got %+v, want it to decide, with both conditions held", r)
	}
	if Evaluate(req, p, Standard).Reasons != nil {
		t.Error("Evaluate returned reasons")
	}
}

func TestVariablesInResources(t *testing.T) {
	for _, tt := range []struct {
		version, resource, requested string
		want                         bool
	}{
		{"2012-10-17", "arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::home/alice/x", true},
		{"2012-10-17", "arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::home/bob/x", false},
		{"2008-10-17", "arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::home/alice/x", false},
		{"2008-10-17", "arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::home/${aws:username}/x", true},
		{"2012-10-17", "arn:aws:s3:::${aws:PrincipalTag/team, 'all'}", "arn:aws:s3:::all", true},
		{"2012-10-17", "arn:aws:s3:::${aws:PrincipalTag/team}", "arn:aws:s3:::", false},
		// Before the sixth part a variable is plain text.
		{"2012-10-17", "arn:aws:kinesis:us-east-1:${aws:PrincipalAccount}:stream/s", "arn:aws:kinesis:us-east-1:111111111111:stream/s", false},
		{"2012-10-17", "arn:aws:kinesis:*:*:stream/${aws:username}", "arn:aws:kinesis:us-east-1:111111111111:stream/alice", true},
		{"2012-10-17", "arn:aws:kinesis:*:stream/${aws:username}", "arn:aws:kinesis:us-east-1:111111111111:stream/alice", false},
		{"2012-10-17", "arn:aws:s3:::a${*}", "arn:aws:s3:::ab", false},
		{"2012-10-17", "arn:aws:s3:::a${*}", "arn:aws:s3:::a*", true},
	} {
		d := mustParse(t, `{"Version":"`+tt.version+`","Statement":{"Effect":"Allow","Action":"*","Resource":"`+tt.resource+`"}}`, Identity)
		req := request("s3:GetObject", arn.ARN(tt.requested))
		req.Context = Context{"aws:username": {"alice"}, "aws:principalaccount": {own}}
		if got := Evaluate(req, Policies{Identity: []Source{{Document: d}}}, Standard).Allowed(); got != tt.want {
			t.Errorf("%s %s on %s: %v, want %v", tt.version, tt.resource, tt.requested, got, tt.want)
		}
	}
}
