package kinesis

import (
	"time"

	"github.com/go-json-experiment/json"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// The kinds of page token.
const (
	pageOfStreams   = "streams"
	pageOfShards    = "shards"
	pageOfConsumers = "consumers"
)

// pageLife is how long a page token may be used.
const pageLife = 300 * time.Second

// A pageToken is what a NextToken holds, sealed for the account and Region that it
// was given to.
type pageToken struct {
	Kind string    `json:"kind"`
	Made time.Time `json:"made"`
	// Account is the stream's, of shards only.
	Account arn.AccountID `json:"account,omitzero"`
	// Stream is the last one listed, or the one whose shards or consumers are listed.
	Stream string `json:"stream"`

	// Of shards and consumers: the stream's generation.
	Generation string `json:"generation,omitzero"`

	// Of consumers only: the last one listed.
	Consumer string `json:"consumer,omitzero"`

	// Of shards only: the shard to go on with, the filter.
	First  ShardID   `json:"first,omitzero"`
	Filter string    `json:"filter,omitzero"`
	Time   time.Time `json:"time,omitzero"`
}

// holder is what sealed texts are bound to.
func holder(call *api.Call) string { return string(call.Account()) + "/" + string(call.Region) }

func (s *Service) sealPage(call *api.Call, p pageToken) string {
	p.Made = s.cfg.Now().UTC()
	plain, err := json.Marshal(p)
	if err != nil {
		panic("kinesis: encode page token: " + err.Error()) // it holds nothing that has no JSON
	}
	return s.pages.SealText(holder(call), plain)
}

// openPage opens a page token of that kind.
func (s *Service) openPage(call *api.Call, text, kind string) (pageToken, error) {
	plain, err := s.pages.OpenText(holder(call), text)
	if err != nil {
		return pageToken{}, errInvalidPage()
	}
	var p pageToken
	if err := json.Unmarshal(plain, &p); err != nil || p.Kind != kind {
		return pageToken{}, errInvalidPage()
	}
	if s.cfg.Now().Sub(p.Made) > pageLife {
		return pageToken{}, errExpiredPage()
	}
	return p, nil
}
