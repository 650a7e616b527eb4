package gateway

import (
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A visitor is a connection whose being shown out is seen.
type visitor struct {
	net.Conn
	name string
	of   *gathering
}

func (v *visitor) Close() error {
	v.of.mu.Lock()
	defer v.of.mu.Unlock()
	v.of.out = append(v.of.out, v.name)
	return nil
}

// A gathering is a crowd, and who has been shown out of it.
type gathering struct {
	*crowd
	mu  sync.Mutex
	out []string // guarded by mu
}

func (g *gathering) enter(name string) *conn {
	c := g.arrive(name)
	g.hear(c)
	return c
}

// arrive is enter when nobody has the time to listen yet.
func (g *gathering) arrive(name string) *conn {
	c := &conn{clear: &visitor{name: name, of: g}, crowd: g.crowd}
	g.join(c)
	return c
}

func TestCrowdShowsOutWhoeverDeservesItLeast(t *testing.T) {
	for _, c := range []struct {
		name string
		most int
		come func(g *gathering)
		want string
	}{
		{"no bound", 0, func(g *gathering) {
			for range 10_000 {
				g.enter("x")
			}
		}, ""},
		{"the stranger who came first", 2, func(g *gathering) {
			g.know(g.enter("known"))
			for _, name := range []string{"a", "b", "c"} {
				g.enter(name)
			}
		}, "a b"},
		{"a stranger who has not asked for anything, before one who has", 3, func(g *gathering) {
			g.begin(g.enter("asks"))
			g.begin(g.enter("asked"))()
			g.enter("silent")
			<-time.After(2 * grace)
			g.enter("newcomer")
			g.enter("another")
		}, "asked silent"},
		{"nobody to whom we have not listened", 2, func(g *gathering) {
			waiting := g.arrive("waiting")
			g.enter("silent")
			<-time.After(2 * grace)
			g.enter("newcomer")
			g.hear(waiting)
			g.know(waiting)
			g.enter("another")
		}, "silent newcomer"},
		{"of those who ask, who began first", 2, func(g *gathering) {
			later, first := g.enter("later"), g.enter("first")
			g.begin(first)
			g.begin(later)
			g.begin(g.enter("newcomer"))
		}, "first"},
		{"then who has the most requests", 3, func(g *gathering) {
			for _, name := range []string{"one", "two", "idle"} {
				v := g.enter(name)
				g.know(v)
				for range map[string]int{"one": 1, "two": 2}[name] {
					g.begin(v)
				}
			}
		}, "two"},
		{"then who has been idle longest", 3, func(g *gathering) {
			ends := map[string]func(){}
			for _, name := range []string{"first", "second", "busy"} {
				v := g.enter(name)
				g.know(v)
				ends[name] = g.begin(v)
			}
			ends["second"]()
			ends["first"]()
			g.know(g.enter("newcomer"))
		}, "second"},
		{"nobody while all are known and busy", 2, func(g *gathering) {
			for _, name := range []string{"a", "b", "c"} {
				v := g.enter(name)
				g.know(v)
				g.begin(v)
			}
		}, ""},
		{"one makes room for many of its own", 4, func(g *gathering) {
			v := g.enter("greedy")
			g.know(v)
			for range 10 {
				g.begin(v)
			}
		}, "greedy"},
		{"who has left needs no room", 2, func(g *gathering) {
			for _, name := range []string{"a", "b", "c", "d"} {
				g.leave(g.enter(name))
			}
		}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := &gathering{crowd: newCrowd(c.most)}
			c.come(g)
			if got := strings.Join(g.out, " "); got != c.want {
				t.Errorf("%s: shown out were %q, want %q", c.name, got, c.want)
			}
			<-time.After(grace) // in the bubble: its timers have to end
		})
	}
}

// TestStrangersWhoTalkMuchDoNotStay: who goes on asking without saying who it is goes
// before those who have just come.
func TestStrangersWhoTalkMuchDoNotStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gathering{crowd: newCrowd(4)}
		talkers := []*conn{g.enter("talker"), g.enter("talker"), g.enter("talker")}
		var newcomers sync.WaitGroup
		for round := range 200 {
			for _, v := range talkers {
				g.begin(v)()
			}
			<-time.After(20 * time.Millisecond)
			if round%10 == 9 {
				newcomers.Go(func() { g.enter("newcomer") })
				synctest.Wait()
			}
		}
		newcomers.Wait()
		if n := strings.Count(strings.Join(g.out, " "), "talker"); n != len(talkers) {
			t.Errorf("shown out were %d of %d strangers who ask again and again, and %d others", n, len(talkers), len(g.out)-n)
		}
		<-time.After(2 * grace)
	})
}

// TestStrangersHaveTimeToSayWhoTheyAre: in a full crowd of newcomers the next one waits.
func TestStrangersHaveTimeToSayWhoTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gathering{crowd: newCrowd(2)}
		began := time.Now()
		first := g.enter("first")
		g.enter("second")
		go func() {
			<-time.After(grace / 2)
			g.know(first)
		}()
		g.enter("third")
		if got := time.Since(began); got != grace {
			t.Errorf("the third was let in after %v, want %v", got, grace)
		}
		if got := strings.Join(g.out, " "); got != "second" {
			t.Errorf("shown out were %q, want the second: the first has said who it is", got)
		}
		<-time.After(grace)
	})
}

// TestGraceBeginsWhenSomebodyListens: in a full crowd of whom nobody has been heard the
// next one waits until they have been.
func TestGraceBeginsWhenSomebodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gathering{crowd: newCrowd(1)}
		began := time.Now()
		first := g.arrive("first")
		go func() {
			<-time.After(10 * grace)
			g.hear(first)
		}()
		g.enter("second")
		if got, want := time.Since(began), 11*grace; got != want {
			t.Errorf("the second was let in after %v, want %v", got, want)
		}
		<-time.After(grace)
	})
}

// TestCrowdCountsRight: whatever comes and goes, the crowd is empty in the end.
func TestCrowdCountsRight(t *testing.T) {
	g := &gathering{crowd: newCrowd(100)}
	var visitors []*conn
	var early, late []func()
	for i := range 20 {
		v := g.enter("x")
		visitors = append(visitors, v)
		if i%2 == 0 {
			g.know(v)
		}
		for k := range i % 4 {
			end := g.begin(v)
			if k%2 == 0 {
				early = append(early, end)
			} else {
				late = append(late, end)
			}
		}
	}
	if want := 5 * (1 + 1 + 2 + 3); g.size != want {
		t.Errorf("got size %d, want %d", g.size, want)
	}
	for _, end := range early {
		end()
	}
	for _, v := range visitors {
		g.leave(v)
		g.leave(v) // net/http closes twice
	}
	for _, end := range late {
		end() // a handler that ends behind its connection
	}
	if g.size != 0 || g.strangers() != 0 || len(g.known) != 0 {
		t.Errorf("in the end: size %d, %d strangers, %d known; want nobody", g.size, g.strangers(), len(g.known))
	}
}
