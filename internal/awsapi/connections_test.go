package awsapi_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// names returns a member of every item of a list, or the items themselves for "".
func (x *wire) names(list, member string) []string {
	x.w.Helper()
	out := []string{}
	for _, item := range x.ok()[list].([]any) {
		if member != "" {
			item = item.(members)[member]
		}
		out = append(out, fmt.Sprint(item))
	}
	return out
}

func (x *wire) lists(list, member string, want ...string) {
	x.w.Helper()
	if got := x.names(list, member); !reflect.DeepEqual(got, append([]string{}, want...)) {
		x.w.Errorf("%s %s = %q, want %q", x.op, x.target, got, want)
	}
}

const (
	key    = "arn:aws:kms:us-east-1:123456789012:key/k"
	stream = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
)

func s3(bucket string) members {
	return members{"StorageType": "S3", "S3Config": members{"BucketName": bucket, "BucketPrefix": "p",
		"EncryptionConfig": members{"EncryptionType": "KMS", "KeyId": key}}}
}

func TestStorageConfigs(t *testing.T) {
	w := newWorld(t)
	in := w.instance("stores")
	associate := func(kind string, config members) *wire {
		return w.do("AssociateInstanceStorageConfig", members{"InstanceId": in, "ResourceType": kind, "StorageConfig": config})
	}
	describe := func(kind, id string) *wire {
		return w.do("DescribeInstanceStorageConfig", members{"InstanceId": in, "AssociationId": id, "ResourceType": kind})
	}
	id := associate("CALL_RECORDINGS", s3("one")).ok()["AssociationId"].(string)
	want := s3("one")
	want["AssociationId"] = id
	if got := describe("CALL_RECORDINGS", id).ok()["StorageConfig"]; !reflect.DeepEqual(got, any(want)) {
		t.Errorf("DescribeInstanceStorageConfig = %v, want %v", got, want)
	}
	describe("CHAT_TRANSCRIPTS", id).fails("ResourceNotFoundException", id)
	associate("CALL_RECORDINGS", s3("two")).fails("ResourceConflictException", "ResourceType", `"CALL_RECORDINGS"`)

	w.do("UpdateInstanceStorageConfig", members{"InstanceId": in, "AssociationId": id, "ResourceType": "CALL_RECORDINGS",
		"StorageConfig": members{"StorageType": "S3", "S3Config": members{"BucketName": "three", "BucketPrefix": "q"}}}).ok()
	want = members{"AssociationId": id, "StorageType": "S3", "S3Config": members{"BucketName": "three", "BucketPrefix": "q"}}
	list := func(kind string) *wire {
		return w.do("ListInstanceStorageConfigs", members{"InstanceId": in, "ResourceType": kind})
	}
	if got := list("CALL_RECORDINGS").ok()["StorageConfigs"]; !reflect.DeepEqual(got, any([]any{want})) {
		t.Errorf("ListInstanceStorageConfigs = %v, want %v", got, want)
	}
	list("MEDIA_STREAMS").lists("StorageConfigs", "AssociationId")

	// Amazon Connect appends the instance to the prefix of a video stream.
	video := members{"StorageType": "KINESIS_VIDEO_STREAM", "KinesisVideoStreamConfig": members{"Prefix": "calls",
		"RetentionPeriodHours": 0, "EncryptionConfig": members{"EncryptionType": "KMS", "KeyId": key}}}
	media := associate("MEDIA_STREAMS", video).ok()["AssociationId"].(string)
	for range 2 { // what is described may be sent back
		config := describe("MEDIA_STREAMS", media).ok()["StorageConfig"].(members)
		if got := config["KinesisVideoStreamConfig"].(members)["Prefix"]; got != "calls-connect-stores-contact-" {
			t.Errorf("the prefix of the video stream is %v", got)
		}
		w.do("UpdateInstanceStorageConfig", members{"InstanceId": in, "AssociationId": media, "ResourceType": "MEDIA_STREAMS",
			"StorageConfig": config}).ok()
	}
	gone := members{"InstanceId": in, "AssociationId": id, "ResourceType": "CHAT_TRANSCRIPTS"}
	w.do("DisassociateInstanceStorageConfig", gone).fails("ResourceNotFoundException", id)
	gone["ResourceType"] = "CALL_RECORDINGS"
	w.do("DisassociateInstanceStorageConfig", gone).ok()
	describe("CALL_RECORDINGS", id).fails("ResourceNotFoundException", id)

	for name, tt := range map[string]struct {
		kind   string
		config members
		says   string
	}{
		"recordings in a stream": {"CALL_RECORDINGS", members{"StorageType": "KINESIS_STREAM",
			"KinesisStreamConfig": members{"StreamArn": stream}}, "StorageType must be S3 for CALL_RECORDINGS"},
		"a type without its config": {"AGENT_EVENTS", members{"StorageType": "KINESIS_STREAM"}, "KinesisStreamConfig is required"},
		"two configs": {"AGENT_EVENTS", members{"StorageType": "KINESIS_STREAM",
			"KinesisStreamConfig": members{"StreamArn": stream}, "KinesisFirehoseConfig": members{"FirehoseArn": stream}}, "KinesisFirehoseConfig must be absent"},
	} {
		t.Run(name, func(t *testing.T) { associate(tt.kind, tt.config).fails("InvalidParameterException", tt.says) })
	}
}

