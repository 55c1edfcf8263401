package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// reduceFile reads the connect model out of a botocore wheel and writes the part
// that operations.txt asks for to model.json next to it.
func reduceFile(wheel, dir string) error {
	m, err := readWheel(wheel)
	if err != nil {
		return fmt.Errorf("read %s: %w", wheel, err)
	}
	levels, err := readOperations(filepath.Join(dir, "operations.txt"))
	if err != nil {
		return err
	}
	if err := m.reduce(levels); err != nil {
		return err
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false) // patterns are full of < and &
	if err := enc.Encode(m); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "model.json"), text.Bytes(), 0o644)
}

// readWheel returns the newest connect model of the wheel.
func readWheel(wheel string) (*Model, error) {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return nil, err
	}
	defer archive.Close()

	var newest, version string
	for _, f := range archive.File {
		if ok, _ := path.Match("botocore/data/connect/*/service-2.json.gz", f.Name); ok {
			newest = max(newest, f.Name) // the folder is a date
		}
		if ok, _ := path.Match("botocore-*.dist-info/METADATA", f.Name); ok {
			version = strings.TrimSuffix(strings.TrimPrefix(path.Dir(f.Name), "botocore-"), ".dist-info")
		}
	}
	if newest == "" || version == "" {
		return nil, errors.New("no botocore with a connect model in it")
	}
	f, err := archive.Open(newest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(unzipped)
	if err != nil {
		return nil, err
	}
	m := new(Model)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, err
	}
	m.Source = Source{"botocore", version, path.Base(path.Dir(newest))}
	return m, nil
}

// reduce drops the inputs and outputs of the operations that are not listed, and
// every shape that no listed operation reaches.
func (m *Model) reduce(levels map[string]string) error {
	var roots []string
	for _, name := range sorted(levels) {
		op, ok := m.Operations[name]
		if !ok {
			return fmt.Errorf("the model has no operation %s", name)
		}
		for _, ref := range append(op.Errors, deref(op.Input), deref(op.Output)) {
			if ref.Shape != "" {
				roots = append(roots, ref.Shape)
			}
		}
	}
	for name, op := range m.Operations {
		slices.SortFunc(op.Errors, func(a, b Ref) int { return strings.Compare(a.Shape, b.Shape) })
		if levels[name] == "" {
			op.Input, op.Output = nil, nil
		}
		m.Operations[name] = op
	}
	keep := m.reach(append(roots, always...)...)
	for name, s := range m.Shapes {
		if !keep[name] {
			delete(m.Shapes, name)
			continue
		}
		slices.Sort(s.Required)
		m.Shapes[name] = s
	}
	return nil
}

// always are the exceptions that any operation may answer with.
var always = []string{"AccessDeniedException", "ThrottlingException"}

func deref(ref *Ref) Ref {
	if ref == nil {
		return Ref{}
	}
	return *ref
}
