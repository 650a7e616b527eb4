package broker

import (
	"context"
	"log/slog"
	"testing"
	"time"
	"fmt"
)

func TestSmoke(t *testing.T) {
	t0 := time.Now()
	b, err := Open(t.Context(), Config{Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("open", time.Since(t0))
	s, err := b.Create(t.Context(), StreamConfig{Name: "X", Subjects: []string{"X.>"}})
	if err != nil {
		t.Fatal(err)
	}
	t0 = time.Now()
	for i := range 1000 {
		if seq, err := s.Publish("X.a", []byte("hello"), IfLast(uint64(i))); err != nil || seq != uint64(i+1) {
			t.Fatal(seq, err)
		}
	}
	fmt.Println("publish", time.Since(t0)/1000)
	fmt.Println(s.Publish("X.a", []byte("hello"), IfLast(7)))
	t0 = time.Now()
	for i := range 1000 {
		if _, err := s.Get(t.Context(), uint64(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("get", time.Since(t0)/1000)
	t0 = time.Now()
	ms, err := s.Fetch(t.Context(), 1, 1000, 1<<20)
	fmt.Println("fetch", time.Since(t0)/1000, len(ms), err)
	fmt.Println(s.Fetch(t.Context(), 1001, 1000, 1<<20))
	fmt.Println(s.Get(t.Context(), 1001))
	fmt.Println(s.Last(t.Context(), "X.b"))
	fmt.Println(s.State(t.Context()))
	fmt.Println(b.Stream("Y").State(t.Context()))
	_, err = b.Stream("Y").Get(t.Context(), 1)
	fmt.Println(err)
	_, err = b.Stream("Y").Publish("Y", nil)
	fmt.Println(err)
	fmt.Println(b.States(t.Context()))
	t0 = time.Now()
	if err := b.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	fmt.Println("close", time.Since(t0))
}
