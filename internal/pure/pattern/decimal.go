package pattern

import "bytes"

// A decimal is a number as it is written, taken apart so that two of any size
// and precision can be compared without converting them: 0.1 is not rounded,
// 1e400 is not infinite, and -0 is 0.
type decimal struct {
	negative bool
	// digits runs from the first digit that is not zero to the last, and may
	// hold the point; it is empty for zero.
	digits []byte
	// lead is the power of ten of the first of digits.
	lead int64
}

// maxExponent is where exponents stop being told apart. No text that fits into an
// event comes near it by its digits alone.
const maxExponent = 1 << 40

// parseDecimal reads s, which must be a number as a whole, in the grammar of doc.go.
// The result refers to s.
func parseDecimal(s []byte) (d decimal, ok bool) {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		d.negative = s[i] == '-'
		i++
	}
	begin, point := i, -1
	first, last := -1, -1 // digits that are not zero
	for ; i < len(s); i++ {
		c := s[i]
		if c == '.' && point < 0 {
			point = i
			continue
		}
		if !isDigit(c) {
			break
		}
		if c != '0' {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	end := i
	if point < 0 {
		point = end
	}
	if end == begin || end == begin+1 && s[begin] == '.' {
		return d, false
	}
	exponent, ok := parseExponent(s[end:])
	if !ok {
		return d, false
	}
	if first < 0 {
		d.negative = false
		return d, true
	}
	d.digits = s[first : last+1]
	d.lead = exponent + int64(point-first)
	if first < point {
		d.lead--
	}
	return d, true
}

// parseExponent reads what may follow the digits: nothing, or e and a number.
func parseExponent(s []byte) (exponent int64, ok bool) {
	if len(s) == 0 {
		return 0, true
	}
	if s[0]|0x20 != 'e' {
		return 0, false
	}
	s = s[1:]
	negative := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if len(s) == 0 {
		return 0, false
	}
	for _, c := range s {
		if !isDigit(c) {
			return 0, false
		}
		exponent = min(exponent*10+int64(c-'0'), maxExponent)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, true
}

// compare returns -1, 0 or +1 as d is less than, equal to or greater than e.
func (d decimal) compare(e decimal) int {
	if d.sign() != e.sign() {
		if d.sign() < e.sign() {
			return -1
		}
		return 1
	}
	magnitude := d.compareMagnitude(e)
	if d.negative {
		return -magnitude
	}
	return magnitude
}

func (d decimal) sign() int {
	switch {
	case len(d.digits) == 0:
		return 0
	case d.negative:
		return -1
	default:
		return 1
	}
}

func (d decimal) compareMagnitude(e decimal) int {
	if d.lead != e.lead {
		if d.lead < e.lead {
			return -1
		}
		return 1
	}
	a, b := d.digits, e.digits
	if bytes.Equal(a, b) {
		return 0
	}
	for {
		if len(a) > 0 && a[0] == '.' {
			a = a[1:]
		}
		if len(b) > 0 && b[0] == '.' {
			b = b[1:]
		}
		switch {
		case len(a) == 0 && len(b) == 0:
			return 0
		case len(a) == 0: // b goes on to a digit that is not zero
			return -1
		case len(b) == 0:
			return 1
		case a[0] < b[0]:
			return -1
		case a[0] > b[0]:
			return 1
		}
		a, b = a[1:], b[1:]
	}
}
