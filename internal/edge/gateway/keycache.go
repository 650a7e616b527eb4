package gateway

import (
	"container/list"
	"sync"

	"tributary/internal/pure/sigv4"
)

const maxCachedKeys = 4096

// keyCache keeps derived keys, so that a request costs one HMAC and not five.
// An entry is used only for the very secret it was derived from: when a key's
// secret changes or the key goes, its entries are dead at once, and the least
// recently used are dropped in time.
type keyCache struct {
	mu     sync.Mutex // guards what follows; held for map and list steps only
	byName map[cacheName]*list.Element
	recent list.List // of *cachedKey, most recent first
}

type cacheName struct {
	accessKeyID string
	scope       sigv4.Scope
}

type cachedKey struct {
	name   cacheName
	secret string
	key    sigv4.Key
}

func (c *keyCache) derive(accessKeyID, secret string, scope sigv4.Scope) sigv4.Key {
	name := cacheName{accessKeyID, scope}
	if key, ok := c.get(name, secret); ok {
		return key
	}
	key := sigv4.DeriveKey(secret, scope)
	c.put(&cachedKey{name, secret, key})
	return key
}

func (c *keyCache) get(name cacheName, secret string) (sigv4.Key, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byName[name]
	if !ok {
		return sigv4.Key{}, false
	}
	k := e.Value.(*cachedKey)
	if k.secret != secret {
		return sigv4.Key{}, false
	}
	c.recent.MoveToFront(e)
	return k.key, true
}

func (c *keyCache) put(k *cachedKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byName == nil {
		c.byName = map[cacheName]*list.Element{}
	}
	if e, ok := c.byName[k.name]; ok {
		e.Value = k
		c.recent.MoveToFront(e)
		return
	}
	c.byName[k.name] = c.recent.PushFront(k)
	if c.recent.Len() > maxCachedKeys {
		last := c.recent.Remove(c.recent.Back()).(*cachedKey)
		delete(c.byName, last.name)
	}
}
