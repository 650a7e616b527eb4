package delivery

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPausesDoubleUpToABoundAndEndWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b backoff
		ctx, cancel := context.WithCancel(t.Context())
		spread := false
		for i, nominal := 0, firstPause; i < 15; i, nominal = i+1, min(2*nominal, lastPause) {
			began := time.Now()
			if err := b.wait(ctx); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(began); got < nominal/2 || got >= nominal+nominal/2 {
				t.Errorf("pause %d is %v, want %v, half more or less", i, got, nominal)
			} else if got != nominal {
				spread = true
			}
		}
		if !spread {
			t.Error("all pauses are the nominal ones: who failed together tries again together")
		}
		cancel()
		began := time.Now()
		if err := b.wait(ctx); !errors.Is(err, context.Canceled) || time.Since(began) != 0 {
			t.Errorf("after cancel: %v after %v, want context.Canceled at once", err, time.Since(began))
		}
	})
}
