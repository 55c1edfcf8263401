package main

import (
	"fmt"
	"regexp"
	"strings"
)

// A pattern is a regular expression of the model in RE2's terms: a value fits
// when it matches all of Match and none of Refuse.
type pattern struct {
	Text   string // for people: the model's, mended
	Match  []string
	Refuse []string
}

var unicodeEscape = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

// translate rewrites a pattern of the model, which is written for JavaScript or
// Java. Like there, a pattern without anchors may match anywhere in the value.
// RE2 has no lookaheads; the model has them only in front, where they become
// expressions of their own, and such a pattern is anchored there.
func translate(text string) (*pattern, error) {
	if len(text) > 1 && text[0] == '/' && text[len(text)-1] == '/' {
		text = text[1 : len(text)-1] // written as a JavaScript literal
	}
	// Some patterns were escaped once too often on their way into the model, such
	// as \\+[1-9]\\d{1,14}$ for a phone number; none of them means a backslash.
	text = strings.ReplaceAll(text, `\\`, `\`)
	p := &pattern{Text: text}

	rest := unicodeEscape.ReplaceAllString(text, `\x{$1}`)
	for {
		inner, after, kind, err := lookahead(strings.TrimPrefix(rest, "^"))
		if err != nil {
			return nil, fmt.Errorf("pattern %s: %w", text, err)
		}
		if kind == 0 {
			break
		}
		if kind == '=' {
			p.Match = append(p.Match, "^(?:"+inner+")")
		} else {
			p.Refuse = append(p.Refuse, "^(?:"+inner+")")
		}
		rest = after
	}
	if len(p.Match)+len(p.Refuse) > 0 {
		rest = "^(?:" + rest + ")"
	}
	p.Match = append(p.Match, rest)
	for _, expr := range append(p.Match, p.Refuse...) {
		if _, err := regexp.Compile(expr); err != nil {
			return nil, fmt.Errorf("pattern %s: %w", text, err)
		}
	}
	return p, nil
}

// lookahead cuts a leading (?=…) or (?!…) off expr; kind is '=' or '!', or 0 when
// there is none.
func lookahead(expr string) (inner, after string, kind byte, err error) {
	if !strings.HasPrefix(expr, "(?=") && !strings.HasPrefix(expr, "(?!") {
		return "", expr, 0, nil
	}
	depth, class := 0, false
	for i := 0; i < len(expr); i++ {
		switch c := expr[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return expr[3:i], expr[i+1:], expr[2], nil
			}
		}
	}
	return "", "", 0, fmt.Errorf("unbalanced lookahead")
}
