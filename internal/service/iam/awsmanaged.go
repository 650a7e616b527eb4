package iam

import (
	"crypto/sha256"
	"embed"
	"encoding/base32"
	"fmt"
	"iter"
	"path"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
)

// awsAccount stands in the ARNs of AWS's managed policies where others have an
// account. Nobody can sign as it.
const awsAccount arn.AccountID = "aws"

// awsManaged holds AWS's managed policies: a file of its name for each, in the
// folders of its path. The documents say what AWS's say about the services that
// are here and in outline about others.
//
//go:embed awsmanaged
var awsManaged embed.FS

// An awsPolicyFile is a file of awsManaged.
type awsPolicyFile struct {
	Description string         `json:"description"`
	Document    jsontext.Value `json:"document"`
}

// awsPolicyARN is the ARN of AWS's policy with that path and name, /path/name.
func awsPolicyARN(pathAndName string) string {
	return string(arn.New("iam", "", awsAccount, "policy"+pathAndName))
}

// readAWSPolicies are AWS's managed policies by ARN, each in its one version.
func readAWSPolicies() (map[string]policyRecord, error) {
	policies := map[string]policyRecord{}
	return policies, readFolder(policies, "awsmanaged")
}

func readFolder(policies map[string]policyRecord, folder string) error {
	entries, err := awsManaged.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("read AWS's managed policies: %w", err)
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		if e.IsDir() {
			if err := readFolder(policies, name); err != nil {
				return err
			}
			continue
		}
		p, err := readAWSPolicy(name)
		if err != nil {
			return fmt.Errorf("AWS's managed policy %s: %w", name, err)
		}
		policies[string(p.named("policy"))] = p
	}
	return nil
}

func readAWSPolicy(file string) (policyRecord, error) {
	text, err := awsManaged.ReadFile(file)
	if err != nil {
		return policyRecord{}, err
	}
	var f awsPolicyFile
	if err := json.Unmarshal(text, &f, json.RejectUnknownMembers(true)); err != nil {
		return policyRecord{}, err
	}
	if _, err := policy.Parse(string(f.Document), policy.Managed); err != nil {
		return policyRecord{}, err
	}
	folder, name := path.Split(strings.TrimPrefix(file, "awsmanaged"))
	name = strings.TrimSuffix(name, ".json")
	// AWS's ids are not documented: ours are made of the name.
	sum := sha256.Sum256([]byte(name))
	created := time.Date(2015, 2, 6, 18, 39, 46, 0, time.UTC)
	return policyRecord{
		Entity: Entity{
			Account: awsAccount, Name: name, Path: folder, Created: created,
			ID: "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17],
		},
		Description: f.Description, Updated: created, Default: 1, Last: 1,
		Versions: []versionRecord{{Number: 1, Text: string(f.Document), Created: created}},
	}, nil
}

// listedAWSPolicies are AWS's managed policies that keep lets through, by ARN.
func (s *Service) listedAWSPolicies(keep func(policyRecord) bool) func(after string) iter.Seq2[string, policyRecord] {
	var list []policyRecord
	for _, p := range s.awsPolicies {
		if keep(p) {
			list = append(list, p)
		}
	}
	return func(after string) iter.Seq2[string, policyRecord] {
		return sorted(list, after, func(p policyRecord) string { return string(p.named("policy")) })
	}
}
