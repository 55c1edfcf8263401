package awsapi

import (
	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
)

func (s *Server) predefinedAttributeHandlers() map[string]handler {
	d := documentType[*lanyard.PredefinedAttribute]{Server: s, noun: "PredefinedAttribute", id: "Name",
		empty: func() *lanyard.PredefinedAttribute { return new(lanyard.PredefinedAttribute) },
		show:  showConfiguration}
	return map[string]handler{
		"CreatePredefinedAttribute":   createsDocument[struct{}](d),
		"DescribePredefinedAttribute": describesDocument[model.DescribePredefinedAttributeResponse](d),
		"ListPredefinedAttributes":    listsDocuments[model.ListPredefinedAttributesResponse](d),
		"SearchPredefinedAttributes":  searchesDocuments[model.SearchPredefinedAttributesResponse](d),
		"UpdatePredefinedAttribute":   updates(d),
		"DeletePredefinedAttribute":   deletes(d),
	}
}

// showConfiguration says of an attribute that it can be changed, as all can here.
func showConfiguration(_ *lanyard.Instance, r *lanyard.PredefinedAttribute) (map[string]any, error) {
	c := model.PredefinedAttributeConfiguration{EnableValueValidationOnAssociation: ptr(false), IsReadOnly: ptr(false)}
	err := kept(r.Members, "AttributeConfiguration", &c)
	return map[string]any{"AttributeConfiguration": &c}, err
}