func TestApprovedOrigins(t *testing.T) {
	w := newWorld(t)
	in := w.instance("origins")
	call := func(op, origin string) *wire { return w.do(op, members{"InstanceId": in, "Origin": origin}) }
	for _, origin := range []string{"https://example.com", "http://localhost:3000", "https://[2001:db8::1]:8443"} {
		call("AssociateApprovedOrigin", origin).ok()
	}
	call("AssociateApprovedOrigin", "https://example.com").fails("ResourceConflictException", "https://example.com")
	call("DisassociateApprovedOrigin", "http://localhost:3000").ok()
	call("DisassociateApprovedOrigin", "http://localhost:3000").fails("ResourceNotFoundException", "http://localhost:3000")
	page := w.do("ListApprovedOrigins", members{"InstanceId": in, "MaxResults": 1})
	page.lists("Origins", "", "https://example.com")
	w.do("ListApprovedOrigins", members{"InstanceId": in, "MaxResults": 1, "NextToken": page.ok()["NextToken"]}).
		lists("Origins", "", "https://[2001:db8::1]:8443")
	for _, bad := range []string{"", "example.com", "*", "null", "https://", "https://example.com/", "https://example.com/a",
		"https://example.com?a", "https://example.com#a", "https://me@example.com", "https://example.com:", "https://example.com:0",
		"https://example.com:65536", "ftp://example.com", "javascript://example.com", "HTTPS://example.com", "https://exa mple.com",
		"https://example.com\x1b[2J", "https://" + strings.Repeat("a", 300) + ".com"} {
		call("AssociateApprovedOrigin", bad).fails("InvalidParameterException", "Origin", "must be")
	}
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func publicKey(t *testing.T) string {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf("PUBLIC KEY", der)
}

func TestSecurityKeys(t *testing.T) {
	w := newWorld(t)
	in := w.instance("keys")
	associate := func(key string) *wire {
		return w.do("AssociateSecurityKey", members{"InstanceId": in, "Key": key})
	}
	first, second := publicKey(t), publicKey(t)
	id := associate(first).ok()["AssociationId"].(string)
	associate(first+"\n").fails("ResourceConflictException", "security key")

	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	secret := pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(private))[:800]
	for name, tt := range map[string]struct{ key, says string }{
		"no PEM":           {"ssh-rsa AAAA", "no PEM block"},
		"a private key":    {pemOf("PRIVATE KEY", []byte("secret")), `type "PRIVATE KEY"`},
		"half a key":       {secret, "no PEM block"},
		"no key inside":    {pemOf("PUBLIC KEY", []byte("secret")), "cannot be read"},
		"no certificate":   {pemOf("CERTIFICATE", []byte("secret")), "cannot be read"},
		"two keys":         {first + second, "more after the first block"},
		"a key of another": {pemOf("EC PARAMETERS", []byte("secret")), "EC PARAMETERS"},
	} {
		t.Run(name, func(t *testing.T) {
			x := associate(tt.key)
			x.fails("InvalidParameterException", "Key must be", tt.says)
			if strings.Contains(x.message(), "secret") || strings.Contains(x.message(), "c2VjcmV0") {
				t.Errorf("the message shows the key: %s", x.message())
			}
		})
	}
	associate(pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&private.PublicKey))).ok()
	associate(second).fails("ServiceQuotaExceededException", "2 of at most 2 security keys")

	list := w.do("ListSecurityKeys", members{"InstanceId": in}).ok()["SecurityKeys"].([]any)
	want := members{"AssociationId": id, "Key": first, "CreationTime": 1773500966.535}
	if len(list) != 2 || !reflect.DeepEqual(list[0], any(want)) {
		t.Errorf("ListSecurityKeys = %v, want %v first", list, want)
	}
	w.do("DisassociateSecurityKey", members{"InstanceId": in, "AssociationId": id}).ok()
	w.do("DisassociateSecurityKey", members{"InstanceId": in, "AssociationId": id}).fails("ResourceNotFoundException", id)
	associate(second).ok()
}

