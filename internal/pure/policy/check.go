package policy

import (
	"fmt"
	"slices"
	"strings"
)

// A checker turns a tree into a document. IAM complains about the first thing it
// finds, and looks in a fixed order over the whole document: version, effects
// and condition values and the shape of ARNs ("legacy parsing"), Sids, that
// actions and resources are there, resources, actions. So do we.
type checker struct {
	tree  *tree
	usage Usage
	doc   *Document
}

func compile(t *tree, usage Usage) (*Document, *ParseError) {
	c := checker{tree: t, usage: usage, doc: &Document{usage: usage, version: t.version, id: t.id}}
	if c.doc.version == "" {
		c.doc.version = version2008
	}
	c.doc.statements = make([]statement, len(t.statements))
	for _, check := range []func() *ParseError{
		c.checkVersion, c.compileStatements, c.checkSids, c.checkPresence, c.checkResources, c.checkActions, c.checkType,
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return c.doc, nil
}

// refuse is the complaint about an element of statement i.
func (c *checker) refuse(i int, element, reason, format string, args ...any) *ParseError {
	return &ParseError{
		Reason: reason, Detail: fmt.Sprintf(format, args...),
		Pointer: c.tree.at(i, element), Offset: c.tree.statements[i].offset,
	}
}

func (c *checker) checkVersion() *ParseError {
	if c.usage != Managed || c.doc.version == Version2012 {
		return nil
	}
	return &ParseError{Reason: oldVersion, Detail: "Version is " + c.doc.version, Pointer: "/Version"}
}

// compileStatements compiles everything that has a compiled form.
func (c *checker) compileStatements() *ParseError {
	withVariables := c.doc.version == Version2012
	for i := range c.tree.statements {
		from, to := &c.tree.statements[i], &c.doc.statements[i]
		to.sid, to.text, to.from, to.to = from.sid, from.text, from.from, from.to
		switch from.effect {
		case "Allow":
			to.effect = Allow
		case "Deny":
			to.effect = ExplicitDeny
		default:
			return c.refuse(i, "Effect", legacyParsing, "Effect is %q, not Allow or Deny", from.effect)
		}
		if err := c.compilePrincipals(i); err != nil {
			return err
		}
		to.notAction, to.notResource = from.notAction != nil, from.notResource != nil
		for _, text := range from.actions() {
			to.actions = append(to.actions, compileAction(text))
		}
		for _, text := range from.resources() {
			p, err := compileResource(text, withVariables)
			if err != nil {
				return c.refuse(i, resourceElement(from), legacyParsing, "%s", err)
			}
			to.resources = append(to.resources, p)
		}
		for _, ct := range from.conditions {
			cond, err := compileCondition(ct, withVariables)
			if err != nil {
				perr := c.refuse(i, "Condition/"+ct.operator+"/"+pointerEscape(ct.key), legacyParsing, "%s", err)
				perr.Offset = ct.offset
				return perr
			}
			to.conditions = append(to.conditions, cond)
		}
	}
	return nil
}

func (c *checker) compilePrincipals(i int) *ParseError {
	from, to := &c.tree.statements[i], &c.doc.statements[i]
	element, written := "Principal", from.principal
	if from.notPrincipal != nil {
		element, written = "NotPrincipal", from.notPrincipal
	}
	switch c.usage {
	case Resource, Trust, RCP:
		if written == nil {
			return c.refuse(i, "", lacksPrincipal, "a statement has neither Principal nor NotPrincipal")
		}
	default:
		if written != nil {
			return c.refuse(i, element, hasPrincipal, "a policy of this kind has no %s", element)
		}
		return nil
	}
	p, bad := compilePrincipals(written.names, c.usage == Resource)
	if bad != nil {
		return c.refuse(i, element, bad.invalid(), "%q is not a principal", bad.Value)
	}
	if len(written.names) == 0 {
		return c.refuse(i, element, syntaxErrors, "%s is empty", element)
	}
	p.except = from.notPrincipal != nil
	to.principals = p
	return nil
}

func (c *checker) checkSids() *ParseError {
	seen := map[string]bool{}
	for i := range c.tree.statements {
		sid := c.tree.statements[i].sid
		if sid == "" {
			continue
		}
		if seen[sid] {
			return c.refuse(i, "Sid", sidNotUnique, "Sid %q occurs twice", sid)
		}
		seen[sid] = true
		if c.usage != Resource && strings.ContainsFunc(sid, notAlphanumeric) {
			return c.refuse(i, "Sid", sidCharacters, "Sid %q", sid)
		}
	}
	return nil
}

func (c *checker) checkPresence() *ParseError {
	for i := range c.tree.statements {
		if len(c.doc.statements[i].actions) == 0 {
			return c.refuse(i, "", noActions, "a statement has neither Action nor NotAction, or an empty one")
		}
	}
	for i := range c.tree.statements {
		st := &c.tree.statements[i]
		if c.usage == Trust {
			if st.resource != nil || st.notResource != nil {
				return c.refuse(i, resourceElement(st), hasResource, "a trust policy speaks of its own role only")
			}
			continue
		}
		if len(c.doc.statements[i].resources) == 0 {
			return c.refuse(i, "", noResources, "a statement has neither Resource nor NotResource, or an empty one")
		}
	}
	return nil
}

func (c *checker) checkResources() *ParseError {
	for i := range c.tree.statements {
		st := &c.tree.statements[i]
		for _, text := range st.resources() {
			if reason := resourceComplaint(text, c.usage); reason != "" {
				return c.refuse(i, resourceElement(st), reason, "%q", text)
			}
		}
	}
	return nil
}

// resourceComplaint is what IAM says against a resource, or "".
func resourceComplaint(text string, usage Usage) string {
	if text == "*" {
		return ""
	}
	head, rest, ok := strings.Cut(text, ":")
	if !ok || head != "arn" {
		return `Resource ` + text + ` must be in ARN format or "*".`
	}
	partition, rest, hasVendor := strings.Cut(rest, ":")
	switch partition {
	case "*", "aws", "aws-cn", "aws-us-gov":
	default:
		return partitionComplaint(partition, rest)
	}
	if !hasVendor {
		return resourceVendor
	}
	// What follows is IAM's rule for its own resources, checked where IAM checks.
	vendor, rest, _ := strings.Cut(rest, ":")
	if usage == Resource || vendor != "iam" {
		return ""
	}
	region, rest, full := strings.Cut(rest, ":")
	_, path, hasPath := strings.Cut(rest, ":")
	if region != "" && full {
		return "IAM resource " + text + " cannot contain region information."
	}
	if hasPath && path != "*" && path != "root" && !startsWithAny(path, "user/", "federated-user/", "role/", "group/",
		"instance-profile/", "mfa/", "server-certificate/", "policy/", "sms-mfa/", "saml-provider/", "oidc-provider/",
		"report/", "access-report/") {
		return iamResourcePath
	}
	return ""
}

// partitionComplaint prints the ARN with the parts that it lacks as asterisks.
func partitionComplaint(partition, rest string) string {
	parts := strings.SplitN(rest, ":", 4)
	if len(parts) == 1 && parts[0] == "" {
		parts[0] = "*"
	}
	for len(parts) < 4 {
		parts = append(parts, "*")
	}
	return fmt.Sprintf("Partition \"%s\" is not valid for resource \"arn:%s:%s\".", partition, partition, strings.Join(parts, ":"))
}

func (c *checker) checkActions() *ParseError {
	for i := range c.tree.statements {
		st := &c.tree.statements[i]
		element := "Action"
		if st.notAction != nil {
			element = "NotAction"
		}
		for _, text := range st.actions() {
			if reason := actionComplaint(text); reason != "" {
				return c.refuse(i, element, reason, "%q", text)
			}
			if c.usage == Trust && !coversTrustAction(text) {
				return c.refuse(i, element, notAssumeRole, "%q", text)
			}
		}
	}
	return nil
}

// actionComplaint is what IAM says against an action, or "".
func actionComplaint(text string) string {
	if text == "*" {
		return ""
	}
	vendor, name, ok := strings.Cut(text, ":")
	switch {
	case !ok:
		return noVendor
	case strings.Contains(name, ":"):
		return twoColons
	case vendor != "*" && strings.ContainsFunc(vendor, func(r rune) bool {
		return notAlphanumeric(r) && r != '-' && r != '.'
	}):
		return "Vendor " + vendor + " is not valid"
	}
	return ""
}

// checkType holds what is asked of particular types of policy.
func (c *checker) checkType() *ParseError {
	if c.usage != RCP {
		return nil
	}
	for i := range c.tree.statements {
		st := &c.tree.statements[i]
		if st.notAction != nil {
			return c.refuse(i, "NotAction", unmetForType, "a resource control policy has no NotAction")
		}
		p := c.doc.statements[i].principals
		if p.except || len(p.names) != 1 || !p.anyone {
			return c.refuse(i, "Principal", unmetForType, `the Principal of a resource control policy is "*"`)
		}
		everything := one(st.action, "*") && one(st.resource, "*") && len(st.conditions) == 0
		if st.effect == "Allow" && !everything {
			return c.refuse(i, "Effect", unmetForType, "a resource control policy denies; only the one that allows everything may allow")
		}
	}
	return nil
}

// trustActions are the actions that a trust policy can grant.
var trustActions = [...]string{
	"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity",
	"sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext",
}

// coversTrustAction reports whether an action pattern of STS covers an action
// that a trust policy can grant.
func coversTrustAction(text string) bool {
	if len(text) < 4 || !strings.EqualFold(text[:4], "sts:") {
		return false
	}
	p := compileAction(text)
	return slices.ContainsFunc(trustActions[:], p.matchesFold)
}

func resourceElement(st *statementTree) string {
	if st.notResource != nil {
		return "NotResource"
	}
	return "Resource"
}

func notAlphanumeric(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

func startsWithAny(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

func one(list []string, s string) bool { return len(list) == 1 && list[0] == s }

// pointerEscape escapes a name for a JSON pointer.
func pointerEscape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
