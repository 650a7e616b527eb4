package organizations_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
	"tributary/internal/service/organizations"
)

// write puts records into the stopped world's catalog, as a crash may have left
// them: table and key parts to members.
func (w *world) write(records map[[3]string]members) {
	w.t.Helper()
	ctx := context.Background()
	log := slog.New(slog.DiscardHandler)
	b, err := broker.Open(ctx, broker.Config{Dir: w.dir, Log: log})
	must(w.t, err)
	c, err := catalog.Open(ctx, catalog.Config{Broker: b, Log: log})
	must(w.t, err)
	tables := map[string]*catalog.Table[members]{}
	for at, record := range records {
		name := "organizations/" + at[0]
		if tables[name] == nil {
			tables[name] = catalog.NewTable[members](c, name)
		}
		key := catalog.KeyOf(at[1])
		if at[2] != "" {
			key = catalog.KeyOf(at[1], at[2])
		}
		_, err := tables[name].Update(ctx, key, func(old members, _ bool) (members, error) {
			merged := members{}
			for k, v := range old {
				merged[k] = v
			}
			for k, v := range record {
				merged[k] = v
			}
			return merged, nil
		})
		must(w.t, err)
	}
	must(w.t, c.Close(ctx))
	must(w.t, b.Close(ctx))
}

func TestCrashBetweenTheWrites(t *testing.T) {
	w := newWorld(t, false)
	org := w.organization(alpha)
	h := w.invite(alpha, beta)
	at := w.now.Format(time.RFC3339)
	w.close()
	w.write(map[[3]string]members{
		// CreateOrganization of gamma wrote the organization and not the account.
		{"organization", "o-halfhalfha"}: {"id": "o-halfhalfha", "root": "r-half", "management": string(gamma), "featureSet": "ALL", "created": at},
		// AcceptHandshake of beta wrote the account and not the handshake.
		{"account", string(beta)}: {
			"id": string(beta), "name": "b", "email": "b@example.com", "created": at,
			"member": members{"org": org.ID, "joined": at, "method": "INVITED", "handshake": h.ID},
		},
		// CreateAccount wrote the account and not the status, and only the status.
		{"account", "444444444444"}: {
			"id": "444444444444", "name": "d", "email": "d@example.com", "created": at,
			"member": members{"org": org.ID, "joined": at, "method": "CREATED"},
		},
		{"creation", org.ID, "car-withaccount"}:    {"id": "car-withaccount", "org": org.ID, "account": "444444444444", "name": "d", "state": "IN_PROGRESS", "requested": at},
		{"creation", org.ID, "car-withoutaccount"}: {"id": "car-withoutaccount", "org": org.ID, "account": "555555555555", "name": "e", "state": "IN_PROGRESS", "requested": at},
		// DeleteOrganization took the organization and not its member's place.
		{"account", "666666666666"}: {
			"id": "666666666666", "name": "f", "email": "f@example.com", "created": at,
			"member": members{"org": "o-gonegonego", "joined": at, "method": "INVITED"},
		},
		{"handshake", "h-ofgonegone"}: {
			"id": "h-ofgonegone", "org": "o-gonegonego", "management": string(gamma), "targetType": "ACCOUNT", "target": string(gamma),
			"state": "OPEN", "requested": at, "expires": w.now.Add(time.Hour).Format(time.RFC3339),
		},
	})
	w.leftAlone = true
	w.open()
	for _, recovers := range []bool{false, true, true} {
		if recovers {
			w.leftAlone = false
			w.restart()
		}
		equal(t, "half an organization", w.member(gamma), "")
		equal(t, "member of a gone one", w.member("666666666666"), "")
		equal(t, "member", w.member(beta), org.ID)
		equal(t, "handshake", do[organizations.DescribeHandshakeOutput](w, alpha, "DescribeHandshake", members{"HandshakeId": h.ID}).Handshake.State, "ACCEPTED")
		w.refused(gamma, "AcceptHandshake", members{"HandshakeId": "h-ofgonegone"}, "HandshakeNotFoundException")
		without := "FAILED "
		if !recovers {
			without = "IN_PROGRESS "
		}
		for id, want := range map[string]string{"car-withaccount": "SUCCEEDED 444444444444", "car-withoutaccount": without} {
			s := do[organizations.DescribeCreateAccountStatusOutput](w, alpha, "DescribeCreateAccountStatus", members{"CreateAccountRequestId": id}).CreateAccountStatus
			equal(t, id, s.State+" "+s.AccountID, want)
		}
	}
	w.done(beta, "LeaveOrganization", nil)
	w.refused(beta, "AcceptHandshake", members{"HandshakeId": h.ID}, "HandshakeAlreadyInStateException")
	w.organization(gamma)
	w.organization("666666666666")
}
