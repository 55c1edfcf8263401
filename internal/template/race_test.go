//go:build race

package template

func init() { underRaceDetector = true }
