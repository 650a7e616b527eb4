package gateway

import (
	"container/list"
	"context"
	"sync"

	"tributary/internal/pure/arn"
)

// An allowance is how much of something all requests may hold together, and how much of
// it those of one account may: bytes of large bodies and answers, or turns. Who reserves
// waits in line; who holds something and wants more never waits, so two that have half
// each cannot wait for one another. An account that has its share lets the others pass.
// A single request may have more than a share if its account holds nothing else. A part
// is for accounts that hold little, who so get on whatever the others hold or wait for.
type allowance struct {
	share int64 // of one account
	most  int64 // of one request, when it is its account's only one
	spare int64 // for accounts that hold little

	mu      sync.Mutex // guards what follows; never held while waiting
	free    int64
	used    map[arn.AccountID]int64
	modest  int64     // what accounts that hold little hold together
	waiting list.List // of *waiter, longest wait first
}

type waiter struct {
	hold    *hold
	size    int64
	granted chan struct{} // closed once the hold has size
}

// A hold is one request's part of an allowance.
type hold struct {
	from    *allowance
	account arn.AccountID
	size    int64
}

// littleOfSpare is how much of the part for accounts that hold little one of them may
// have.
const littleOfSpare = 4

func newAllowance(size, share, spare int64) *allowance {
	return &allowance{share: share, most: share, spare: spare, free: size, used: map[arn.AccountID]int64{}}
}

// newHeld is the allowance of bytes. With less than the largest request takes, that would
// never be let in.
func newHeld(c *Config) *allowance {
	largest := c.MaxBody + c.MaxExpandedBody
	share, spare := max(c.MaxHeld/4, int64(capacityFor(int(c.MaxBody)+1))), c.MaxHeld/8
	a := newAllowance(max(c.MaxHeld, largest+spare), share, spare)
	a.most = max(share, largest)
	return a
}

// none is a hold of nothing, to be extended.
func (a *allowance) none(account arn.AccountID) *hold { return &hold{from: a, account: account} }

// reserve waits for size bytes, which must not be more than an account's share.
// It returns nil when ctx ends first.
func (a *allowance) reserve(ctx context.Context, account arn.AccountID, size int64) *hold {
	h := a.none(account)
	if !h.wait(ctx, size) {
		return nil
	}
	return h
}

// wait is reserve for a hold of nothing.
func (h *hold) wait(ctx context.Context, size int64) bool {
	a, w := h.from, &waiter{h, size, make(chan struct{})}
	a.mu.Lock()
	e := a.waiting.PushBack(w)
	a.admit()
	a.mu.Unlock()

	select {
	case <-w.granted:
		return true
	case <-ctx.Done():
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-w.granted: // in the meantime
		w.hold.take(-size)
	default:
		a.waiting.Remove(e)
	}
	a.admit() // whoever stood behind may fit
	return false
}

// extend takes more bytes, if there are.
func (h *hold) extend(more int64) bool {
	h.from.mu.Lock()
	defer h.from.mu.Unlock()
	if !h.mayGrow(more) {
		return false
	}
	h.take(more)
	return true
}

// mayGrow reports whether there is more for the hold. The caller has locked a.mu, as
// for those at the end.
func (h *hold) mayGrow(more int64) bool {
	share := h.from.share
	if h.from.used[h.account] == h.size {
		share = h.from.most
	}
	return h.from.fits(h.account, more, share)
}

// become makes a hold what it is already, whether there is so much or not.
func (h *hold) become(size int64) {
	h.from.mu.Lock()
	defer h.from.mu.Unlock()
	h.take(size - h.size)
	h.from.admit()
}

// resize takes more, if there is, or gives something back.
func (h *hold) resize(to int64) bool {
	if to == h.size {
		return true
	}
	h.from.mu.Lock()
	defer h.from.mu.Unlock()
	if more := to - h.size; more > 0 && !h.mayGrow(more) {
		return false
	}
	h.take(to - h.size)
	h.from.admit()
	return true
}

// release gives everything back.
func (h *hold) release() { h.resize(0) }

// admit lets those waiting go on, as far as there is room. A large one is not
// overtaken for want of room, or it would wait for ever; only accounts that hold little
// go past it, as long as the part that is for them lasts.
func (a *allowance) admit() {
	full := false
	for e := a.waiting.Front(); e != nil; {
		w, next := e.Value.(*waiter), e.Next()
		account := w.hold.account
		switch {
		case a.used[account]+w.size > a.share:
		case a.fits(account, w.size, a.share) && (!full || a.little(account, w.size) && a.modest+w.size <= a.spare):
			w.hold.take(w.size)
			a.waiting.Remove(e)
			close(w.granted)
		default:
			full = true
		}
		e = next
	}
}

// little reports whether an account holds little when it has got so much more.
func (a *allowance) little(account arn.AccountID, more int64) bool {
	return a.used[account]+more <= a.spare/littleOfSpare
}

func (a *allowance) fits(account arn.AccountID, size, share int64) bool {
	free := a.free
	if !a.little(account, size) {
		// What is left of the part for accounts that hold little. This one may have been
		// one of them.
		modest := a.modest
		if a.little(account, 0) {
			modest -= a.used[account]
		}
		free -= max(0, a.spare-modest)
	}
	return a.used[account]+size <= share && size <= free
}

func (h *hold) take(size int64) {
	a := h.from
	if a.little(h.account, 0) {
		a.modest -= a.used[h.account]
	}
	a.free -= size
	h.size += size
	if a.used[h.account] += size; a.used[h.account] == 0 {
		delete(a.used, h.account)
	}
	if a.little(h.account, 0) {
		a.modest += a.used[h.account]
	}
}
