package leases

import (
	"math/big"
	"strconv"
	"strings"
)

// A decimal is an exact decimal number, unscaled × 10^-scale.
type decimal struct {
	unscaled big.Int
	scale    int
}

// Numbers have at most 38 digits and are zero or between 1e-130 and 1e126 in size,
// as in DynamoDB.
const (
	maxDigits   = 38
	maxExponent = 125
	minExponent = -130
)

// parseNumber reads a number: digits with an optional sign, point and exponent.
func parseNumber(text string) (*decimal, error) {
	if len(text) > 2*maxDigits+maxExponent {
		return nil, errNumber(text[:maxDigits] + "...")
	}
	mantissa, exponent := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		e, err := strconv.Atoi(text[i+1:])
		if err != nil || e > 1000 || e < -1000 {
			return nil, errNumber(text)
		}
		mantissa, exponent = text[:i], e
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole, "+-") + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" || len(whole)-len(strings.TrimLeft(whole, "+-")) > 1 {
		return nil, errNumber(text)
	}
	d := &decimal{scale: len(fraction) - exponent}
	if _, ok := d.unscaled.SetString(digits, 10); !ok {
		return nil, errNumber(text)
	}
	if strings.HasPrefix(whole, "-") {
		d.unscaled.Neg(&d.unscaled)
	}
	return d, d.normalize()
}

func errNumber(text string) error {
	return errInvalid("The parameter cannot be converted to a numeric value: %s", text)
}

var ten = big.NewInt(10)

// normalize takes trailing zeros away and checks the limits.
func (d *decimal) normalize() error {
	if d.unscaled.Sign() == 0 {
		d.scale = 0
		return nil
	}
	var q, r big.Int
	for {
		if q.QuoRem(&d.unscaled, ten, &r); r.Sign() != 0 {
			break
		}
		d.unscaled.Set(&q)
		d.scale--
	}
	digits := len(new(big.Int).Abs(&d.unscaled).String())
	switch first := digits - 1 - d.scale; {
	case digits > maxDigits:
		return errInvalid("Attempting to store more than 38 significant digits in a Number")
	case first > maxExponent:
		return errInvalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
	case first < minExponent:
		return errInvalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
	}
	return nil
}

// String is the number as DynamoDB writes it, without an exponent.
func (d *decimal) String() string {
	digits := new(big.Int).Abs(&d.unscaled).String()
	switch {
	case d.scale <= 0:
		digits += strings.Repeat("0", -d.scale)
	case len(digits) > d.scale:
		digits = digits[:len(digits)-d.scale] + "." + digits[len(digits)-d.scale:]
	default:
		digits = "0." + strings.Repeat("0", d.scale-len(digits)) + digits
	}
	if d.unscaled.Sign() < 0 {
		return "-" + digits
	}
	return digits
}

// aligned are the unscaled values of two numbers at one scale.
func aligned(a, b *decimal) (x, y *big.Int, scale int) {
	scale = max(a.scale, b.scale)
	at := func(d *decimal) *big.Int {
		factor := new(big.Int).Exp(ten, big.NewInt(int64(scale-d.scale)), nil)
		return factor.Mul(factor, &d.unscaled)
	}
	return at(a), at(b), scale
}

func (d *decimal) compare(other *decimal) int {
	x, y, _ := aligned(d, other)
	return x.Cmp(y)
}

// plus is the sum, or the difference when sign is -1.
func (d *decimal) plus(other *decimal, sign int64) (*decimal, error) {
	x, y, scale := aligned(d, other)
	sum := &decimal{scale: scale}
	sum.unscaled.Add(x, y.Mul(y, big.NewInt(sign)))
	return sum, sum.normalize()
}
