package mirror

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A kindOfNote is a reason for which a Copy lacks something. Notes are listed in their order.
type kindOfNote int

const (
	notAnswered kindOfNote = iota // no operation of the API answers it
	notRead                       // an operation would answer it, and was not called
	notAsked                      // no option of the mirror reads it
	notOffered                    // this API does not have the operation
	notAllowed                    // the credentials may not call the operation
	notKept                       // it was answered, and lanyard has no place for it
	notKnown                      // it was answered, and lanyard does not know what it is
	dangling                      // something refers to it, and no list has it
	kindsOfNotes
)

// notesOf says how each kind begins; %s is what the note is about.
var notesOf = [kindsOfNotes]string{
	notAnswered: "%s: the API does not reveal it",
	notRead:     "%s: it is read with --details, which takes two requests for each user",
	notAsked:    "%s: a mirror does not read it",
	notOffered:  "%s: this API does not have the operation",
	notAllowed:  "%s: the credentials do not allow it; lanyard mirror policy prints what a mirror requires",
	notKept:     "%s: it was answered, and lanyard does not store it",
	notKnown:    "%s: it was answered, and lanyard does not know it",
	dangling:    "%s: it was not listed",
}

func (r *reader) note(kind kindOfNote, about string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.notes[kind] == nil {
		r.notes[kind] = map[string]int{}
	}
	r.notes[kind][about]++
}

// noteMember notes a member of an answer that lanyard does not know.
func (r *reader) noteMember(operation string, path []string) {
	var text strings.Builder
	for _, part := range path {
		switch {
		case strings.HasPrefix(part, "["):
			part = "[]"
		case text.Len() > 0:
			part = "." + part
		}
		text.WriteString(part)
	}
	r.note(notKnown, operation+" "+strings.ToValidUTF8(text.String(), "?"))
}

// unrevealed words the notes.
func (r *reader) unrevealed() []string {
	r.standing()
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for kind := range kindsOfNotes {
		for i, about := range slices.Sorted(maps.Keys(r.notes[kind])) {
			if i == maxNotes {
				out = append(out, fmt.Sprintf(notesOf[kind], fmt.Sprintf("%d more", len(r.notes[kind])-maxNotes)))
				break
			}
			text := fmt.Sprintf(notesOf[kind], about)
			if n := r.notes[kind][about]; n > 1 {
				text += fmt.Sprintf(" (%d times)", n)
			}
			out = append(out, text)
		}
	}
	return out
}

// standing notes what no Read can learn, and what this one did not ask for.
func (r *reader) standing() {
	for _, about := range []string{
		"AI agents that hold security profiles and were not named (asked about " + fmt.Sprint(len(r.AIAgents)) + ")",
		"passwords of users", "the order in which resources were created and associated",
		"when flow modules, AI agents and tags were last changed",
		"who last changed a security profile", "the directory of the instance",
		"flow module versions that were deleted",
	} {
		r.note(notAnswered, about)
	}
	if !r.Complete {
		r.note(notRead, "e-mail addresses, mobile numbers and proficiencies of users")
		r.note(notRead, "drafts of flow modules and the content of their versions")
	}
	r.note(notAsked, "overrides of hours of operation")
	r.note(notAsked, "values and lock versions of data tables")
}
