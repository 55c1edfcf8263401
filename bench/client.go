package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	region    = "us-east-1"
	service   = "connect"
	account   = "123456789012"
	accessKey = "AKIABENCHBENCHBENCH1"
	secretKey = "secret-of-the-benchmark-and-of-nothing-else"
)

var signer = v4.NewSigner()

// signed is a request as it goes over the wire, with the headers that boto3 sends. Its signature
// counts for five minutes, so that it can be sent again and again.
func signed(addr, method, path string, body any) ([]byte, error) {
	return signedWith(addr, method, path, nil, body)
}

// signedWith is signed with more headers, which are signed too.
func signedWith(addr, method, path string, more http.Header, body any) ([]byte, error) {
	content, err := marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(method, "http://"+addr+path, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent",
		"Boto3/1.43.0 md/Botocore#1.43.0 ua/2.1 os/linux md/arch#x86_64 lang/python#3.13.5 cfg/retry-mode#standard "+
			"Botocore/1.43.0")
	r.Header.Set("Amz-Sdk-Invocation-Id", "0a5b7a5e-7c57-4f0e-9c3a-2f1f6a525c1d")
	r.Header.Set("Amz-Sdk-Request", "attempt=1")
	if content != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range more {
		r.Header[name] = values
	}
	sum := sha256.Sum256(content)
	creds := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	if err := signer.SignHTTP(context.Background(), creds, r, hex.EncodeToString(sum[:]), service, region,
		time.Now()); err != nil {
		return nil, err
	}
	return wire(addr, method, path, r.Header, content), nil
}

// bearing is a request as it goes over the wire, with a token unless that is "".
func bearing(addr, path, token string, body any) ([]byte, error) {
	content, err := marshal(body)
	if err != nil {
		return nil, err
	}
	h := http.Header{"User-Agent": {"Go-http-client/1.1"}, "Content-Type": {"application/json"},
		"Accept": {"application/json"}}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	return wire(addr, http.MethodPost, path, h, content), nil
}

// marshal encodes a body; a nil body is none.
func marshal(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	return json.Marshal(body)
}

func wire(addr, method, path string, h http.Header, content []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept-Encoding: identity\r\n", method, path, addr)
	if content != nil {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(content))
	}
	h.Write(&b)
	b.WriteString("\r\n")
	b.Write(content)
	return b.Bytes()
}

// call sends one signed request and decodes the answer into out, unless that is nil.
func call(ctx context.Context, addr, method, path string, body, out any) error {
	request, err := signed(addr, method, path, body)
	if err != nil {
		return err
	}
	if err := send(ctx, addr, request, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// send sends one request and decodes the answer into out, unless that is nil.
func send(ctx context.Context, addr string, request []byte, out any) error {
	c, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	defer c.c.Close()
	var answer bytes.Buffer
	status, err := c.do(request, &answer)
	if err != nil {
		return err
	}
	if status != http.StatusOK && status != http.StatusCreated {
		return fmt.Errorf("status %d: %s", status, answer.Bytes())
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer.Bytes(), out)
}
