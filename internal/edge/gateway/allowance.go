package gateway

import (
	"container/list"
	"context"
	"sync"

	"tributary/internal/pure/arn"
)

// An allowance is how much of something all requests may hold together, and how much of
// it those of one account may: bytes of large bodies and answers, or turns. Who reserves waits in line; who
// holds something and wants more never waits, so two that have half each cannot wait
// for one another. An account that has its share lets the others pass.
type allowance struct {
	share int64 // of one account

	mu      sync.Mutex // guards what follows; never held while waiting
	free    int64
	used    map[arn.AccountID]int64
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

func newAllowance(size, share int64) *allowance {
	return &allowance{share: share, free: size, used: map[arn.AccountID]int64{}}
}

// none is a hold of nothing, to be extended.
func (a *allowance) none(account arn.AccountID) *hold { return &hold{from: a, account: account} }

// reserve waits for size bytes, which must not be more than an account's share.
// It returns nil when ctx ends first.
func (a *allowance) reserve(ctx context.Context, account arn.AccountID, size int64) *hold {
	w := &waiter{a.none(account), size, make(chan struct{})}
	a.mu.Lock()
	e := a.waiting.PushBack(w)
	a.admit()
	a.mu.Unlock()

	select {
	case <-w.granted:
		return w.hold
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
	return nil
}

// extend takes more bytes, if there are.
func (h *hold) extend(more int64) bool {
	h.from.mu.Lock()
	defer h.from.mu.Unlock()
	if !h.from.fits(h.account, more) {
		return false
	}
	h.take(more)
	return true
}

// release gives everything back.
func (h *hold) release() {
	h.from.mu.Lock()
	defer h.from.mu.Unlock()
	h.take(-h.size)
	h.from.admit()
}

// admit lets those waiting go on, as far as there is room. A large one is not
// overtaken for want of room, or it would wait for ever. The caller has locked
// a.mu, as for the two below.
func (a *allowance) admit() {
	for e := a.waiting.Front(); e != nil; {
		w, next := e.Value.(*waiter), e.Next()
		if a.used[w.hold.account]+w.size <= a.share {
			if w.size > a.free {
				return
			}
			w.hold.take(w.size)
			a.waiting.Remove(e)
			close(w.granted)
		}
		e = next
	}
}

func (a *allowance) fits(account arn.AccountID, size int64) bool {
	return size <= a.free && a.used[account]+size <= a.share
}

func (h *hold) take(size int64) {
	a := h.from
	a.free -= size
	h.size += size
	if a.used[h.account] += size; a.used[h.account] == 0 {
		delete(a.used, h.account)
	}
}
