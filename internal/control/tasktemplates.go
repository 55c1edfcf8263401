package control

import (
	"slices"

	"github.com/lanyard/lanyard"
)

// maxTaskFields is documented: 50 fields of a task template.
const maxTaskFields = 50

// fieldID names a field of a task template.
type fieldID struct{ Id struct{ Name string } }

// taskField is what rules know of a field of a task template.
type taskField struct {
	fieldID
	Type                string
	SingleSelectOptions []string
}

// checkTaskTemplate checks the fields of a task template, and what names them.
func checkTaskTemplate(c *documentCheck, _, d *lanyard.Document) error {
	var fields []taskField
	if _, err := c.member(d, "Fields", &fields); err != nil {
		return err
	}
	names, name, err := checkTaskFields(fields)
	if err != nil {
		return err
	}
	connects := slices.ContainsFunc(fields, func(f taskField) bool { return f.Type == "QUICK_CONNECT" })
	if !connects && docText(d, "ContactFlowId") == "" {
		return lanyard.Errorf(lanyard.Invalid, "ContactFlowId is required when no field is of type QUICK_CONNECT")
	}
	var constraints struct{ RequiredFields, ReadOnlyFields, InvisibleFields []fieldID }
	if _, err := c.member(d, "Constraints", &constraints); err != nil {
		return err
	}
	var defaults struct{ DefaultFieldValues []fieldID }
	if _, err := c.member(d, "Defaults", &defaults); err != nil {
		return err
	}
	for _, list := range []struct {
		member string
		fields []fieldID
	}{
		{"Constraints.RequiredFields", constraints.RequiredFields}, {"Constraints.ReadOnlyFields", constraints.ReadOnlyFields},
		{"Constraints.InvisibleFields", constraints.InvisibleFields}, {"Defaults.DefaultFieldValues", defaults.DefaultFieldValues},
	} {
		for i, f := range list.fields {
			if !slices.Contains(names, f.Id.Name) {
				return lanyard.Errorf(lanyard.Invalid, "%s must be the name of one of Fields, got %s", member(list.member, i, "Id.Name"),
					lanyard.Quote(f.Id.Name))
			}
		}
	}
	if !slices.ContainsFunc(constraints.RequiredFields, func(f fieldID) bool { return f.Id.Name == name }) {
		return lanyard.Errorf(lanyard.Invalid, "Constraints.RequiredFields must have the field of type NAME, %s, got a list without it",
			lanyard.Quote(name))
	}
	return nil
}

// checkTaskFields returns the names of fields, and that of the field of type NAME.
func checkTaskFields(fields []taskField) (names []string, name string, err error) {
	if len(fields) > maxTaskFields {
		return nil, "", lanyard.Errorf(lanyard.Invalid, "Fields must have at most %d items, got %d", maxTaskFields, len(fields))
	}
	of := 0
	for i, f := range fields {
		at := member("Fields", i, "Id.Name")
		switch {
		case f.Id.Name == "":
			return nil, "", lanyard.Errorf(lanyard.Invalid, "%s is required", at)
		case slices.Contains(names, f.Id.Name):
			return nil, "", lanyard.Errorf(lanyard.Invalid, "%s must be unique, got %s, which is listed twice", at,
				lanyard.Quote(f.Id.Name))
		case f.Type == "SINGLE_SELECT" && len(f.SingleSelectOptions) == 0:
			return nil, "", lanyard.Errorf(lanyard.Invalid, "%s is required when Type is SINGLE_SELECT",
				member("Fields", i, "SingleSelectOptions"))
		case f.Type != "SINGLE_SELECT" && len(f.SingleSelectOptions) > 0:
			return nil, "", lanyard.Errorf(lanyard.Invalid, "%s must be absent unless Type is SINGLE_SELECT, got %d options",
				member("Fields", i, "SingleSelectOptions"), len(f.SingleSelectOptions))
		}
		if names = append(names, f.Id.Name); f.Type == "NAME" {
			of, name = of+1, f.Id.Name
		}
	}
	if of != 1 {
		return nil, "", lanyard.Errorf(lanyard.Invalid, "Fields must have exactly one field of type NAME, got %d", of)
	}
	return names, name, nil
}
