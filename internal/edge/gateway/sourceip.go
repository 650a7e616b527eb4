package gateway

import (
	"net/netip"
	"slices"
	"strings"
)

// sourceIP is where the request came from: the other end of the connection, unless
// that is a proxy of Config.TrustedProxies. Then it is the last address in
// X-Forwarded-For that is none of theirs. What stands before that is the client's own
// word and does not count; nor does the header of anybody else.
func (x *exchange) sourceIP() netip.Addr {
	remote, err := netip.ParseAddrPort(x.r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	at := plainAddr(remote.Addr())
	hops := strings.Split(strings.Join(x.r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !x.trusted(at) {
			return at
		}
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil { // the proxy knows no better
			return at
		}
		at = plainAddr(before)
	}
	return at
}

func (x *exchange) trusted(at netip.Addr) bool {
	return slices.ContainsFunc(x.config.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(at) })
}

// plainAddr has one form for an address, however it was written.
func plainAddr(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
