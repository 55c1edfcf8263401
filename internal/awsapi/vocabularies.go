package awsapi

import (
	"context"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) vocabularyHandlers() map[string]handler {
	d := documentType[*lanyard.Vocabulary]{Server: s, noun: "Vocabulary", named: "VocabularyName",
		empty: func() *lanyard.Vocabulary { return new(lanyard.Vocabulary) },
		wanted: func(in any) (func(*lanyard.Vocabulary) bool, string) {
			asked, ok := in.(*model.SearchVocabulariesRequest)
			if !ok {
				return nil, ""
			}
			by := []string{text(asked.State), text(asked.LanguageCode), text(asked.NameStartsWith)}
			return func(v *lanyard.Vocabulary) bool {
				return (by[0] == "" || hasMember[*lanyard.Vocabulary](control.VocabularyState, by[:1])(v)) &&
					(by[1] == "" || hasMember[*lanyard.Vocabulary]("LanguageCode", by[1:2])(v)) &&
					strings.HasPrefix(v.Name, by[2])
			}, strings.Join(by, " ")
		}}
	defaults := documentType[*lanyard.DefaultVocabulary]{Server: s, noun: "DefaultVocabulary", named: "LanguageCode",
		empty: func() *lanyard.DefaultVocabulary { return new(lanyard.DefaultVocabulary) },
		wanted: func(in any) (func(*lanyard.DefaultVocabulary) bool, string) {
			language := membersOf(in).text("LanguageCode")
			return func(v *lanyard.DefaultVocabulary) bool { return language == "" || v.Name == language }, language
		}}
	return map[string]handler{
		"CreateVocabulary":           createsDocument[model.CreateVocabularyResponse](d),
		"DescribeVocabulary":         describesDocument[model.DescribeVocabularyResponse](d),
		"SearchVocabularies":         listsDocuments[model.SearchVocabulariesResponse](d),
		"DeleteVocabulary":           answers(s.deleteVocabulary),
		"AssociateDefaultVocabulary": changesEmpty(s.associateDefaultVocabulary),
		"ListDefaultVocabularies":    listsDocuments[model.ListDefaultVocabulariesResponse](defaults),
	}
}

func (s *Server) deleteVocabulary(ctx context.Context, req *request, in *model.DeleteVocabularyRequest) (answer,
	error) {
	ref := control.DocumentRef{ID: *in.VocabularyId}
	instance, v, err := control.Document[*lanyard.Vocabulary](ctx, s.control, req.Call, *in.InstanceId, ref)
	if err != nil {
		return answer{}, err
	}
	result, err := control.DeleteDocument[*lanyard.Vocabulary](ctx, s.control, req.Call, *in.InstanceId, ref)
	if err != nil {
		return answer{}, err
	}
	deleting := "DELETE_IN_PROGRESS" // what Amazon Connect answers; here it is done
	return answer{result, &model.DeleteVocabularyResponse{VocabularyId: &v.ID, VocabularyArn: s.arn(instance, v),
		State: &deleting}}, nil
}

func (s *Server) associateDefaultVocabulary(ctx context.Context, req *request,
	in *model.AssociateDefaultVocabularyRequest) (control.Result, error) {
	return s.control.AssociateDefaultVocabulary(ctx, req.Call, *in.InstanceId,
		control.DefaultVocabulary{Language: *in.LanguageCode, Vocabulary: text(in.VocabularyId)})
}
