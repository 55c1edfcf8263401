package main

import (
	_ "embed"
	"fmt"
	"runtime/debug"
	"strings"
)

// versionFile is the one place that has the version: of the program, and of the packages for Python and JavaScript.
//
//go:embed VERSION
var versionFile string

type versionCmd struct{}

func (versionCmd) Help() string { return "Examples:\n  lanyard version" }

func (versionCmd) Run(io streams) error {
	fmt.Fprintln(io.out, "lanyard", version())
	return nil
}

// version returns the version of the program, with the commit from which it was built if that is known and is not the
// release.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return strings.TrimSpace(versionFile)
	}
	return versionOf(strings.TrimSpace(versionFile), info)
}

// versionOf adds to a version the commit that a build from a checkout knows, as SemVer's build metadata.
func versionOf(released string, info *debug.BuildInfo) string {
	if info.Main.Version == "v"+released { // installed from a tag
		return released
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	commit := settings["vcs.revision"]
	if len(commit) > 12 {
		commit = commit[:12]
	}
	switch {
	case commit == "":
		return released
	case settings["vcs.modified"] == "true":
		return released + "+" + commit + ".dirty"
	}
	return released + "+" + commit
}
