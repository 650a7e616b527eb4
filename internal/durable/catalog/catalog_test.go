package catalog

import (
	"fmt"
	"log/slog"
	"testing"
	"time"
	"sync"

	"tributary/internal/durable/broker"
)

func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	open := func() (*broker.Broker, *Catalog) {
		b, err := broker.Open(t.Context(), broker.Config{Dir: dir, Log: slog.Default()})
		if err != nil {
			t.Fatal(err)
		}
		c, err := Open(t.Context(), Config{Broker: b, Log: slog.Default(), compactAt: 100})
		if err != nil {
			t.Fatal(err)
		}
		return b, c
	}
	b, c := open()
	type role struct{ Name string; Policies map[string]string }
	tb := NewTable[role](c, "roles")
	if err := c.Ready(); err != nil {
		t.Fatal(err)
	}
	t0 := time.Now()
	for i := range 100 {
		if _, err := tb.Create(t.Context(), KeyOf("1111", fmt.Sprint(i)), role{Name: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("create", time.Since(t0)/100)
	t0 = time.Now()
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := range 50 {
				if _, err := tb.Create(t.Context(), KeyOf("2222", fmt.Sprint(w), fmt.Sprint(i)), role{Name: fmt.Sprint(i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	fmt.Println("create x64", time.Since(t0)/3200)
	for i := range 90 {
		k := KeyOf("1111", fmt.Sprint(i))
		_, rev, _ := tb.Get(k)
		if err := tb.Delete(t.Context(), k, rev); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println(tb.Len(), c.mark)
	for k, v := range tb.Scan(KeyOf("1111")) {
		fmt.Println(k, v)
	}
	c.Close(t.Context())
	b.Close(t.Context())
	t0 = time.Now()
	b, c = open()
	tb = NewTable[role](c, "roles")
	fmt.Println(time.Since(t0), c.Ready(), tb.Len(), c.mark)
	c.Close(t.Context())
	b.Close(t.Context())
}
