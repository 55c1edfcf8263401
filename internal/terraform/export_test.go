package terraform_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/terraform"
)

func TestExport(t *testing.T) {
	named := func(n, name string) lanyard.Meta { return lanyard.Meta{ID: id(n), Name: name} }
	in := &lanyard.Instance{Meta: named("1", "acme"), IdentityManagement: "CONNECT_MANAGED"}
	lead := &lanyard.Profile{Meta: named("2", "Shift Lead"), Permissions: []string{"Users.Edit", "Users.View"},
		AccessTags: map[string]string{"Country": "FR"}, TagRestricted: []string{"User"}}
	lead.Tags = map[string]string{"Owner": "${ops}", "aws:cloudformation:stack-name": "x"}
	most := int32(0)
	got := string(terraform.Export(in, []lanyard.Resource{
		&lanyard.User{Meta: named("3", "ann"), Profiles: []string{id("2"), "elsewhere"}, RoutingProfile: id("4"),
			Group: id("6"), FirstName: "Ann", Mobile: "+12065550100", Settings: lanyard.Settings{
				"PhoneConfig": lanyard.JSON(`{"PhoneType":"DESK_PHONE","DeskPhoneNumber":"+12065550101","AutoAccept":true}`)}},
		&lanyard.RoutingProfile{Meta: named("4", "All queues"), Description: "D", DefaultQueue: id("7"),
			Queues: []lanyard.QueueConfig{{Queue: id("7"), Channel: "VOICE", Priority: 1, Delay: 2}}, Settings: lanyard.Settings{
				"MediaConcurrencies": lanyard.JSON(`[{"Channel":"VOICE","Concurrency":1}]`)}},
		&lanyard.Group{Meta: named("5", "Europe"), Path: []string{id("5")}},
		&lanyard.Group{Meta: named("6", "europe"), Path: []string{id("5"), id("6")}},
		&lanyard.Queue{Meta: named("7", "2nd line"), Hours: id("8"), MaxContacts: &most, Disabled: true},
		&lanyard.Hours{Meta: named("8", "Day"), TimeZone: "UTC", Settings: lanyard.Settings{"Config": lanyard.JSON(
			`[{"Day":"MONDAY","StartTime":{"Hours":9,"Minutes":0},"EndTime":{"Hours":17,"Minutes":30}}]`)}},
		&lanyard.QuickConnect{Meta: named("9", "Desk"), Kind: lanyard.ToQueue, Queue: id("7"), Flow: "flow"},
		lead, &lanyard.AIAgent{Meta: lanyard.Meta{ID: "arn:agent"}, Profiles: []string{id("2")}},
	}, []string{"Not exported: a\nnewline"}))
	want := `# Exported by lanyard for the provider hashicorp/aws. The import blocks hand what is there over to Terraform:
# terraform plan then shows what is to import, and nothing to change.
# Passwords of users are not exported; Terraform sets none unless a password is added.
# Not exported: a newline

terraform {
  required_version = ">= 1.5"
}

locals {
  instance_id = "00000001-0000-4000-8000-000000000000"
}

import {
  to = aws_connect_user_hierarchy_group.europe
  id = "00000001-0000-4000-8000-000000000000:00000005-0000-4000-8000-000000000000"
}

resource "aws_connect_user_hierarchy_group" "europe" {
  instance_id = local.instance_id
  name        = "Europe"
}

import {
  to = aws_connect_user_hierarchy_group.europe_2
  id = "00000001-0000-4000-8000-000000000000:00000006-0000-4000-8000-000000000000"
}

resource "aws_connect_user_hierarchy_group" "europe_2" {
  instance_id     = local.instance_id
  name            = "europe"
  parent_group_id = aws_connect_user_hierarchy_group.europe.hierarchy_group_id
  # The provider does not read the parent back, and would replace an imported group because of it.
  lifecycle {
    ignore_changes = [parent_group_id]
  }
}

import {
  to = aws_connect_hours_of_operation.day
  id = "00000001-0000-4000-8000-000000000000:00000008-0000-4000-8000-000000000000"
}

resource "aws_connect_hours_of_operation" "day" {
  instance_id = local.instance_id
  name        = "Day"
  time_zone   = "UTC"
  config {
    day = "MONDAY"
    start_time {
      hours   = 9
      minutes = 0
    }
    end_time {
      hours   = 17
      minutes = 30
    }
  }
}

import {
  to = aws_connect_security_profile.shift_lead
  id = "00000001-0000-4000-8000-000000000000:00000002-0000-4000-8000-000000000000"
}

# The provider cannot express AllowedAccessControlTags, TagRestrictedResources, the AI agents that hold it, and leaves it as it is.
resource "aws_connect_security_profile" "shift_lead" {
  instance_id = local.instance_id
  name        = "Shift Lead"
  permissions = [
    "Users.Edit",
    "Users.View",
  ]
  tags = {
    Owner = "$${ops}"
  }
}

import {
  to = aws_connect_queue._2nd_line
  id = "00000001-0000-4000-8000-000000000000:00000007-0000-4000-8000-000000000000"
}

resource "aws_connect_queue" "_2nd_line" {
  instance_id           = local.instance_id
  name                  = "2nd line"
  hours_of_operation_id = aws_connect_hours_of_operation.day.hours_of_operation_id
  max_contacts          = 0
  status                = "DISABLED"
}

import {
  to = aws_connect_routing_profile.all_queues
  id = "00000001-0000-4000-8000-000000000000:00000004-0000-4000-8000-000000000000"
}

resource "aws_connect_routing_profile" "all_queues" {
  instance_id               = local.instance_id
  name                      = "All queues"
  description               = "D"
  default_outbound_queue_id = aws_connect_queue._2nd_line.queue_id
  media_concurrencies {
    channel     = "VOICE"
    concurrency = 1
  }
  queue_configs {
    channel  = "VOICE"
    delay    = 2
    priority = 1
    queue_id = aws_connect_queue._2nd_line.queue_id
  }
}

import {
  to = aws_connect_user.ann
  id = "00000001-0000-4000-8000-000000000000:00000003-0000-4000-8000-000000000000"
}

# The provider cannot express Mobile, and leaves it as it is.
resource "aws_connect_user" "ann" {
  instance_id = local.instance_id
  name        = "ann"
  security_profile_ids = [
    aws_connect_security_profile.shift_lead.security_profile_id,
    "elsewhere",
  ]
  routing_profile_id = aws_connect_routing_profile.all_queues.routing_profile_id
  hierarchy_group_id = aws_connect_user_hierarchy_group.europe_2.hierarchy_group_id
  identity_info {
    first_name = "Ann"
  }
  phone_config {
    phone_type        = "DESK_PHONE"
    desk_phone_number = "+12065550101"
    auto_accept       = true
  }
}

import {
  to = aws_connect_quick_connect.desk
  id = "00000001-0000-4000-8000-000000000000:00000009-0000-4000-8000-000000000000"
}

resource "aws_connect_quick_connect" "desk" {
  instance_id = local.instance_id
  name        = "Desk"
  quick_connect_config {
    quick_connect_type = "QUEUE"
    queue_config {
      contact_flow_id = "flow"
      queue_id        = "00000007-0000-4000-8000-000000000000"
    }
  }
}
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

// Whatever resources are called, the file is one of Terraform, in which each has its own name and is called the same.
func TestExportParses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := &lanyard.Instance{Meta: lanyard.Meta{ID: id("0"), Name: "acme"}}
		var all []lanyard.Resource
		names := map[string]int{}
		for i := range rapid.IntRange(0, 9).Draw(t, "profiles") {
			name := rapid.OneOf(rapid.StringN(1, 12, 40), rapid.SampledFrom([]string{"a b", "A-B", "${x}", "%{x}", "\"", "\\",
				"*/", "# x", "<<EOT", "é"})).Draw(t, "name")
			if !isText(name) {
				continue
			}
			names[name]++
			all = append(all, &lanyard.Profile{Meta: lanyard.Meta{ID: strings.Repeat("x", i+1), Name: name},
				Description: name + "\n" + name})
		}
		text := terraform.Export(in, all, []string{rapid.String().Draw(t, "comment")})
		file, diagnostics := hclsyntax.ParseConfig(text, "export.tf", hcl.InitialPos)
		if diagnostics.HasErrors() {
			t.Fatalf("%v\n%s", diagnostics, text)
		}
		seen := map[string]bool{}
		for _, b := range file.Body.(*hclsyntax.Body).Blocks {
			if b.Type != "resource" {
				continue
			}
			if key := strings.Join(b.Labels, "."); seen[key] {
				t.Fatalf("%s is there twice", key)
			} else {
				seen[key] = true
			}
			for name, want := range map[string]func(string) string{"name": func(s string) string { return s },
				"description": func(s string) string { return s[:(len(s)-1)/2] }} {
				value, diagnostics := b.Body.Attributes[name].Expr.Value(nil)
				if diagnostics.HasErrors() {
					t.Fatal(diagnostics)
				}
				if names[want(value.AsString())] == 0 {
					t.Fatalf("%s is %q", name, value.AsString())
				}
			}
		}
		if len(seen) != len(all) {
			t.Fatalf("%d of %d profiles are exported:\n%s", len(seen), len(all), text)
		}
	})
}

// isText reports whether a name is one that the API takes: valid UTF-8, which HCL brings into one normal form, without
// control characters.
func isText(name string) bool {
	for _, r := range name {
		if r < ' ' || r == 0xfffd || r > 0x24f {
			return false
		}
	}
	return true
}
