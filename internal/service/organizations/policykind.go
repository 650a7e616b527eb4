package organizations

import (
	"slices"
	"strings"

	"tributary/internal/pure/policy"
)

// A policyKind is what there is to know of one type of policy.
type policyKind struct {
	name string // as on the wire
	noun string // as in reasons
	// usage is that of the policy language; 0 for policies that are merged trees
	// of settings (DescribeEffectivePolicy).
	usage policy.Usage
	// managed is AWS's own policy of the type, which is attached to everything
	// when the type is enabled.
	managed     *policyRecord
	maxSize     int // of a policy, in characters
	maxPolicies int // in an organization
	maxAttached int // to one target
}

// path is how ARNs spell the type.
func (k *policyKind) path() string { return strings.ToLower(k.name) }

const (
	fullAccessID    = "p-FullAWSAccess"
	rcpFullAccessID = "p-RCPFullAWSAccess"
)

var serviceControl = &policyKind{
	name: "SERVICE_CONTROL_POLICY", noun: "service control policy", usage: policy.SCP,
	managed: &policyRecord{
		ID: fullAccessID, Type: "SERVICE_CONTROL_POLICY", Name: "FullAWSAccess", Description: "Allows access to every operation",
		Content: `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "*",
      "Resource": "*"
    }
  ]
}`,
	},
	maxSize: 10240, maxPolicies: 10000, maxAttached: 10,
}

var resourceControl = &policyKind{
	name: "RESOURCE_CONTROL_POLICY", noun: "resource control policy", usage: policy.RCP,
	managed: &policyRecord{
		ID: rcpFullAccessID, Type: "RESOURCE_CONTROL_POLICY", Name: "RCPFullAWSAccess", Description: "Allows access to every resource",
		Content: `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": "*",
      "Action": "*",
      "Resource": "*"
    }
  ]
}`,
	},
	maxSize: 5120, maxPolicies: 1000, maxAttached: 5,
}

// policyKinds are all types of policy, in the order of the model.
var policyKinds = []*policyKind{
	serviceControl,
	resourceControl,
	merged("TAG_POLICY", 10000),
	merged("BACKUP_POLICY", 10000),
	merged("AISERVICES_OPT_OUT_POLICY", 2500),
	merged("CHATBOT_POLICY", 10000),
	merged("DECLARATIVE_POLICY_EC2", 10000),
	merged("SECURITYHUB_POLICY", 10000),
	merged("INSPECTOR_POLICY", 10000),
	merged("UPGRADE_ROLLOUT_POLICY", 10000),
	merged("BEDROCK_POLICY", 10000),
	merged("S3_POLICY", 10000),
	merged("NETWORK_SECURITY_DIRECTOR_POLICY", 10000),
	merged("GUARDDUTY_POLICY", 10000),
	merged("SECURITYHUB_CSPM_POLICY", 10000),
}

func merged(name string, maxSize int) *policyKind {
	noun := strings.ToLower(strings.ReplaceAll(name, "_", " "))
	return &policyKind{name: name, noun: noun, maxSize: maxSize, maxPolicies: 1000, maxAttached: 10}
}

// kindOf is the type of that name. The shapes let no other name through.
func kindOf(name string) *policyKind {
	i := slices.IndexFunc(policyKinds, func(k *policyKind) bool { return k.name == name })
	if i < 0 {
		panic("organizations: no policy type " + name)
	}
	return policyKinds[i]
}

// managedPolicy is AWS's policy of that id, nil where there is none.
func managedPolicy(id string) *policyRecord {
	for _, k := range policyKinds {
		if k.managed != nil && k.managed.ID == id {
			return k.managed
		}
	}
	return nil
}
