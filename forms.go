package lanyard

// A TaskTemplate says what those who make a task are asked for.
type TaskTemplate struct{ Document }

// Type is TypeTaskTemplate.
func (*TaskTemplate) Type() Type { return TypeTaskTemplate }

// A Rule says what is to happen after an event. Nothing runs it.
type Rule struct{ Document }

// Type is TypeRule.
func (*Rule) Type() Type { return TypeRule }

// A FormVersion is a version of an evaluation form, and a part of it. Its Meta.Name is the title.
type FormVersion struct {
	Document
	Active bool `json:",omitzero"`
	Locked bool `json:",omitzero"` // it was active once, and can no longer be changed
}

// Type is TypeFormVersion.
func (*FormVersion) Type() Type { return TypeFormVersion }

// Key is empty: versions have the same title.
func (*FormVersion) Key() string { return "" }
