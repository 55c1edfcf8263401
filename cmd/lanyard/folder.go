package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/gofrs/flock"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/durable"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// Files that a server leaves in its data folder for other commands and clients.
const (
	credentialsFile = "credentials"   // AWS shared-credentials format; the root access key
	endpointFile    = "endpoint.json" // where the server that uses the folder listens
)

var regionForm = regexp.MustCompile(`^[a-z]{2}(-[a-z]+){1,2}-[0-9]$`)

var partitionForm = regexp.MustCompile(`^aws(-[a-z]+)*$`)

// endpoint describes where a server listens.
type endpoint struct {
	URL    string
	Region string
	// Certificate is the SHA-256 of the certificate that it shows, in hexadecimal; "" without TLS.
	Certificate string `json:",omitempty"`
	// Proof is a key that is generated at each start, by which the program that listens at URL proves to be this
	// server. After a crash, anybody on the machine may listen there.
	Proof string
}

// inUse reports whether a server, or another command, holds the data folder.
func inUse(dir string) (bool, error) {
	name := filepath.Join(dir, "lanyard.lock")
	if _, err := os.Stat(name); err != nil {
		return false, nil // there is no lock to hold
	}
	lock := flock.New(name, flock.SetPermissions(0o600))
	free, err := lock.TryRLock()
	if err != nil {
		return false, fmt.Errorf("look at the lock of the data folder: %w", err)
	}
	return !free, lock.Close()
}

// writeCredentials writes the root key and the endpoint to the data folder, readable by its owner only.
func writeCredentials(dir string, root lanyard.AccessKey, here endpoint) error {
	if err := writeKey(dir, root); err != nil {
		return err
	}
	b, err := laxjson.Marshal(here)
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, endpointFile), b)
}

func writeKey(dir string, root lanyard.AccessKey) error {
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", root.ID, root.Secret)
	return replaceFile(filepath.Join(dir, credentialsFile), []byte(text))
}

// replaceFile writes a file atomically, with mode 0600. Once it has returned, the file survives a crash of the
// machine.
func replaceFile(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*") // has mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", name, err)
	}
	return durable.SyncFolder(filepath.Dir(name))
}

var credentialsLine = regexp.MustCompile(`(?m)^(aws_access_key_id|aws_secret_access_key) = (.*)$`)

// readCredentials returns the root key that a server left in the data folder.
func readCredentials(dir string) (id, secret string, err error) {
	b, err := os.ReadFile(filepath.Join(dir, credentialsFile))
	if err != nil {
		return "", "", err
	}
	for _, m := range credentialsLine.FindAllStringSubmatch(string(b), -1) {
		if m[1] == "aws_access_key_id" {
			id = m[2]
		} else {
			secret = m[2]
		}
	}
	if id == "" || secret == "" {
		return "", "", fmt.Errorf("%s does not hold an access key", filepath.Join(dir, credentialsFile))
	}
	return id, secret, nil
}

// readEndpoint returns where the server that uses the data folder listens. An endpoint whose server no longer holds
// the folder does not exist.
func readEndpoint(dir string) (endpoint, error) {
	var e endpoint
	if _, err := checkMode(dir); err != nil { // others may have written the file
		return e, err
	}
	name := filepath.Join(dir, endpointFile)
	b, err := os.ReadFile(name)
	if err != nil {
		return e, err
	}
	if err := laxjson.Unmarshal(b, &e); err != nil {
		return e, fmt.Errorf("read %s: %w", name, err)
	}
	held, err := inUse(dir)
	if err == nil && !held {
		err = fmt.Errorf("%s is of a server that does not run: %w", name, fs.ErrNotExist)
	}
	return e, err
}

// createFile creates a file that must not exist, readable by its owner only; "" and "-" mean out. finish closes the
// file, or removes it if its content is incomplete.
func createFile(name string, out io.Writer) (w io.Writer, finish func(error) error, err error) {
	if name == "" || name == "-" {
		return out, func(err error) error { return err }, nil
	}
	if err := notURL("the file", name); err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, nil, refuse("%s already exists; it is not overwritten", name)
	}
	if err != nil {
		return nil, nil, err
	}
	return f, func(err error) error {
		if err == nil {
			err = f.Sync()
		}
		err = errors.Join(err, f.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(name))
		}
		return err
	}, nil
}
