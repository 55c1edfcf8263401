package console

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/httpstatus"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// call runs an operation of the API for the signed-in user.
func (s *Server) call(ctx context.Context, a *asking) (any, error) {
	c := invocation.Call{Operation: a.rest, Input: a.body, Caller: s.caller(a), Instance: a.session.Instance,
		User: a.session.User, IfMatch: a.http.Header.Get("If-Match")}
	got := s.Call(ctx, c)
	if got.Revision > 0 {
		a.header.Set("X-Lanyard-Revision", strconv.FormatInt(got.Revision, 10))
	}
	if got.Exception == "" {
		if got.ETag != "" {
			a.header.Set("Etag", got.ETag)
		}
		if got.Warning != "" {
			a.header.Set("X-Lanyard-Warning", got.Warning)
		}
		if len(got.Output) == 0 {
			return struct{}{}, nil
		}
		return raw(got.Output), nil
	}
	f := failureOf(&got)
	if f.Status == http.StatusPreconditionFailed && a.rest == "UpdateSecurityProfile" {
		// The page shows the profile that it conflicts with. A user it reads again itself, with several requests.
		var in profileRequest
		if err := laxjson.Unmarshal(a.body, &in); err == nil {
			if now, err := s.profileOf(ctx, a, in); err == nil {
				f.current = now
			}
		}
	}
	return nil, f
}

func failureOf(got *invocation.Answer) *failure {
	return &failure{Status: got.Status, Code: got.Exception, Message: got.Message, Permission: got.Permission,
		RetryAfter: httpstatus.RetryAfter(got.Status)}
}

type profileRequest struct {
	InstanceID        string `json:"InstanceId"`
	SecurityProfileID string `json:"SecurityProfileId"`
}

// catalogueAnswer is what forms are made of, encoded, and its entity tag.
type catalogueAnswer struct {
	tag  string
	body raw
}

// catalogue answers what forms are made of. Browsers keep it and ask whether it is still the same.
func (s *Server) catalogue(_ context.Context, a *asking) (any, error) {
	c := s.catalog()
	a.header.Set("Cache-Control", "private, no-cache")
	a.header.Set("Etag", c.tag)
	if a.http.Header.Get("If-None-Match") == c.tag {
		return same{}, nil
	}
	return c.body, nil
}

func (s *Server) makeCatalogue() catalogueAnswer {
	var all []Permission
	for _, p := range lanyard.Permissions() {
		shown := Permission{Name: p.Name, Group: p.Group, Label: p.Label, Resource: p.Name, Status: p.Status,
			Restriction: p.Restriction,
			Sensitive:   p.Sensitive, Needs: list(lanyard.Prerequisites(p.Name))}
		if i := strings.LastIndexByte(p.Name, '.'); i > 0 {
			shown.Resource, shown.Action = p.Name[:i], p.Name[i+1:]
		}
		all = append(all, shown)
	}
	var taggable []string
	for _, t := range lanyard.ResourceTypes() {
		if len(t.TagNames) > 0 {
			taggable = append(taggable, t.TagNames[0])
		}
	}
	body, err := laxjson.Marshal(Catalogue{Permissions: all, TagRestrictable: taggable,
		HierarchyRestrictable: []string{lanyard.HierarchyRestrictable}, MaxTags: 50, Version: s.Version})
	if err != nil {
		panic(err) // it is made of texts
	}
	sum := sha256.Sum256(body)
	return catalogueAnswer{`"` + hex.EncodeToString(sum[:12]) + `"`, body}
}

func (s *Server) stateOf(in *lanyard.Instance, p *lanyard.Profile) Profile {
	out := Profile{SecurityProfileID: p.ID, SecurityProfileARN: s.Control.ARN(in, lanyard.TypeProfile, p.ID),
		SecurityProfileName: p.Name,
		Description:         p.Description, Permissions: list(p.Permissions), AllowedAccessControlTags: full(p.AccessTags),
		TagRestrictedResources:       list(p.TagRestricted),
		HierarchyRestrictedResources: list(p.HierarchyRestricted), AllowedAccessControlHierarchyGroupID: p.HierarchyGroup,
		Applications:       []Application{},
		AllowedFlowModules: []FlowModule{}, AllowedAIAgents: []AIAgent{}, Tags: full(p.Tags), LastModifiedTime: p.Modified}
	for _, x := range p.Applications {
		out.Applications = append(out.Applications, Application{x.Namespace, list(x.Permissions), x.Type})
	}
	for _, x := range p.FlowModules {
		out.AllowedFlowModules = append(out.AllowedFlowModules, FlowModule{x.Type, x.ID})
	}
	for _, x := range p.AIAgents {
		out.AllowedAIAgents = append(out.AllowedAIAgents, AIAgent{x.Type, x.ARN})
	}
	if len(p.DataTables) > 0 {
		rules := []AttributeRule{}
		for _, x := range p.DataTables {
			rules = append(rules, AttributeRule{x.Access, x.Attribute, list(x.Values)})
		}
		out.GranularAccessControlConfiguration.DataTableAccessControlConfiguration = &DataTableAccess{
			PrimaryAttributeAccessControlConfiguration: &PrimaryAttributeAccess{PrimaryAttributeValues: rules}}
	}
	return out
}

func full(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// profile answers all of one profile.
func (s *Server) profile(ctx context.Context, a *asking) (any, error) {
	var in profileRequest
	if err := a.decode(&in); err != nil {
		return nil, err
	}
	return s.profileOf(ctx, a, in)
}

func (s *Server) profileOf(ctx context.Context, a *asking, in profileRequest) (*ProfileAnswer, error) {
	v, err := s.view(ctx, a, in.InstanceID)
	if err != nil {
		return nil, err
	}
	id, err := v.ID(in.SecurityProfileID)
	if err != nil {
		return nil, err
	}
	if err := v.RequireView("SecurityProfile", id); err != nil {
		return nil, err
	}
	instance, p, err := s.Control.DescribeSecurityProfile(ctx, v.call, v.in.ID, id)
	if err != nil {
		return nil, err
	}
	changed, err := s.changeIndexes.readIndex(ctx, s, v.in.ID)
	if err != nil {
		return nil, err
	}
	tag := control.ETag(p)
	a.header.Set("Etag", tag)
	return &ProfileAnswer{Profile: s.stateOf(instance, p), ETag: tag, Revision: v.Revision(), Holders: v.holderCount(id),
		Warnings: list(p.Warnings()), LastModified: v.lastModified(s, changed, p)}, nil
}
