package awsapi

import (
	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
)

func (s *Server) promptHandlers() map[string]handler {
	d := documentType[*lanyard.Prompt]{Server: s, noun: "Prompt", empty: func() *lanyard.Prompt { return new(lanyard.Prompt) }}
	return map[string]handler{
		"CreatePrompt":   createsDocument[model.CreatePromptResponse](d),
		"DescribePrompt": describesDocument[model.DescribePromptResponse](d),
		"ListPrompts":    listsDocuments[model.ListPromptsResponse](d),
		"SearchPrompts":  searchesDocuments[model.SearchPromptsResponse](d),
		"UpdatePrompt":   updatesTo[model.UpdatePromptResponse](d),
		"DeletePrompt":   deletes(d),
	}
}
