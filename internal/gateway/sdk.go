package gateway

import (
	_ "github.com/modelcontextprotocol/go-sdk/mcp" // what speaks MCP
	_ "github.com/yosida95/uritemplate/v3"         // resources
)
