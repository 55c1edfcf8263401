package access_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// What a grant is tied to is said in conditions, and each of them in words.
func TestConditions(t *testing.T) {
	user := []string{"User"}
	tag := func(key, value string) access.Condition {
		return access.Condition{Kind: access.TagCondition, Key: key, Values: []string{value}}
	}
	for _, tt := range []struct {
		name       string
		permission string
		change     func(*lanyard.Profile)
		want       []access.Condition
		words      []string
	}{
		{"none", "Users.View", nil, nil, nil},
		{"tags in the byte order of their words", "Users.View",
			tagged(map[string]string{"b": "1", "a=": "2", "a": "="}, "User"),
			[]access.Condition{tag("a", "="), tag("a=", "2"), tag("b", "1")}, []string{"tag a==", "tag a==2", "tag b=1"}},
		{"an empty value", "Users.View", tagged(map[string]string{"a": ""}, "User"), []access.Condition{tag("a", "")},
			[]string{"tag a="}},
		{"tags of another type", "Queues.View", tagged(map[string]string{"a": "b"}, "User"), nil, nil},
		{"a group", "Users.View",
			func(p *lanyard.Profile) { p.HierarchyRestricted, p.HierarchyGroup = user, "EU" },
			[]access.Condition{{Kind: access.HierarchyCondition, Group: "EU"}}, []string{"hierarchy: group EU and below"}},
		{"the holder's own group", "Users.View", func(p *lanyard.Profile) { p.HierarchyRestricted = user },
			[]access.Condition{{Kind: access.HierarchyCondition}}, []string{"hierarchy: own group and below"}},
		{"rows", "DataTables.View", func(p *lanyard.Profile) {
			p.DataTables = []lanyard.AttributeRule{{Attribute: "Region", Values: []string{"UK", "EU"}}, {Attribute: "Tier"}}
		}, []access.Condition{{Kind: access.AttributeCondition, Key: "Region", Values: []string{"EU", "UK"}},
			{Kind: access.AttributeCondition, Key: "Tier"}}, []string{"rows with Region in EU UK", "rows with Tier in"}},
		{"contacts of the own group", "ContactSearch.View", func(p *lanyard.Profile) {
			p.Permissions = append(p.Permissions, "RestrictContactAccessByHierarchy.View")
		}, []access.Condition{{Kind: access.HierarchyCondition, By: "RestrictContactAccessByHierarchy.View"}},
			[]string{"hierarchy: contacts of own group and below, by RestrictContactAccessByHierarchy.View"}},
		{"no tasks", "SelfAssignContacts.Access", func(p *lanyard.Profile) {
			p.Permissions = append(p.Permissions, "RestrictTaskCreation.Access")
		}, []access.Condition{{Kind: access.ChannelCondition, Values: []string{"TASK"}, By: "RestrictTaskCreation.Access"}},
			[]string{"no contacts of channel TASK, by RestrictTaskCreation.Access"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := profile("p", []string{tt.permission}, tt.change)
			s := must(access.New(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}}, p,
				&lanyard.User{Meta: lanyard.Meta{ID: "u", Name: "u"}, Profiles: []string{"p"}}))
			var got []access.Condition
			can, _ := s.WhatCan(access.Subject{ID: "u"})
			for _, e := range can {
				if e.Action == tt.permission {
					got = e.Grants[0].Conditions
				}
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("the conditions are %+v, want %+v", got, tt.want)
			}
			var words []string
			for _, c := range got {
				words = append(words, c.String())
			}
			if !reflect.DeepEqual(words, tt.words) {
				t.Errorf("in words they are %q, want %q", words, tt.words)
			}
		})
	}
}

func must(s *access.Snapshot, err error) *access.Snapshot {
	if err != nil {
		panic(err)
	}
	return s
}

// The zero Page is the whole list.
func TestPageWithoutLimit(t *testing.T) {
	resources := []lanyard.Resource{profile("p", []string{"Users.View"}, nil)}
	for i := range 150 {
		id := fmt.Sprint("u", i)
		resources = append(resources, &lanyard.User{Meta: lanyard.Meta{ID: id, Name: id}, Profiles: []string{"p"}})
	}
	s := must(access.New(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}}, resources...))
	q := access.Query{Subject: access.Subject{ID: "u0"}, Action: "Users.View",
		Resource: access.Resource{Type: access.TypeUser, ID: "u7"}}
	can, next := s.WhoCan(&q, access.Page{})
	users, after, _ := s.WhichResources(&q, access.Page{})
	holders, end, _ := s.Holders("p", access.Page{})
	w, _ := s.IfProfile(profile("p", nil, nil), nil, access.Page{})
	lengths := []int{len(can), len(users), len(holders), len(w.Differences)}
	if want := []int{150, 150, 150, 150}; !reflect.DeepEqual(lengths, want) {
		t.Errorf("the lists have %v entries, want %v", lengths, want)
	}
	if cursors := []access.Cursor{next, after, end, w.Next}; !reflect.DeepEqual(cursors, make([]access.Cursor, 4)) {
		t.Errorf("the whole lists lead to %+v", cursors)
	}
}
