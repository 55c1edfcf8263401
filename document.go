package lanyard

import (
	"strconv"
	"strings"
	"time"
)

// A Document is what a resource has about whose members lanyard has few rules of its own: it keeps the members of
// requests as they were sent, except that where they name other resources they hold ids. The type that embeds it says
// what it is:
//
//	type Prompt struct{ Document }
//
//	func (*Prompt) Type() Type { return TypePrompt }
type Document struct {
	Meta
	Created time.Time `json:",omitzero"`
	// Whole is the id of the resource that it is a part of, of the type that Type.Whole returns; "" for none.
	Whole string `json:",omitempty"`
	// Members are those of the API that Meta does not have, by name.
	Members Settings `json:",omitempty"`
	// Draft are members as they were saved last, where they are not published; nil when nothing is to be published.
	Draft Settings `json:",omitempty"`
	// LastVersion is the highest number that a version of it was ever given, and Number that of a version.
	LastVersion int64 `json:",omitzero"`
	Number      int64 `json:",omitzero"`
	// Uses are the resources that Members name and that must not be deleted in the meantime, without repetition.
	Uses []Ref `json:",omitempty"`
}

// A Documented is a resource that is a Document.
type Documented interface {
	Resource
	Doc() *Document
}

// Doc returns the resource's Document itself: change it in a Clone only.
func (d *Document) Doc() *Document { return d }

// Key is the name, within the whole if it is a part of one; "" without a name.
func (d *Document) Key() string {
	if d.Whole == "" || d.Name == "" {
		return d.Name
	}
	return d.Whole + "/" + d.Name
}

// Set replaces single members, or removes them where the new value is nil; with replace all others are removed.
func (d *Document) Set(members Settings, replace bool) {
	if replace || d.Members == nil {
		d.Members = Settings{}
	}
	for name, value := range members {
		if value == nil {
			delete(d.Members, name)
			continue
		}
		d.Members[name] = value
	}
}

// VersionID is the id of a version of a document, which is in its ARN too.
func VersionID(document string, number int64) string {
	return document + ":" + strconv.FormatInt(number, 10)
}

// Refs are Uses.
func (d *Document) Refs() []Ref { return d.Uses }

// A Prompt is a recording that flows play. Lanyard keeps where its audio is, and not the audio.
type Prompt struct{ Document }

// Type is TypePrompt.
func (*Prompt) Type() Type { return TypePrompt }

// A Flow is what contacts go through. Its content is kept as it is; nothing runs it.
type Flow struct{ Document }

// Type is TypeFlow.
func (*Flow) Type() Type { return TypeFlow }

// A FlowVersion is the content of a flow as it was when the version was made. It never changes.
type FlowVersion struct{ Document }

// Type is TypeFlowVersion.
func (*FlowVersion) Type() Type { return TypeFlowVersion }

// A FlowAlias is a name for a version of a flow.
type FlowAlias struct{ Document }

// Type is TypeFlowAlias.
func (*FlowAlias) Type() Type { return TypeFlowAlias }

// A FlowAssociation says which flow runs for a resource outside of the instance. Its Meta.Name is that resource.
type FlowAssociation struct{ Document }

// Type is TypeFlowAssociation.
func (*FlowAssociation) Type() Type { return TypeFlowAssociation }

// A View is a page that flows show to agents.
type View struct{ Document }

// Type is TypeView.
func (*View) Type() Type { return TypeView }

// A ViewVersion is the content of a view as it was when the version was made. It never changes.
type ViewVersion struct{ Document }

// Type is TypeViewVersion.
func (*ViewVersion) Type() Type { return TypeViewVersion }

// A Vocabulary is a list of words that transcription is to know.
type Vocabulary struct{ Document }

// Type is TypeVocabulary.
func (*Vocabulary) Type() Type { return TypeVocabulary }

// A DefaultVocabulary is the vocabulary for a language. Its Meta.Name is the language.
type DefaultVocabulary struct{ Document }

// Type is TypeDefaultVocabulary.
func (*DefaultVocabulary) Type() Type { return TypeDefaultVocabulary }

// An EmailAddress is an address at which contacts arrive. Its Meta.Name is the address.
type EmailAddress struct{ Document }

// Type is TypeEmailAddress.
func (*EmailAddress) Type() Type { return TypeEmailAddress }

// Key is the address in lowercase: mail does not tell cases apart.
func (a *EmailAddress) Key() string { return strings.ToLower(a.Name) }

// An EvaluationForm is what contacts are judged by. Its Meta.Name is the title.
type EvaluationForm struct{ Document }

// Type is TypeEvaluationForm.
func (*EvaluationForm) Type() Type { return TypeEvaluationForm }

// A PhoneNumber is a number that is claimed to an instance. Its Meta.Name is the number.
type PhoneNumber struct{ Document }

// Type is TypePhoneNumber.
func (*PhoneNumber) Type() Type { return TypePhoneNumber }

// A Workspace is a set of pages that agents are shown.
type Workspace struct{ Document }

// Type is TypeWorkspace.
func (*Workspace) Type() Type { return TypeWorkspace }
