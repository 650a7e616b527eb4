package gateway

import (
	"net/http"
	"strings"

	"tributary/internal/service/api"
)

// serveUnsigned answers a form without credentials, if it is for one of the few
// operations that need none. Everything else is refused for the reason why, and so is
// a body that is compressed or not small, since nobody answers for what it costs.
func (x *exchange) serveUnsigned(why error) error {
	if x.r.Header["Authorization"] != nil || strings.Contains(x.r.URL.RawQuery, "X-Amz-") {
		return why // credentials, though no good ones
	}
	form, ok := x.readOpenForm()
	if !ok {
		return why
	}
	tree, err := decodeForm(form)
	if err != nil || !x.routeUnsigned(tree) {
		return why
	}
	out, err := x.config.Dispatcher.Do(x.r.Context(), x.operation, x.call(api.Nobody()), api.Input{Tree: tree, Loose: true})
	if err != nil {
		return err
	}
	return x.answerQuery(out)
}

// readOpenForm is the form of a request that anybody may have sent.
func (x *exchange) readOpenForm() (form string, ok bool) {
	if x.r.Method == http.MethodGet {
		return x.r.URL.RawQuery, true
	}
	if x.r.ContentLength > smallBody || !x.plain() {
		return "", false
	}
	body, err := x.readSmall()
	if err != nil {
		return "", false
	}
	defer body.release(true)
	return string(body.bytes()), true
}

// routeUnsigned finds the operation that Action and Version name among those that
// need no signature. There is no credential scope to name the service.
func (x *exchange) routeUnsigned(tree map[string]any) bool {
	action, _ := tree["Action"].(string)
	for _, service := range x.config.Dispatcher.Services() {
		operation, ok := x.config.Dispatcher.Operation(service.Name, action)
		if ok && operation.Unsigned() && service.Protocol == api.Query && tree["Version"] == service.Version {
			x.service, x.operation = service, operation
			return true
		}
	}
	return false
}
