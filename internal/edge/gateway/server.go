package gateway

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer returns an HTTP server for handler with what the wire of AWS needs
// and a hostile network demands: HTTP/1.1 and HTTP/2, also in clear text with
// prior knowledge (the JavaScript and Java clients of Kinesis speak nothing
// else), slow clients cut off, heads and buffers bounded. An answer that takes
// longer than two minutes, such as an event stream, must extend its deadline
// with http.ResponseController.
//
// The caller calls Serve with a listener of [Harden], and owns Shutdown.
func NewServer(handler http.Handler, log *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           counted(handler),
		Protocols:         protocols,
		ReadHeaderTimeout: 3 * time.Second,
		ReadTimeout:       time.Minute, // 16 MiB at 280 KiB/s
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ConnContext:       connContext,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 128,
			// What a client may send into a stream that nobody reads.
			MaxReceiveBufferPerConnection: 256 << 10,
			MaxReceiveBufferPerStream:     256 << 10,
			SendPingTimeout:               30 * time.Second,
			WriteByteTimeout:              30 * time.Second,
		},
		// net/http reports what clients do wrong.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
