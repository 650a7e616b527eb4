package kinesis

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// A forgerySoak is the result of a long run, which make soak-forgeries keeps in
// docs/soak.
type forgerySoak struct {
	Seed     uint64 `json:"seed"`
	Tries    int    `json:"tries"`
	Accepted int    `json:"accepted"`
	Seconds  int    `json:"seconds"`
}

// report writes the result to the file that TOKEN_FORGERIES_REPORT names, if there is one.
func (s forgerySoak) report(t *testing.T) {
	t.Helper()
	file := os.Getenv("TOKEN_FORGERIES_REPORT")
	if file == "" {
		return
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = os.WriteFile(file, append(text, '\n'), 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

// forgeries is how many forged iterators and page tokens are tried. The soak sets
// TOKEN_FORGERIES to five million.
func forgeries(t *testing.T) int {
	text := os.Getenv("TOKEN_FORGERIES")
	if text == "" {
		return 50_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("TOKEN_FORGERIES: %v", err)
	}
	return n
}

// TestNoForgedTokenIsAccepted changes, cuts, mixes, guesses, and steals iterators and page
// tokens. None may be accepted, whatever it is passed to.
func TestNoForgedTokenIsAccepted(t *testing.T) {
	r := newRig(t)
	r.create("s", 3)
	for _, c := range []struct {
		account arn.AccountID
		region  arn.Region
	}{{bob, region}, {alice, "eu-west-1"}} { // so that only the token tells them apart
		if _, err := r.do(c.account, c.region, "CreateStream", in{"StreamName": "s", "ShardCount": number(3)}); err != nil {
			t.Fatal(err)
		}
	}
	r.settle()
	ok[api.Void](r, "CreateStream", in{"StreamName": "t", "ShardCount": number(1)})
	genuine := []string{
		r.iterator("s", 0, iteratorTrimHorizon, nil),
		ok[ListShardsOutput](r, "ListShards", in{"StreamName": "s", "MaxResults": number(1)}).NextToken,
		ok[ListStreamsOutput](r, "ListStreams", in{"Limit": number(1)}).NextToken,
	}
	uses := []struct {
		op, member, code, message string
		genuine                   string
	}{
		{"GetRecords", "ShardIterator", "InvalidArgumentException", "Invalid ShardIterator.", genuine[0]},
		{"ListShards", "NextToken", "InvalidArgumentException", "Invalid NextToken.", genuine[1]},
		{"ListStreams", "NextToken", "InvalidArgumentException", "Invalid NextToken.", genuine[2]},
	}
	began := time.Now()
	seed := uint64(began.UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	tries, accepted := 0, 0
	try := func(account arn.AccountID, region arn.Region, use int, token, how string) {
		tries++
		u := &uses[use]
		_, err := r.do(account, region, u.op, in{u.member: token})
		e, refused := api.AsException(err)
		if refused && (e.Code == u.code && e.Message == u.message || e.Code == "ValidationException") {
			return
		}
		if accepted++; accepted < 10 {
			t.Errorf("%s, seed %d: %s of %s answers %v", how, seed, u.op, token, err)
		}
	}
	for use, u := range uses {
		if _, err := r.do(alice, region, u.op, in{u.member: u.genuine}); err != nil {
			t.Errorf("%s of a real token: %v", u.op, err)
		}
		try(bob, region, use, u.genuine, "another account's")
		try(alice, "eu-west-1", use, u.genuine, "another Region's")
		for other, token := range genuine {
			if other != use {
				try(alice, region, use, token, "another operation's")
			}
		}
	}
	for wanted := forgeries(t); tries < wanted; {
		use := random.IntN(len(uses))
		encoding := base64.StdEncoding
		if use > 0 {
			encoding = base64.RawURLEncoding
		}
		raw, err := encoding.DecodeString(uses[use].genuine)
		if err != nil {
			t.Fatal(err)
		}
		how := "changed"
		switch random.IntN(6) {
		case 0:
			raw[random.IntN(len(raw))] ^= 1 << random.IntN(8)
		case 1:
			how, raw = "cut", raw[:random.IntN(len(raw))]
		case 2:
			how, raw = "lengthened", append(raw, byte(random.Uint32()))
		case 3:
			how = "guessed"
			for i := min(len(raw), 8*random.IntN(2)); i < len(raw); i++ {
				raw[i] = byte(random.Uint32())
			}
		case 4:
			how = "joined from two"
			other, _ := base64.RawURLEncoding.DecodeString(genuine[1+random.IntN(2)])
			at := 1 + random.IntN(min(len(raw), len(other))-1)
			copy(raw[at:], other[at:])
			if encoding.EncodeToString(raw) == uses[use].genuine {
				continue
			}
		case 5:
			how = "as text"
			text := []byte(uses[use].genuine)
			at := random.IntN(len(text))
			was := text[at]
			if text[at] = byte(32 + random.IntN(95)); text[at] != was {
				try(alice, region, use, string(text), how)
			}
			continue
		}
		try(alice, region, use, encoding.EncodeToString(raw), how)
	}
	if accepted > 0 {
		t.Errorf("%d of %d forgeries were accepted", accepted, tries)
	}
	forgerySoak{seed, tries, accepted, int(time.Since(began).Round(time.Second).Seconds())}.report(t)
}
