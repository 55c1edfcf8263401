package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// VocabularyState is the member of a vocabulary that says whether it can be used, and its values.
const (
	VocabularyState  = "State"
	VocabularyActive = "ACTIVE"
	vocabularyFailed = "CREATION_FAILED"
)

// vocabularyColumns are those of the table that a vocabulary is. Only the first must be there.
var vocabularyColumns = []string{"Phrase", "IPA", "SoundsLike", "DisplayAs"}

// checkVocabulary makes a new vocabulary one that is active, or one whose creation failed and that says why: that is
// how Amazon Connect tells of content that it cannot use.
func checkVocabulary(_ *documentCheck, before, d *lanyard.Document) error {
	if before != nil {
		return nil
	}
	content := oneText(d, Content)
	state, reason := VocabularyActive, vocabularyProblem(content)
	if reason != "" {
		state = vocabularyFailed
		d.Set(lanyard.Settings{"FailureReason": jsonText(reason)}, false)
	}
	d.Set(lanyard.Settings{VocabularyState: jsonText(state)}, false)
	return nil
}

// oneText is a member that is a string; "" when it is absent.
func oneText(d *lanyard.Document, member string) string {
	return strings.Join(memberText(&lanyard.Vocabulary{Document: *d}, member), "")
}

// vocabularyProblem says what is wrong with the table of a vocabulary; "" when nothing is.
func vocabularyProblem(content string) string {
	lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(content, "\r\n", "\n"), "\n"), "\n")
	header := strings.Split(lines[0], "\t")
	for i, name := range header {
		if !slices.Contains(vocabularyColumns, name) || slices.Contains(header[:i], name) {
			return fmt.Sprintf("line 1: the columns must be among %s, separated by tabs, each once, got %s",
				strings.Join(vocabularyColumns, ", "), lanyard.Quote(name))
		}
	}
	phrase := slices.Index(header, "Phrase")
	if phrase < 0 {
		return "line 1: the column Phrase is required"
	}
	if len(lines) == 1 {
		return "line 2: a phrase is required"
	}
	for i, line := range lines[1:] {
		fields := strings.Split(line, "\t")
		if len(fields) > len(header) {
			return fmt.Sprintf("line %d: must have at most %d fields, got %d", i+2, len(header), len(fields))
		}
		if phrase >= len(fields) || fields[phrase] == "" {
			return fmt.Sprintf("line %d: Phrase is required", i+2)
		}
		if strings.Contains(fields[phrase], " ") {
			return fmt.Sprintf("line %d: Phrase must have hyphens in the place of spaces, got %s", i+2,
				lanyard.Quote(fields[phrase]))
		}
	}
	return ""
}

// A DefaultVocabulary says which vocabulary is the default for a language.
type DefaultVocabulary struct {
	Language   string
	Vocabulary string // id or ARN; "" for none
}

// AssociateDefaultVocabulary makes a vocabulary the default for its language, or leaves a language without one.
func (s *Service) AssociateDefaultVocabulary(ctx context.Context, call Call, instance string, v DefaultVocabulary) (
	Result, error) {
	set := func(c *documentCheck, d *lanyard.DefaultVocabulary) (bool, error) {
		if v.Vocabulary == "" {
			return false, nil
		}
		words, err := getTarget[*lanyard.Vocabulary](c.ctx, s, c.tx, c.in, v.Vocabulary)
		if err != nil {
			return false, err
		}
		if language := oneText(words.Doc(), "LanguageCode"); language != v.Language {
			return false, lanyard.Errorf(lanyard.Invalid, "VocabularyId must be a vocabulary of the language %s, got %s of the "+
				"language %s", v.Language, words.ID, language)
		}
		if state := oneText(words.Doc(), VocabularyState); state != VocabularyActive {
			return false, lanyard.Errorf(lanyard.Invalid, "VocabularyId must be a vocabulary in the state %s, got %s in the state "+
				"%s", VocabularyActive, words.ID, state)
		}
		d.Set(lanyard.Settings{"LanguageCode": jsonText(v.Language), "VocabularyId": jsonText(words.ID),
			"VocabularyName": jsonText(words.Name)}, true)
		return true, nil
	}
	return putNamed(ctx, s, call, instance, v.Language, set)
}

// putNamed stores a document under a name that it has, in the place of the one that has it already; change sets its
// members and reports whether it is to be there.
func putNamed[R lanyard.Documented](ctx context.Context, s *Service, call Call, instance, name string,
	change func(*documentCheck, R) (keep bool, err error)) (Result, error) {
	var none R
	t := none.Type()
	return s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		var before *lanyard.Document
		next := lanyard.New(t).(R)
		switch found, err := tx.Find(ctx, t, name); {
		case err == nil:
			before, next = found.(R).Doc(), lanyard.Clone(found.(R))
		case !errors.Is(err, lanyard.ErrNotFound):
			return err
		}
		check := &documentCheck{ctx, s, tx, in, call}
		keep, err := change(check, next)
		switch {
		case err != nil:
			return err
		case !keep && before == nil:
			return errUnchanged
		case !keep:
			return tx.Delete(ctx, t, before.ID)
		}
		d := next.Doc()
		if d.Name = name; before == nil {
			if err := s.room(ctx, tx, t, s.documentQuota(documents[t])); err != nil {
				return err
			}
			d.ID, d.Created = s.newID(), s.time()
		}
		if err := check.complete(documents[t], before, d, t); err != nil {
			return err
		}
		if before != nil && sameSettings(before.Members, d.Members) {
			return errUnchanged
		}
		s.touch(call, next)
		return tx.Put(ctx, next)
	})
}
