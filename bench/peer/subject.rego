package subject

default allow := false

allow if {
	some profile in data.profiles
	profile.permissions[input.action]
	tagged(profile)
	in_scope(profile)
}

tagged(profile) if not profile.restricted[input.type]

tagged(profile) if {
	profile.restricted[input.type]
	tags := resource_tags
	every key, value in profile.tags {
		tags[key] == value
	}
}

in_scope(profile) if not profile.group

in_scope(_) if input.type != "User"

in_scope(profile) if {
	input.type == "User"
	input.groups[profile.group]
}

resource_tags := input.tags if input.type == "User"

resource_tags := data.queues[input.resource] if input.type == "Queue"
