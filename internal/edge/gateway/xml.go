package gateway

import (
	"encoding/base64"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tributary/internal/service/api"
)

const xmlType = "text/xml"

// appendXMLAnswer appends the document of a Query operation's answer: the
// output's members in OpResult, which a void operation (out is nil) has not.
func appendXMLAnswer(dst []byte, operation, namespace string, out any, requestID string) []byte {
	dst = append(dst, "<"+operation+"Response"...)
	dst = appendNamespace(dst, namespace)
	if out != nil {
		dst = append(dst, "<"+operation+"Result>"...)
		dst = appendXMLMembers(dst, reflect.ValueOf(out).Elem())
		dst = append(dst, "</"+operation+"Result>"...)
	}
	dst = append(dst, "<ResponseMetadata><RequestId>"+requestID+"</RequestId></ResponseMetadata>"...)
	return append(dst, "</"+operation+"Response>\n"...)
}

// appendXMLError appends the document of a Query service's refusal.
func appendXMLError(dst []byte, e *api.Exception, namespace, requestID string) []byte {
	fault := "Sender"
	if e.Status >= 500 {
		fault = "Receiver"
	}
	dst = append(dst, "<ErrorResponse"...)
	dst = appendNamespace(dst, namespace)
	dst = append(dst, "<Error><Type>"+fault+"</Type><Code>"...)
	dst = appendXMLText(dst, e.Code)
	dst = append(dst, "</Code><Message>"...)
	dst = appendXMLText(dst, e.Message)
	dst = append(dst, "</Message></Error><RequestId>"+requestID+"</RequestId></ErrorResponse>\n"...)
	return dst
}

// appendNamespace ends a start tag. A request that was refused before its
// service was known has no namespace; SDKs do not look at it.
func appendNamespace(dst []byte, namespace string) []byte {
	if namespace != "" {
		dst = append(dst, ` xmlns="`...)
		dst = appendXMLText(dst, namespace)
		dst = append(dst, '"')
	}
	return append(dst, '>')
}

// appendXMLMembers appends the members of a struct under their wire names.
func appendXMLMembers(dst []byte, v reflect.Value) []byte {
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		f := v.Field(i)
		if f.Kind() == reflect.Pointer && f.IsNil() || options == "omitzero" && absent(f) {
			continue
		}
		dst = appendXMLElement(dst, name, f)
	}
	return dst
}

// absent reports whether an optional member with this value is left out.
func absent(v reflect.Value) bool {
	if t, ok := v.Interface().(api.Timestamp); ok {
		return t.IsZero()
	}
	return v.IsZero()
}

func appendXMLElement(dst []byte, name string, v reflect.Value) []byte {
	dst = append(dst, "<"+name+">"...)
	dst = appendXMLValue(dst, v)
	return append(dst, "</"+name+">"...)
}

// appendXMLValue appends the content of an element. It panics on a Go type that
// no shape has, which is a mistake in a service's table.
func appendXMLValue(dst []byte, v reflect.Value) []byte {
	if t, ok := v.Interface().(api.Timestamp); ok {
		return t.UTC().AppendFormat(dst, time.RFC3339)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return dst
		}
		return appendXMLValue(dst, v.Elem())
	case reflect.Struct:
		return appendXMLMembers(dst, v)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return base64.StdEncoding.AppendEncode(dst, v.Bytes())
		}
		for i := range v.Len() {
			dst = appendXMLElement(dst, "member", v.Index(i))
		}
		return dst
	case reflect.Map:
		keys := map[string]reflect.Value{}
		for _, k := range v.MapKeys() {
			keys[k.String()] = k
		}
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			dst = append(dst, "<entry><key>"...)
			dst = appendXMLText(dst, k)
			dst = append(dst, "</key>"...)
			dst = appendXMLElement(dst, "value", v.MapIndex(keys[k]))
			dst = append(dst, "</entry>"...)
		}
		return dst
	case reflect.String:
		return appendXMLText(dst, v.String())
	case reflect.Bool:
		return strconv.AppendBool(dst, v.Bool())
	case reflect.Int32, reflect.Int64:
		return strconv.AppendInt(dst, v.Int(), 10)
	case reflect.Float64:
		return strconv.AppendFloat(dst, v.Float(), 'g', -1, 64)
	default:
		panic(fmt.Sprintf("gateway: no XML for Go type %v", v.Type()))
	}
}

// appendXMLText appends s escaped. Characters that XML 1.0 cannot hold in any
// form, and bytes that are not UTF-8, become U+FFFD; a carriage return is
// escaped, since parsers would make it a line feed.
func appendXMLText(dst []byte, s string) []byte {
	for _, c := range s {
		switch {
		case c == '&':
			dst = append(dst, "&amp;"...)
		case c == '<':
			dst = append(dst, "&lt;"...)
		case c == '>':
			dst = append(dst, "&gt;"...)
		case c == '"':
			dst = append(dst, "&quot;"...)
		case c == '\r':
			dst = append(dst, "&#xD;"...)
		case c < 0x20 && c != '\t' && c != '\n', c == 0xFFFE, c == 0xFFFF:
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			dst = utf8.AppendRune(dst, c)
		}
	}
	return dst
}
