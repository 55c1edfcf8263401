package awsapi

import (
	"reflect"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// connectionHandlers are the operations on what an instance is connected with.
func (s *Server) connectionHandlers() map[string]handler {
	storage, origins, keys, functions := s.storageConfigs(), s.approvedOrigins(), s.securityKeys(), s.lambdaFunctions()
	bots, lexBots, integrations, uses := s.bots(), s.lexBots(), s.integrations(), s.useCases()
	return map[string]handler{
		"AssociateInstanceStorageConfig":    createsDocument[model.AssociateInstanceStorageConfigResponse](storage),
		"DescribeInstanceStorageConfig":     describesDocument[model.DescribeInstanceStorageConfigResponse](storage),
		"ListInstanceStorageConfigs":        listsDocuments[model.ListInstanceStorageConfigsResponse](storage),
		"UpdateInstanceStorageConfig":       updates(storage),
		"DisassociateInstanceStorageConfig": deletes(storage),

		"AssociateApprovedOrigin":    addsDocument(origins),
		"ListApprovedOrigins":        listsNames[model.ListApprovedOriginsResponse](origins),
		"DisassociateApprovedOrigin": deletes(origins),

		"AssociateSecurityKey":    createsDocument[model.AssociateSecurityKeyResponse](keys),
		"ListSecurityKeys":        listsDocuments[model.ListSecurityKeysResponse](keys),
		"DisassociateSecurityKey": deletes(keys),

		"AssociateLambdaFunction":    addsDocument(functions),
		"ListLambdaFunctions":        listsNames[model.ListLambdaFunctionsResponse](functions),
		"DisassociateLambdaFunction": deletes(functions),

		"AssociateBot":       addsDocument(bots),
		"ListBots":           listsDocuments[model.ListBotsResponse](bots),
		"DisassociateBot":    deletes(bots),
		"AssociateLexBot":    addsDocument(lexBots),
		"ListLexBots":        listsDocuments[model.ListLexBotsResponse](lexBots),
		"DisassociateLexBot": deletes(lexBots),

		"CreateIntegrationAssociation": createsDocument[model.CreateIntegrationAssociationResponse](integrations),
		"ListIntegrationAssociations":  listsDocuments[model.ListIntegrationAssociationsResponse](integrations),
		"DeleteIntegrationAssociation": deletes(integrations),
		"CreateUseCase":                createsDocument[model.CreateUseCaseResponse](uses),
		"ListUseCases":                 listsDocuments[model.ListUseCasesResponse](uses),
		"DeleteUseCase":                deletes(uses),
	}
}

// storageConfigs have the members of the configuration as their own.
func (s *Server) storageConfigs() documentType[*lanyard.StorageConfig] {
	configure := func(in any, r *lanyard.StorageConfig) error {
		config := membersOf(in).v.FieldByName("StorageConfig").Interface().(*model.InstanceStorageConfig)
		r.Members = nil
		r.Set(membersBelow(config, "AssociationId"), true)
		return nil
	}
	return documentType[*lanyard.StorageConfig]{Server: s, noun: "StorageConfig", id: "AssociationId", named: "ResourceType",
		empty: func() *lanyard.StorageConfig { return new(lanyard.StorageConfig) }, enter: configure, change: configure,
		meant: func(in any, d *lanyard.Document) bool { return d.Name == membersOf(in).text("ResourceType") },
		wanted: func(in any) (func(*lanyard.StorageConfig) bool, string) {
			kind := membersOf(in).text("ResourceType")
			return func(r *lanyard.StorageConfig) bool { return r.Name == kind }, kind
		}}
}

// membersBelow are the members of a structure of the model, but for some.
func membersBelow(v any, but ...string) lanyard.Settings {
	return documentType[*lanyard.Prompt]{fixed: but, named: "-"}.settings(memberedInput{reflect.ValueOf(v).Elem()})
}

func (s *Server) approvedOrigins() documentType[*lanyard.ApprovedOrigin] {
	return documentType[*lanyard.ApprovedOrigin]{Server: s, noun: "Origin", named: "Origin",
		empty: func() *lanyard.ApprovedOrigin { return new(lanyard.ApprovedOrigin) },
		key:   func(in any) string { return membersOf(in).text("Origin") }}
}

func (s *Server) securityKeys() documentType[*lanyard.SecurityKey] {
	return documentType[*lanyard.SecurityKey]{Server: s, noun: "SecurityKey", id: "AssociationId",
		empty: func() *lanyard.SecurityKey { return new(lanyard.SecurityKey) },
		show: func(_ *lanyard.Instance, r *lanyard.SecurityKey) (map[string]any, error) {
			return map[string]any{"CreationTime": stamp(r.Created)}, nil
		}}
}

func (s *Server) lambdaFunctions() documentType[*lanyard.LambdaFunction] {
	return documentType[*lanyard.LambdaFunction]{Server: s, noun: "Function", named: "FunctionArn",
		empty: func() *lanyard.LambdaFunction { return new(lanyard.LambdaFunction) },
		key:   func(in any) string { return membersOf(in).text("FunctionArn") }}
}

// bots are those of both versions of Lex.
func (s *Server) bots() documentType[*lanyard.Bot] {
	return documentType[*lanyard.Bot]{Server: s, noun: "Bot", empty: func() *lanyard.Bot { return new(lanyard.Bot) },
		key: func(in any) string {
			switch d := in.(*model.DisassociateBotRequest); {
			case d.LexV2Bot != nil:
				return text(d.LexV2Bot.AliasArn)
			case d.LexBot != nil:
				return control.BotKey(text(d.LexBot.LexRegion), text(d.LexBot.Name))
			}
			return ""
		},
		wanted: func(in any) (func(*lanyard.Bot) bool, string) {
			version := membersOf(in).text("LexVersion")
			return func(b *lanyard.Bot) bool { return (b.Members["LexV2Bot"] != nil) == (version == "V2") }, version
		}}
}

// lexBots are bots as operations on those of the first version of Lex alone speak of them.
func (s *Server) lexBots() documentType[*lanyard.Bot] {
	d := s.bots()
	d.key = func(in any) string {
		return control.BotKey(membersOf(in).text("LexRegion"), membersOf(in).text("BotName"))
	}
	d.wanted = func(any) (func(*lanyard.Bot) bool, string) {
		return func(b *lanyard.Bot) bool { return b.Members["LexBot"] != nil }, ""
	}
	d.show = func(_ *lanyard.Instance, b *lanyard.Bot) (map[string]any, error) {
		var bot model.LexBot
		err := kept(b.Members, "LexBot", &bot)
		return map[string]any{"Name": bot.Name, "LexRegion": bot.LexRegion}, err
	}
	return d
}

func (s *Server) integrations() documentType[*lanyard.Integration] {
	return documentType[*lanyard.Integration]{Server: s, noun: "IntegrationAssociation",
		empty: func() *lanyard.Integration { return new(lanyard.Integration) },
		wanted: func(in any) (func(*lanyard.Integration) bool, string) {
			kind, arn := membersOf(in).text("IntegrationType"), membersOf(in).text("IntegrationArn")
			return func(i *lanyard.Integration) bool {
				return (kind == "" || control.HasText(&i.Document, "IntegrationType", kind)) &&
					(arn == "" || control.HasText(&i.Document, "IntegrationArn", arn))
			}, kind + " " + arn
		}}
}

func (s *Server) useCases() documentType[*lanyard.UseCase] {
	return documentType[*lanyard.UseCase]{Server: s, noun: "UseCase", whole: "IntegrationAssociationId",
		empty: func() *lanyard.UseCase { return new(lanyard.UseCase) }}
}
