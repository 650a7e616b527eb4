package gateway_test

import (
	"net"
	"net/http"
	"net/http/httptrace"
	"testing"

	"tributary/internal/edge/gateway"
	"tributary/internal/service/api"
)

// waiting are services whose operation Wait ends when the test lets it.
func waiting(w *wire, under chan<- struct{}, end <-chan struct{}) []api.Service {
	services := testServices(w)
	for i := range services {
		services[i].Operations = append(services[i].Operations, define(w, "Wait", func(*nothing) (*nothing, error) {
			under <- struct{}{}
			<-end
			return &nothing{}, nil
		}))
	}
	return services
}

// TestAnAccountHasItsShareOfTurns: an account with too many requests under way is
// throttled, in the words of either protocol, and can go on when one has ended.
func TestAnAccountHasItsShareOfTurns(t *testing.T) {
	under, end := make(chan struct{}), make(chan struct{})
	w := newWire(t, func(c *gateway.Config) { c.MaxRunning = 8 }, waiting(&wire{TB: t}, under, end)...)
	answers := make(chan reply)
	for range 2 { // a quarter of eight
		r := w.request(jsonMessage("Logs_20140328.Wait", `{}`))
		go func() { answers <- w.send(r) }()
		<-under
	}
	w.want("one more", w.do(jsonMessage("Kinesis_20131202.Echo", `{}`)), 400, `{"__type":"ThrottlingException","message":"Rate exceeded"}`)
	w.wantPrefix("one more form", w.do(formMessage("sts", "Action=Echo&Version=2011-06-15&text=x")), 400,
		`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message>`)
	close(end)
	for range 2 {
		w.want("under way", <-answers, 200, `{}`)
	}
	w.want("afterwards", w.do(jsonMessage("Kinesis_20131202.Echo", `{}`)), 200, `{}`)
}

// TestStrangersMakeRoom: a client that says who it is gets its answer, and keeps its
// connection, however many others only hold on to theirs.
func TestStrangersMakeRoom(t *testing.T) {
	const most = 8
	w := newWireFor(t, most, nil, nil)
	known := &http.Transport{}
	defer known.CloseIdleConnections()
	connected := 0
	again := func(name string) {
		t.Helper()
		trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
			if !info.Reused {
				connected++
			}
		}}
		r := w.request(jsonMessage("Logs_20140328.Echo", `{}`))
		w.want(name, w.sendBy(known, r.WithContext(httptrace.WithClientTrace(t.Context(), trace))), 200, `{}`)
	}
	again("known")
	for i := range 3 * most {
		c, err := net.Dial("tcp", w.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if i%most == 0 {
			again("among strangers")
		}
	}
	if connected != 1 {
		t.Errorf("the client had to connect %d times, want once", connected)
	}
	fresh := &http.Transport{DisableKeepAlives: true}
	w.want("on a new connection", w.sendBy(fresh, w.request(jsonMessage("Logs_20140328.Echo", `{}`))), 200, `{}`)
}
