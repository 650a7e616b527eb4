package iam_test

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

// store writes values as an earlier release stored them, by table and key, before
// the world opens.
func (w *world) store(tables map[string]map[catalog.Key]string) {
	w.t.Helper()
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	b, err := broker.Open(ctx, broker.Config{Dir: w.dir, Log: log})
	must(w.t, err)
	c, err := catalog.Open(ctx, catalog.Config{Broker: b, Log: log})
	must(w.t, err)
	of := map[string]*catalog.Table[jsontext.Value]{}
	for name := range tables {
		of[name] = catalog.NewTable[jsontext.Value](c, name)
	}
	must(w.t, c.Ready())
	for name, values := range tables {
		for key, text := range values {
			_, err := of[name].Create(ctx, key, jsontext.Value(text))
			must(w.t, err)
		}
	}
	must(w.t, c.Close(ctx))
	must(w.t, b.Close(ctx))
}

// Users and roles of version 1 had inline policies and keys, and neither groups nor
// managed policies nor boundaries.
func TestUsersAndRolesOfTheFirstReleaseAreKept(t *testing.T) {
	w := closedWorld(t, false)
	const id, secret = "AKIAOLD", "old secret"
	sealed := base64.StdEncoding.EncodeToString(api.NewSealer(w.key).For("iam/secret").Seal(id, []byte(secret)))
	quote := func(document string) string { return `"` + strings.ReplaceAll(document, `"`, `\"`) + `"` }
	w.store(map[string]map[catalog.Key]string{
		"iam/user": {catalog.KeyOf(alpha, "alice"): `{"account":"111111111111","name":"Alice","path":"/x/","id":"AIDAOLD",
			"created":"2026-11-20T12:00:00Z","tags":{"Team":"logs"},"policies":{"p":` + quote(allow("*", "*")) + `},
			"keys":[{"id":"AKIAOLD","sealed":"` + sealed + `","status":"Active","created":"2026-11-20T12:00:00Z"}]}`},
		"iam/accesskey": {catalog.KeyOf(id): `{"account":"111111111111","user":"alice"}`},
		"iam/role": {catalog.KeyOf(alpha, "r"): `{"account":"111111111111","name":"r","path":"/","id":"AROAOLD",
			"created":"2026-11-20T12:00:00Z","policies":{"p":` + quote(allow("iam:ListUsers", "*")) + `},"description":"old","maxSession":7200,
			"trust":{"text":` + quote(trustOf(`{"AWS":"arn:aws:iam::111111111111:user/x/Alice"}`, "")) + `,"pins":{"arn:aws:iam::111111111111:user/x/Alice":"AIDAOLD"}}}`},
	})
	w.open()
	t.Cleanup(func() { w.close() })
	alice := credential{id: id, secret: secret}
	check := func() {
		t.Helper()
		u := do[iam.GetUserOutput](w, alice, "iam:GetUser", nil).User
		equal(t, "user", u.ARN+" "+u.UserID+" "+u.Tags[0].Value, "arn:aws:iam::111111111111:user/x/Alice AIDAOLD logs")
		role := do[iam.GetRoleOutput](w, alice, "iam:GetRole", members{"RoleName": "r"}).Role
		equal(t, "role", role.RoleID+" "+role.Description, "AROAOLD old")
		equal(t, "session length", *role.MaxSessionDuration, 7200)
		session := w.assume(alice, role.ARN, "s1", nil)
		equal(t, "the role may", w.may(session, "iam:ListUsers", nil), true)
		equal(t, "the role may not", w.may(session, "iam:ListRoles", nil), false)
	}
	check()
	// What has been added since can be used, and is kept.
	w.done(alice, "iam:CreateGroup", members{"GroupName": "g"})
	w.done(alice, "iam:AddUserToGroup", members{"GroupName": "g", "UserName": "alice"})
	w.done(alice, "iam:AttachRolePolicy", members{"RoleName": "r", "PolicyArn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"})
	w.restart()
	equal(t, "groups", groupNames(do[iam.ListGroupsForUserOutput](w, alice, "iam:ListGroupsForUser", members{"UserName": "alice"}).Groups), "g")
	w.done(alice, "iam:DetachRolePolicy", members{"RoleName": "r", "PolicyArn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"})
	check()
}

// Sessions of version 1 were of roles and go on; what a later release made is refused
// rather than read halfway.
func TestSessionsOfOtherReleases(t *testing.T) {
	w := newWorld(t, false)
	r := w.role(alpha, "r", `{"AWS":"111111111111"}`)
	const id, secret = "ASIAOTHERRELEASE", "secret"
	for version, want := range map[string]error{"0": iam.ErrInvalidToken, "1": nil, "2": nil, "3": iam.ErrInvalidToken} {
		token := w.sealer.For("iam/session").SealText(id, []byte(`{"v":`+version+`,"secret":"`+secret+`","account":"111111111111","role":"r","roleId":"`+r.RoleID+
			`","name":"s1","issued":"2026-11-21T12:00:00Z","expires":"2026-11-21T13:00:00Z","context":{"aws:tokenissuetime":["2026-11-21T12:00:00Z"]}}`))
		_, err := w.call(credential{id, secret, token}, "sts:GetCallerIdentity", nil)
		if !errors.Is(err, want) {
			t.Errorf("version %s: got %v, want %v", version, err, want)
		}
	}
}
