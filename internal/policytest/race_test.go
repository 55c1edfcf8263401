//go:build race

package policytest

func init() { underRaceDetector = true }
