package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type order struct {
	Order string `json:"order" jsonschema:"number of the order"`
}

type refund struct {
	Order  string  `json:"order" jsonschema:"number of the order"`
	Amount float64 `json:"amount" jsonschema:"dollars to pay back"`
}

// tool adds a tool that answers with one line.
func tool[In any](s *mcp.Server, name, description string, answer func(In) string) {
	mcp.AddTool(s, &mcp.Tool{Name: name, Description: description},
		func(_ context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: answer(in)}}}, nil, nil
		})
}

// serveOrders is an MCP server that speaks over its standard input and output.
func serveOrders(ctx context.Context) error {
	s := mcp.NewServer(&mcp.Implementation{Name: "orders", Version: "1"}, nil)
	tool(s, "find_order", "Says where an order is.", func(in order) string {
		return "Order " + in.Order + " arrived on Monday."
	})
	tool(s, "cancel_order", "Cancels an order.", func(in order) string { return "Order " + in.Order + " is cancelled." })
	err := s.Run(ctx, &mcp.StdioTransport{})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// serveRefunds is an MCP server that speaks streamable HTTP. It prints its address.
func serveRefunds(ctx context.Context) error {
	s := mcp.NewServer(&mcp.Implementation{Name: "refunds", Version: "1"}, nil)
	tool(s, "refund_status", "Says whether an order was paid back.", func(in order) string {
		return "Order " + in.Order + " was not paid back."
	})
	tool(s, "pay_refund", "Pays back an order.", func(in refund) string {
		return fmt.Sprintf("%.2f dollars for order %s are on their way.", in.Amount, in.Order)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "http://%s\n", l.Addr())
	server := &http.Server{Handler: mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, nil)}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
