package awsapi

import (
	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
)

func (s *Server) authenticationProfileHandlers() map[string]handler {
	d := documentType[*lanyard.AuthenticationProfile]{Server: s, noun: "AuthenticationProfile",
		empty: func() *lanyard.AuthenticationProfile { return new(lanyard.AuthenticationProfile) }}
	return furnished(d, map[string]handler{
		"DescribeAuthenticationProfile": describesDocument[model.DescribeAuthenticationProfileResponse](d),
		"ListAuthenticationProfiles":    listsDocuments[model.ListAuthenticationProfilesResponse](d),
		"UpdateAuthenticationProfile":   updates(d),
	})
}