func TestLambdaFunctions(t *testing.T) {
	w := newWorld(t)
	in := w.instance("functions")
	call := func(op, arn string) *wire { return w.do(op, members{"InstanceId": in, "FunctionArn": arn}) }
	const arn = "arn:aws:lambda:eu-west-1:123456789012:function:look-up"
	call("AssociateLambdaFunction", arn).ok()
	call("AssociateLambdaFunction", arn+":live").ok()
	call("AssociateLambdaFunction", arn).fails("ResourceConflictException", arn)
	w.do("ListLambdaFunctions", members{"InstanceId": in}).lists("LambdaFunctions", "", arn, arn+":live")
	call("DisassociateLambdaFunction", arn).ok()
	call("DisassociateLambdaFunction", arn).fails("ResourceNotFoundException", arn)
	for _, bad := range []string{"look-up", arn + ":", arn + ":a:b", "arn:aws:lambda:eu-west-1:1:function:f",
		"arn:aws:s3:::bucket", "arn:aws:lambda:eu-west-1:123456789012:layer:f"} {
		call("AssociateLambdaFunction", bad).fails("InvalidParameterException", "FunctionArn must be")
	}
}

func TestBots(t *testing.T) {
	w := newWorld(t)
	in := w.instance("bots")
	lex := members{"Name": "Orders", "LexRegion": "us-east-1"}
	const alias = "arn:aws:lex:us-east-1:123456789012:bot-alias/BOT1/ALIAS1"
	w.do("AssociateLexBot", members{"InstanceId": in, "LexBot": lex}).ok()
	w.do("AssociateBot", members{"InstanceId": in, "LexBot": lex}).fails("ResourceConflictException", "Orders")
	w.do("AssociateBot", members{"InstanceId": in, "LexV2Bot": members{"AliasArn": alias}}).ok()
	w.do("ListLexBots", members{"InstanceId": in}).lists("LexBots", "Name", "Orders")
	list := func(version string) any {
		return w.do("ListBots", members{"InstanceId": in, "LexVersion": version}).ok()["LexBots"]
	}
	if got, want := list("V1"), []any{members{"LexBot": lex}}; !reflect.DeepEqual(got, any(want)) {
		t.Errorf("ListBots V1 = %v, want %v", got, want)
	}
	if got, want := list("V2"), []any{members{"LexV2Bot": members{"AliasArn": alias}}}; !reflect.DeepEqual(got, any(want)) {
		t.Errorf("ListBots V2 = %v, want %v", got, want)
	}
	for says, bad := range map[string]members{
		"LexBot is required": {}, "absent": {"LexBot": lex, "LexV2Bot": members{"AliasArn": alias}},
		"LexV2Bot.AliasArn must be": {"LexV2Bot": members{"AliasArn": "arn:aws:lex:us-east-1:123456789012:bot/B"}},
	} {
		bad["InstanceId"] = in
		w.do("AssociateBot", bad).fails("InvalidRequestException", says)
	}
	w.do("DisassociateLexBot", members{"InstanceId": in, "BotName": "Orders", "LexRegion": "eu-west-1"}).
		fails("ResourceNotFoundException", "Orders")
	w.do("DisassociateBot", members{"InstanceId": in, "LexBot": lex}).ok()
	w.do("DisassociateBot", members{"InstanceId": in, "LexV2Bot": members{"AliasArn": alias}}).ok()
	w.do("DisassociateBot", members{"InstanceId": in}).fails("ResourceNotFoundException", "LexBot")
	w.do("ListLexBots", members{"InstanceId": in}).lists("LexBots", "Name")
}

