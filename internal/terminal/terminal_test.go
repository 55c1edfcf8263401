package terminal

import "testing"

func TestPaint(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    Painter
		s    Style
		want string
	}{
		{"without colours", Painter{}, Red, "text"},
		{"without a style", Painter{Color: true}, "", "text"},
		{"two styles", Painter{Color: true}, BoldRed, "\x1b[1;31mtext\x1b[0m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.p.Paint(tt.s, "text"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
