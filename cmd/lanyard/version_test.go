package main

import (
	"regexp"
	"runtime/debug"
	"testing"
)

// TestVersionFile expects a version that SemVer, PEP 440 and Go's modules read in the same way.
func TestVersionFile(t *testing.T) {
	if !regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)\n$`).MatchString(versionFile) {
		t.Errorf("VERSION must be one line MAJOR.MINOR.PATCH, got %q", versionFile)
	}
}

func TestVersionOf(t *testing.T) {
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}
	for _, tt := range []struct {
		name     string
		main     string
		settings []debug.BuildSetting
		want     string
	}{
		{"from a tag", "v1.2.3", []debug.BuildSetting{revision}, "1.2.3"},
		{"from a source archive", "(devel)", nil, "1.2.3"},
		{"from a checkout", "v1.2.4-0.20261130100000-0123456789ab", []debug.BuildSetting{revision}, "1.2.3+0123456789ab"},
		{"from a changed checkout", "v1.2.4-0.20261130100000-0123456789ab+dirty",
			[]debug.BuildSetting{revision, {Key: "vcs.modified", Value: "true"}}, "1.2.3+0123456789ab.dirty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			info := &debug.BuildInfo{Main: debug.Module{Version: tt.main}, Settings: tt.settings}
			if got := versionOf("1.2.3", info); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
