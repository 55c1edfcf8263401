package awsapi

import (
	"net/url"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
)

// node is a place in the tree of paths: one segment further for each literal, or for any value
// when the model has a label there. Literals go first.
type node struct {
	literals   map[string]*node
	label      *node
	operations map[string]*operation // by method
}

func newRoutes(operations []*operation) *node {
	root := new(node)
	for _, op := range operations {
		at := root
		for segment := range strings.SplitSeq(op.URI[1:], "/") {
			next := &at.label
			if !strings.HasPrefix(segment, "{") {
				if at.literals == nil {
					at.literals = map[string]*node{}
				}
				n := at.literals[segment]
				if n == nil {
					n = new(node)
					at.literals[segment] = n
				}
				at = n
				continue
			}
			if *next == nil {
				*next = new(node)
			}
			at = *next
		}
		if at.operations == nil {
			at.operations = map[string]*operation{}
		}
		if at.operations[op.Method] != nil {
			panic("awsapi: two operations at " + op.Method + " " + op.URI)
		}
		at.operations[op.Method] = op
	}
	return root
}

// findOperation walks segments and returns the operation with the values that its labels took, still as sent.
func (n *node) findOperation(method string, segments []string, values []string) (*operation, []string) {
	if len(segments) == 0 {
		return n.operations[method], values
	}
	if next := n.literals[segments[0]]; next != nil {
		if op, v := next.findOperation(method, segments[1:], values); op != nil {
			return op, v
		}
	}
	if n.label != nil && segments[0] != "" {
		return n.label.findOperation(method, segments[1:], append(values, segments[0]))
	}
	return nil, nil
}

// Bounds of a target. The longest real path holds two ARNs, each percent-encoded.
const (
	maxTarget   = 16 << 10
	maxSegments = 12
)

// route finds the operation by method and path as sent. Nothing is decoded yet: nobody has signed.
func (s *Server) route(req *request) error {
	method, target := req.http.Method, req.http.RequestURI
	unknown := func() error {
		return lanyard.Errorf(lanyard.UnknownRoute, "no operation of Amazon Connect has method %s and this path",
			lanyard.Clip(method))
	}
	if target == "" { // a request that did not come over the wire
		target = req.http.URL.RequestURI()
	}
	if len(target) > maxTarget {
		return lanyard.Errorf(lanyard.TooLarge, "the request target must be at most %d bytes, got %d", maxTarget,
			len(target))
	}
	path, query, _ := strings.Cut(target, "?")
	req.query = query
	if !strings.HasPrefix(path, "/") {
		return unknown()
	}
	segments := strings.Split(path[1:], "/")
	if len(segments) > 1 && segments[0] == "tags" { // an ARN whose slashes a client left as they are
		segments = []string{"tags", strings.Join(segments[1:], "/")}
	}
	if len(segments) > maxSegments {
		return unknown()
	}
	op, values := s.routes.findOperation(method, segments, make([]string, 0, 4))
	if op == nil {
		return unknown()
	}
	req.op, req.Operation, req.values = op, op.Name, values
	return nil
}

// bind takes labels and query apart.
func bind(req *request) error {
	for i, value := range req.values {
		plain, err := url.PathUnescape(value)
		if err != nil {
			return lanyard.Errorf(lanyard.Malformed, "the path must be percent-encoded correctly")
		}
		req.params.Labels = append(req.params.Labels, model.Label{Name: req.op.labels[i], Value: plain})
	}
	if req.query != "" {
		values, err := url.ParseQuery(req.query)
		if err != nil {
			return lanyard.Errorf(lanyard.Malformed, "the query must be percent-encoded correctly: %v", err)
		}
		req.params.Query = values
	}
	return nil
}

// labelsOf lists the labels of a URI in order.
func labelsOf(uri string) []string {
	var names []string
	for segment := range strings.SplitSeq(uri, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}
