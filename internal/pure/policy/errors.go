package policy

import "fmt"

// The sentences in which IAM refuses a document (MalformedPolicyDocument).
const (
	invalidJSON     = "This policy contains invalid Json"
	syntaxErrors    = "Syntax errors in policy."
	oldVersion      = "Policy document must be version 2012-10-17 or greater."
	legacyParsing   = "The policy failed legacy parsing"
	sidNotUnique    = "Statement IDs (SID) in a single policy must be unique."
	sidCharacters   = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
	noActions       = "Policy statement must contain actions."
	noResources     = "Policy statement must contain resources."
	noVendor        = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	twoColons       = "Actions/Condition can contain only one colon."
	resourceVendor  = "Resource vendor must be fully qualified and cannot contain regexes."
	hasPrincipal    = "Policy document should not specify a principal."
	lacksPrincipal  = "Missing required field Principal"
	hasResource     = "Has prohibited field Resource."
	notAssumeRole   = "Trust Policy statement actions can only be sts:AssumeRole, sts:AssumeRoleWithSAML,  and sts:AssumeRoleWithWebIdentity"
	unmetForType    = "The provided policy document does not meet the requirements of the specified policy type."
	iamResourcePath = `IAM resource path must either be "*", root, or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.`
)

// A ParseError says why a document is refused and where.
type ParseError struct {
	// Reason is the sentence in which IAM refuses such a document. Services with
	// words of their own (CloudWatch Logs) use theirs.
	Reason string
	// Detail says it more exactly, in our words; it may quote the document.
	Detail string
	// Pointer is the JSON pointer (RFC 6901) of the offending value, and Offset
	// the byte at or shortly after which it stands.
	Pointer string
	Offset  int64
	// NotJSON is true where the text is not one JSON value with unique names.
	NotJSON bool
}

// Error gives the reason, the detail and the place.
func (e *ParseError) Error() string {
	where := e.Pointer
	if where == "" {
		where = "/"
	}
	return fmt.Sprintf("policy: %s (%s, at %s, byte %d)", e.Reason, e.Detail, where, e.Offset)
}
