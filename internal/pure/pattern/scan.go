package pattern

import (
	"encoding/binary"
	"math/bits"
)

// scanString reads the JSON string whose quote is at i and returns the position after
// it, or -1, and whether it has escapes.
func scanString(text []byte, i int) (end int, escaped bool) {
	i++
	for {
		for len(text)-i >= 8 {
			stop := stringStops(binary.LittleEndian.Uint64(text[i:]))
			if stop != 0 {
				i += bits.TrailingZeros64(stop) >> 3
				break
			}
			i += 8
		}
		for i < len(text) && text[i] != '"' && text[i] != '\\' && text[i] >= ' ' {
			i++
		}
		if i == len(text) || text[i] < ' ' {
			return -1, escaped
		}
		if text[i] == '"' {
			return i + 1, escaped
		}
		escaped = true
		switch {
		case i+1 < len(text) && shortEscape[text[i+1]] != 0:
			i += 2
		default:
			if _, ok := hexRune(text, i); !ok {
				return -1, escaped
			}
			i += 6
		}
	}
}

// stringStops returns a word whose lowest set bit is in the first byte of word that is a
// quote, a backslash or a control character; 0 if there is none.
func stringStops(word uint64) uint64 {
	quote := word ^ lowBits*'"'
	backslash := word ^ lowBits*'\\'
	return ((quote-lowBits)&^quote | (backslash-lowBits)&^backslash | (word-lowBits*' ')&^word) & highBits
}

// scanNumber reads the JSON number at i and returns the position after it, or -1.
func scanNumber(text []byte, i int) int {
	if i < len(text) && text[i] == '-' {
		i++
	}
	if i >= len(text) || !isDigit(text[i]) {
		return -1
	}
	if text[i] == '0' {
		i++
	} else {
		i = scanDigits(text, i)
	}
	if i < len(text) && text[i] == '.' {
		if i = scanDigits(text, i+1); !isDigit(text[i-1]) {
			return -1
		}
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if i = scanDigits(text, i); !isDigit(text[i-1]) {
			return -1
		}
	}
	return i
}

func scanDigits(text []byte, i int) int {
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	return i
}
