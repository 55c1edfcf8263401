package lanyard

// What an instance is connected with. Each connection is a document of its own, whose name is what it is found by.

// A StorageConfig says where an instance stores what it records of one kind. Its Meta.Name is the kind.
type StorageConfig struct{ Document }

// Type is TypeStorageConfig.
func (*StorageConfig) Type() Type { return TypeStorageConfig }

// An ApprovedOrigin is where pages may come from that show the instance's. Its Meta.Name is the origin.
type ApprovedOrigin struct{ Document }

// Type is TypeApprovedOrigin.
func (*ApprovedOrigin) Type() Type { return TypeApprovedOrigin }

// A SecurityKey is a public key by which an instance encrypts what customers enter. Its Meta.Name is its fingerprint.
type SecurityKey struct{ Document }

// Type is TypeSecurityKey.
func (*SecurityKey) Type() Type { return TypeSecurityKey }

// A LambdaFunction is one that flows may invoke. Its Meta.Name is the ARN.
type LambdaFunction struct{ Document }

// Type is TypeLambdaFunction.
func (*LambdaFunction) Type() Type { return TypeLambdaFunction }

// A Bot is one of Amazon Lex that flows may use. Its Meta.Name is the ARN of its alias, or its region and name in the
// first version of Lex.
type Bot struct{ Document }

// Type is TypeBot.
func (*Bot) Type() Type { return TypeBot }

// An Integration is an association with an application. Its Meta.Name is its type and the ARN of what it integrates.
type Integration struct{ Document }

// Type is TypeIntegration.
func (*Integration) Type() Type { return TypeIntegration }

// A UseCase is what an integration is used for, and a part of it. Its Meta.Name is the integration's id and its type.
type UseCase struct{ Document }

// Type is TypeUseCase.
func (*UseCase) Type() Type { return TypeUseCase }

// A TrafficGroup says how calls and agents are distributed between an instance and its replicas.
type TrafficGroup struct {
	Document
	Default bool `json:",omitzero"` // it distributes sign-ins too, and is not deleted alone
}

// Type is TypeTrafficGroup.
func (*TrafficGroup) Type() Type { return TypeTrafficGroup }

// Key is the name, but for the default group, whose name may be given to another.
func (g *TrafficGroup) Key() string {
	if g.Default {
		return ""
	}
	return g.Name
}

// A WorkspacePage is a page of a workspace, and a part of it. Its Meta.Name is the page.
type WorkspacePage struct{ Document }

// Type is TypeWorkspacePage.
func (*WorkspacePage) Type() Type { return TypeWorkspacePage }

// Key is the page of the workspace.
func (p *WorkspacePage) Key() string { return p.Whole + "/" + p.Name }

// A WorkspaceAssociation assigns a workspace, of which it is a part, to a user or a routing profile. Its Meta.Name is
// the ARN of that.
type WorkspaceAssociation struct{ Document }

// Type is TypeWorkspaceAssociation.
func (*WorkspaceAssociation) Type() Type { return TypeWorkspaceAssociation }

// Key is what the workspace is assigned to.
func (a *WorkspaceAssociation) Key() string { return a.Whole + "/" + a.Name }
