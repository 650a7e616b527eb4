package ledger

import "testing"

func TestCheckFindsEachKindOfFault(t *testing.T) {
	for _, c := range []struct {
		name string
		seen []int
		want Counts
	}{
		{"all in order", []int{1, 2, 3, 4}, Counts{Sent: 5, Acked: 4, Seen: 4}},
		{"the unknown event too", []int{1, 2, 3, 4, 5}, Counts{Sent: 5, Acked: 4, Seen: 5}},
		{"one lost", []int{1, 2, 4}, Counts{Sent: 5, Acked: 4, Seen: 3, Lost: 1}},
		{"one doubled", []int{1, 2, 2, 3, 4}, Counts{Sent: 5, Acked: 4, Seen: 5, Doubled: 1}},
		{"two swapped", []int{1, 3, 2, 4}, Counts{Sent: 5, Acked: 4, Seen: 4, Disordered: 1}},
		{"one never sent", []int{1, 2, 3, 4, 9}, Counts{Sent: 5, Acked: 4, Seen: 5, Invented: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l Ledger
			for range 5 {
				if n := l.Send("a"); n < 5 {
					l.Acked("a", n)
				}
			}
			for _, n := range c.seen {
				l.Seen("a", n)
			}
			if got := l.Check(); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if got, want := l.Complete(), c.want.Lost == 0; got != want {
				t.Errorf("complete = %v, want %v", got, want)
			}
		})
	}
}
