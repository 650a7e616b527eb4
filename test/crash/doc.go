// Package crash kills a running server under load, again and again, and judges
// from outside what its users would see: every acknowledged event reaches the
// consumer, once and in order.
package crash
