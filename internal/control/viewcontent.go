package control

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
)

// maxViewContent is documented: 400 kB.
const maxViewContent = 400_000

// viewContent is what a view consists of. Its template is JSON, as a text.
type viewContent struct {
	Template *string
	Actions  []string
}

// checkSavedView returns an error unless the template of content, if there is one, is a JSON object.
func checkSavedView(content lanyard.JSON) error {
	if len(content) > maxViewContent {
		return lanyard.Errorf(lanyard.Invalid, "Content must be at most %d bytes long, got %d", maxViewContent, len(content))
	}
	var view viewContent
	if err := json.Unmarshal(content, &view); err != nil {
		return err
	}
	if view.Template == nil {
		return nil
	}
	if v := jsontext.Value(*view.Template); !v.IsValid() || v.Kind() != '{' {
		return lanyard.Errorf(lanyard.Invalid, "Content.Template must be a JSON object without duplicate names, got %s",
			lanyard.Quote(*view.Template))
	}
	return nil
}

// checkView returns an error unless content can be published: it has a template.
func checkView(content lanyard.JSON) error {
	if err := checkSavedView(content); err != nil {
		return err
	}
	var view viewContent
	if err := json.Unmarshal(content, &view); err != nil {
		return err
	}
	if view.Template == nil {
		return lanyard.Errorf(lanyard.Invalid, "Content.Template is required when Status is %s", Published)
	}
	return nil
}
