// Modelgen turns Amazon Connect's service model into package awsapi/model. It
// works in two steps, so that the second needs no network and CI can repeat it:
// reduce takes out of a botocore wheel what the tree pins, and generate writes
// the Go code from that. It does not fetch the wheel.
//
//	modelgen reduce -wheel botocore-1.44.5-py3-none-any.whl -out internal/awsapi/model
//	modelgen generate -dir internal/awsapi/model [-check]
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

const usage = "usage: modelgen reduce -wheel FILE -out DIR | modelgen generate -dir DIR [-check]"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "modelgen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	switch args[0] {
	case "reduce":
		wheel := flags.String("wheel", "", "the botocore wheel to read")
		out := flags.String("out", "internal/awsapi/model", "the folder of operations.txt, where model.json is written")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return reduceFile(*wheel, *out)
	case "generate":
		dir := flags.String("dir", "internal/awsapi/model", "the folder of model.json and operations.txt")
		check := flags.Bool("check", false, "write nothing, and fail when a file is not what would be written")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		if *check {
			return checkDir(*dir)
		}
		return generateDir(*dir)
	}
	return errors.New(usage)
}

// generateDir writes the generated files of dir.
func generateDir(dir string) error {
	files, err := generated(dir)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// checkDir says which files of dir are not what generateDir would leave there.
func checkDir(dir string) error {
	files, err := generated(dir)
	if err != nil {
		return err
	}
	present, err := filepath.Glob(filepath.Join(dir, "*_gen.go"))
	if err != nil {
		return err
	}
	var stale []string
	for _, path := range present {
		if name := filepath.Base(path); files[name] == nil {
			stale = append(stale, name)
		}
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if !bytes.Equal(got, want) {
			stale = append(stale, name)
		}
	}
	if len(stale) == 0 {
		return nil
	}
	slices.Sort(stale)
	return fmt.Errorf("not up to date in %s: %v", dir, stale)
}

// generated reads dir and returns the generated files by name.
func generated(dir string) (map[string][]byte, error) {
	m, err := readModel(filepath.Join(dir, "model.json"))
	if err != nil {
		return nil, err
	}
	levels, err := readOperations(filepath.Join(dir, "operations.txt"))
	if err != nil {
		return nil, err
	}
	relaxed, err := readRelaxed(filepath.Join(dir, "relaxed.txt"))
	if err != nil {
		return nil, err
	}
	return generate(m, levels, relaxed)
}
