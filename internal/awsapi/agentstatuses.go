package awsapi

import (
	"context"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) agentStatusHandlers() map[string]handler {
	d := documentType[*lanyard.AgentStatus]{Server: s, noun: "AgentStatus", fixed: []string{"ResetOrderNumber"},
		clears: []string{"Description"},
		empty:  func() *lanyard.AgentStatus { return new(lanyard.AgentStatus) },
		change: resetOrder,
		wanted: func(in any) (func(*lanyard.AgentStatus) bool, string) {
			types := in.(*model.ListAgentStatusRequest).AgentStatusTypes
			return func(r *lanyard.AgentStatus) bool {
				var kind string
				err := kept(r.Members, "Type", &kind)
				return len(types) == 0 || err == nil && slices.Contains(types, kind)
			}, strings.Join(types, ",")
		}}
	return furnished(d, map[string]handler{
		"CreateAgentStatus":   createsDocument[model.CreateAgentStatusResponse](d),
		"DescribeAgentStatus": describesDocument[model.DescribeAgentStatusResponse](d),
		"ListAgentStatuses":   listsDocuments[model.ListAgentStatusResponse](d),
		"SearchAgentStatuses": searchesDocuments[model.SearchAgentStatusesResponse](d),
		"UpdateAgentStatus":   updates(d),
	})
}

// resetOrder takes a status out of the order of display.
func resetOrder(in any, r *lanyard.AgentStatus) error {
	u := in.(*model.UpdateAgentStatusRequest)
	if u.ResetOrderNumber == nil || !*u.ResetOrderNumber {
		return nil
	}
	if u.DisplayOrder != nil {
		return lanyard.Errorf(lanyard.Invalid, "DisplayOrder must be absent when ResetOrderNumber is true, got %d",
			*u.DisplayOrder)
	}
	delete(r.Members, "DisplayOrder")
	return nil
}

// furnished are the handlers of documents of which every instance has some: those that earlier versions of lanyard made
// get theirs when they are first asked for.
func furnished[R lanyard.Documented](d documentType[R], handlers map[string]handler) map[string]handler {
	for name, handle := range handlers {
		handlers[name] = func(ctx context.Context, req *request, in model.Input) (answer, error) {
			if err := control.Furnish[R](ctx, d.control, req.Call, membersOf(in).text("InstanceId")); err != nil {
				return answer{}, err
			}
			return handle(ctx, req, in)
		}
	}
	return handlers
}
