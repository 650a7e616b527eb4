package organizations

// SetQuotas lets an organization have only so many units and policies of each type.
func (s *Service) SetQuotas(n int) {
	s.unitsQuota, s.policiesQuota = n, func(*policyKind) int { return n }
}

// ClosureQuota is how many accounts an organization of so many may close at a time.
var ClosureQuota = closureQuota

// EffectiveSettings is what a policy of settings and one below it come to.
func EffectiveSettings(upper, lower string) (string, error) {
	var merged settingsMerge
	for _, text := range []string{upper, lower} {
		tree, err := parseSettings(text)
		if err != nil {
			return "", err
		}
		merged.add(tree)
		merged.descend()
	}
	text, _ := merged.content()
	return text, nil
}
