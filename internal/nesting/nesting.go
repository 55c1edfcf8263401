// Package nesting finds JSON whose arrays and objects are nested too deeply before a decoder
// follows them down. It counts brackets only: whether the text is JSON is for the decoder to say.
package nesting

import "bytes"

// Exceeds reports whether arrays and objects of body are nested more than most levels deep.
func Exceeds(body []byte, most int) bool {
	if bytes.Count(body, []byte("["))+bytes.Count(body, []byte("{")) <= most {
		return false
	}
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		c := body[i]
		switch {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > most {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