func TestIntegrations(t *testing.T) {
	w := newWorld(t)
	in := w.instance("integrations")
	create := func(kind, arn string, more members) *wire {
		m := members{"InstanceId": in, "IntegrationType": kind, "IntegrationArn": arn, "ClientToken": nil}
		for k, v := range more {
			m[k] = v
		}
		return w.do("CreateIntegrationAssociation", m)
	}
	const arn = "arn:aws:app-integrations:us-east-1:123456789012:event-integration/zendesk"
	source := members{"SourceApplicationUrl": "https://a.zendesk.com", "SourceApplicationName": "Tickets", "SourceType": "ZENDESK",
		"Tags": members{"a": "b"}}
	made := create("EVENT", arn, source).ok()
	id := made["IntegrationAssociationId"].(string)
	if made["IntegrationAssociationArn"] != w.arn(in, "integration-association", id) {
		t.Errorf("CreateIntegrationAssociation = %v", made)
	}
	create("EVENT", arn, source).fails("DuplicateResourceException", "IntegrationArn", arn)
	create("EVENT", arn+"2", nil).fails("InvalidRequestException", "SourceApplicationUrl is required when IntegrationType is EVENT")
	create("APPLICATION", "zendesk", nil).fails("InvalidRequestException", "IntegrationArn must be an ARN")
	other := create("WISDOM_ASSISTANT", "arn:aws:wisdom:us-east-1:123456789012:assistant/a", nil).ok()["IntegrationAssociationId"].(string)

	list := func(m members) *wire { m["InstanceId"] = in; return w.do("ListIntegrationAssociations", m) }
	list(members{}).lists("IntegrationAssociationSummaryList", "IntegrationAssociationId", id, other)
	list(members{"IntegrationType": "EVENT"}).lists("IntegrationAssociationSummaryList", "SourceApplicationName", "Tickets")
	list(members{"IntegrationArn": arn + "3"}).lists("IntegrationAssociationSummaryList", "IntegrationType")
	got := w.do("ListTagsForResource", members{"resourceArn": made["IntegrationAssociationArn"]}).ok()["tags"]
	if !reflect.DeepEqual(got, any(members{"a": "b"})) {
		t.Errorf("the tags are %v", got)
	}

	use := func(of, kind string) *wire {
		return w.do("CreateUseCase", members{"InstanceId": in, "IntegrationAssociationId": of, "UseCaseType": kind})
	}
	useID := use(id, "RULES_EVALUATION").ok()["UseCaseId"].(string)
	use(id, "RULES_EVALUATION").fails("DuplicateResourceException", "UseCaseType")
	use(other, "RULES_EVALUATION").ok()
	use("none", "RULES_EVALUATION").fails("ResourceNotFoundException", "IntegrationAssociationId", "none")
	cases := members{"InstanceId": in, "IntegrationAssociationId": id}
	w.do("ListUseCases", cases).lists("UseCaseSummaryList", "UseCaseArn", w.arn(in, "use-case", useID))
	w.do("DeleteIntegrationAssociation", cases).fails("InvalidRequestException", "in use by use case "+useID)
	w.do("DeleteUseCase", members{"InstanceId": in, "IntegrationAssociationId": other, "UseCaseId": useID}).
		fails("ResourceNotFoundException", useID)
	w.do("DeleteUseCase", members{"InstanceId": in, "IntegrationAssociationId": id, "UseCaseId": useID}).ok()
	w.do("DeleteIntegrationAssociation", cases).ok()
	w.do("ListUseCases", cases).fails("ResourceNotFoundException", id)
}
