package main

import (
	"context"
	"errors"
	"fmt"

	"tributary/internal/client"
	"tributary/internal/pure/sigv4"
)

// measureRoles is how long one and the same request takes when the catalog has few and
// many roles and accounts: DescribeStreamSummary, sent one after the other by a
// session of a role whose policy allows it under a condition, in an organization.
func measureRoles(ctx context.Context, s *settings, c *child) ([]row, error) {
	if _, err := c.makeStream(ctx, recipient, "bench", 1); err != nil {
		return nil, err
	}
	session, err := c.roleSession(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	var fewest load
	roles, accounts := 1, 0 // the session's
	for _, size := range []struct{ roles, accounts int }{
		{10, 0},
		{s.scaled(1000, 10), 0},
		{s.scaled(10_000, 10), 0},
		{s.scaled(10_000, 10), s.scaled(1000, 1)},
	} {
		if err := inParallel(64, size.roles-roles, func(i int) error { return c.makeRole(ctx, roles+i) }); err != nil {
			return nil, err
		}
		if err := inParallel(16, size.accounts-accounts, func(i int) error { return c.makeAccount(ctx, i) }); err != nil {
			return nil, err
		}
		roles, accounts = size.roles, size.accounts
		l, err := hammer(1, s.length/2, func(int, int) error {
			return session.JSON(ctx, "kinesis", kinesisTarget+"DescribeStreamSummary", map[string]any{"StreamName": "bench"}, nil)
		})
		if err != nil {
			return nil, err
		}
		if fewest.calls == 0 {
			fewest = l
		}
		rows = append(rows, row{
			what:     fmt.Sprintf("a request of a role's session, %d roles, %d accounts", roles, accounts+1),
			measured: spread(l.took), beside: spread(fewest.took) + ", 10 roles",
			ratio: times(float64(percentile(l.took, 50)), float64(percentile(fewest.took, 50))) + " (p50)", aim: "1",
		})
	}
	return rows, nil
}

const (
	trustOfRecipient = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + recipient + `"},"Action":"sts:AssumeRole"}}`
	describeStreams  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kinesis:Describe*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalAccount":"` + recipient + `"}}}}`
)

// roleSession makes an organization, a user, and a role that the user assumes.
func (c *child) roleSession(ctx context.Context) (*client.Client, error) {
	root := c.client(recipient)
	if err := root.JSON(ctx, "organizations", organizationsTarget+"CreateOrganization", map[string]any{"FeatureSet": "ALL"}, nil); err != nil {
		return nil, err
	}
	if err := c.makeRole(ctx, 0); err != nil {
		return nil, err
	}
	if err := c.iam(ctx, recipient, "CreateUser", map[string]any{"UserName": "bench"}); err != nil {
		return nil, err
	}
	if err := c.iam(ctx, recipient, "PutUserPolicy", map[string]any{
		"UserName": "bench", "PolicyName": "assume",
		"PolicyDocument": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}`,
	}); err != nil {
		return nil, err
	}
	made, err := root.Query(ctx, "iam", "2010-05-08", "CreateAccessKey", map[string]any{"UserName": "bench"})
	if err != nil {
		return nil, err
	}
	user := c.client(recipient)
	if user.Credentials, err = credentials(made["AccessKey"]); err != nil {
		return nil, err
	}
	assumed, err := user.Query(ctx, "sts", "2011-06-15", "AssumeRole", map[string]any{
		"RoleArn": "arn:aws:iam::" + recipient + ":role/" + roleName(0), "RoleSessionName": "bench",
	})
	if err != nil {
		return nil, err
	}
	session := c.client(recipient)
	session.Credentials, err = credentials(assumed["Credentials"])
	return session, err
}

const organizationsTarget = "AWSOrganizationsV20161128."

// credentials reads a key from an answer of IAM or STS.
func credentials(answer any) (sigv4.Credentials, error) {
	members, _ := answer.(map[string]any)
	id, _ := members["AccessKeyId"].(string)
	secret, _ := members["SecretAccessKey"].(string)
	token, _ := members["SessionToken"].(string)
	if id == "" || secret == "" {
		return sigv4.Credentials{}, errors.New("the answer holds no key")
	}
	return sigv4.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}, nil
}

func roleName(i int) string { return fmt.Sprintf("role-%05d", i) }

// makeRole makes a role of the recipient with a policy of its own.
func (c *child) makeRole(ctx context.Context, i int) error {
	if err := c.iam(ctx, recipient, "CreateRole", map[string]any{"RoleName": roleName(i), "AssumeRolePolicyDocument": trustOfRecipient}); err != nil {
		return err
	}
	return c.iam(ctx, recipient, "PutRolePolicy", map[string]any{"RoleName": roleName(i), "PolicyName": "describe", "PolicyDocument": describeStreams})
}

// makeAccount makes an account in the recipient's organization.
func (c *child) makeAccount(ctx context.Context, i int) error {
	in := map[string]any{"Email": fmt.Sprintf("member-%d@example.com", i), "AccountName": fmt.Sprintf("member %d", i)}
	return c.client(recipient).JSON(ctx, "organizations", organizationsTarget+"CreateAccount", in, nil)
}
