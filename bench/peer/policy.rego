package world

default allow := false

allow if {
	some id in data.users[input.user].profiles
	profile := data.profiles[id]
	profile.permissions[input.action]
	tagged(profile)
	in_scope(profile)
}

tagged(profile) if not profile.restricted[input.type]

tagged(profile) if {
	profile.restricted[input.type]
	tags := resource.tags
	every key, value in profile.tags {
		tags[key] == value
	}
}

in_scope(profile) if not profile.hierarchy

in_scope(_) if input.type != "User"

in_scope(profile) if {
	input.type == "User"
	profile.hierarchy == "own"
	resource.groups[data.users[input.user].group]
}

in_scope(profile) if {
	input.type == "User"
	profile.hierarchy == "group"
	resource.groups[profile.group]
}

resource := data.users[input.resource] if input.type == "User"

resource := data.queues[input.resource] if input.type == "Queue"
