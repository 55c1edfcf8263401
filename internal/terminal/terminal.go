// Package terminal makes text safe to print on a terminal, and paints it. It does not know where text goes: whether
// that is a terminal, and whether colours are welcome there, is for the caller to find out.
package terminal

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Escape escapes, as in Go, what does not print: control characters, bytes that are not UTF-8, and invisible
// characters such as those that change the direction of writing.
func Escape(text string) string {
	if strings.IndexFunc(text, isUnsafe) < 0 && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch _, size := utf8.DecodeRuneInString(text[i:]); {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case isUnsafe(r):
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// EscapeLines is Escape for text that may have several lines.
func EscapeLines(text string) string {
	all := strings.Split(text, "\n")
	for i := range all {
		all[i] = Escape(all[i])
	}
	return strings.Join(all, "\n")
}

func isUnsafe(r rune) bool { return !strconv.IsPrint(r) }

// A Style is the parameters of an SGR escape sequence, such as those below, separated by semicolons.
type Style string

// The styles.
const (
	Bold    Style = "1"
	Faint   Style = "2"
	Red     Style = "31"
	Green   Style = "32"
	Yellow  Style = "33"
	Magenta Style = "35"
	Cyan    Style = "36"
	BoldRed       = Bold + ";" + Red
)

// A Painter paints text. The zero Painter leaves it as it is.
type Painter struct{ Color bool }

// Paint returns text in a style; "" is none. It does not escape the text.
func (p Painter) Paint(s Style, text string) string {
	if !p.Color || s == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}
