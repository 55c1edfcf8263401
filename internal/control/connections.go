package control

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
)

// The rules about what an instance is connected with. Whether there is such a bucket, function or bot elsewhere is not
// looked at.

// storageTypes are the types of storage in which each kind of record can be stored.
var storageTypes = map[string][]string{
	"CHAT_TRANSCRIPTS": {"S3"}, "CALL_RECORDINGS": {"S3"}, "SCHEDULED_REPORTS": {"S3"}, "ATTACHMENTS": {"S3"},
	"CONTACT_EVALUATIONS": {"S3"}, "SCREEN_RECORDINGS": {"S3"}, "EMAIL_MESSAGES": {"S3"},
	"MEDIA_STREAMS":         {"KINESIS_VIDEO_STREAM"},
	"CONTACT_TRACE_RECORDS": {"KINESIS_STREAM", "KINESIS_FIREHOSE"}, "AGENT_EVENTS": {"KINESIS_STREAM"},
	"REAL_TIME_CONTACT_ANALYSIS_SEGMENTS":       {"KINESIS_STREAM"},
	"REAL_TIME_CONTACT_ANALYSIS_CHAT_SEGMENTS":  {"KINESIS_STREAM"},
	"REAL_TIME_CONTACT_ANALYSIS_VOICE_SEGMENTS": {"KINESIS_STREAM"},
}

// storageMembers are the members that configure each type of storage.
var storageMembers = map[string]string{"S3": "S3Config", "KINESIS_VIDEO_STREAM": "KinesisVideoStreamConfig",
	"KINESIS_STREAM": "KinesisStreamConfig", "KINESIS_FIREHOSE": "KinesisFirehoseConfig"}

// checkStorageConfig demands the configuration of the type of storage and no other.
func checkStorageConfig(c *documentCheck, _, d *lanyard.Document) error {
	storage := docText(d, "StorageType")
	if accepted, known := storageTypes[d.Name]; known && !slices.Contains(accepted, storage) {
		return lanyard.Errorf(lanyard.Invalid, "StorageConfig.StorageType must be %s for %s, got %s", oneOf(accepted), d.Name,
			lanyard.Quote(storage))
	}
	for _, t := range slices.Sorted(maps.Keys(storageMembers)) {
		member := storageMembers[t]
		switch has := d.Members[member] != nil; {
		case t == storage && !has:
			return lanyard.Errorf(lanyard.Invalid, "StorageConfig.%s is required when StorageType is %s", member, storage)
		case t != storage && has:
			return lanyard.Errorf(lanyard.Invalid, "StorageConfig.%s must be absent when StorageType is %s", member, storage)
		}
	}
	return c.completeVideoPrefix(d)
}

// completeVideoPrefix appends to the prefix of a video stream what Amazon Connect was seen to append.
func (c *documentCheck) completeVideoPrefix(d *lanyard.Document) error {
	video := lanyard.Settings{}
	if ok, err := c.member(d, storageMembers["KINESIS_VIDEO_STREAM"], &video); !ok || err != nil {
		return err
	}
	var prefix string
	if err := json.Unmarshal(video["Prefix"], &prefix); err != nil {
		return err
	}
	suffix := "-connect-" + c.in.Name + "-contact-"
	if strings.HasSuffix(prefix, suffix) {
		return nil
	}
	var err error
	if video["Prefix"], err = json.Marshal(prefix + suffix); err != nil {
		return err
	}
	d.Members[storageMembers["KINESIS_VIDEO_STREAM"]], err = json.Marshal(video, json.Deterministic(true))
	return err
}

// checkOrigin demands the scheme, the host and perhaps the port of a web page.
func checkOrigin(_ *documentCheck, _, d *lanyard.Document) error {
	bad := func() error {
		return lanyard.Errorf(lanyard.Invalid,
			"Origin must be https:// or http:// with a host and no path, like https://example.com, got %s", lanyard.Quote(d.Name))
	}
	u, err := url.Parse(d.Name)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return bad()
	}
	if u.Scheme+"://"+u.Host != d.Name { // a path, a query, a fragment, a user or another spelling
		return bad()
	}
	if p := u.Port(); p != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return bad()
		}
	}
	return nil
}

// checkSecurityKey demands a public key, and names it by its fingerprint. What is sent is not shown: it may be a
// private key.
func checkSecurityKey(_ *documentCheck, _, d *lanyard.Document) error {
	const accepted = "Key must be one public key in PEM format, a PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE block, got "
	block, rest := pem.Decode([]byte(docText(d, "Key")))
	if block == nil {
		return lanyard.Errorf(lanyard.Invalid, accepted+"no PEM block")
	}
	if strings.TrimSpace(string(rest)) != "" {
		return lanyard.Errorf(lanyard.Invalid, accepted+"more after the first block")
	}
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		_, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		_, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		_, err = x509.ParseCertificate(block.Bytes)
	default:
		return lanyard.Errorf(lanyard.Invalid, accepted+"a block of type %s", lanyard.Quote(block.Type))
	}
	if err != nil {
		return lanyard.Errorf(lanyard.Invalid, accepted+"a %s block that cannot be read", block.Type)
	}
	sum := sha256.Sum256(block.Bytes)
	d.Name = "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
	return nil
}

var (
	lambdaARN   = regexp.MustCompile(`^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9$_-]+)?$`)
	botAliasARN = regexp.MustCompile(`^arn:aws[a-z-]*:lex:[a-z0-9-]+:[0-9]{12}:bot-alias/[A-Za-z0-9]+/[A-Za-z0-9]+$`)
	anyARN      = regexp.MustCompile(`^arn:aws[a-z-]*:[A-Za-z0-9-]+:[a-z0-9-]*:([0-9]{12})?:.+$`)
)

func checkLambdaFunction(_ *documentCheck, _, d *lanyard.Document) error {
	if !lambdaARN.MatchString(d.Name) {
		return lanyard.Errorf(lanyard.Invalid, "FunctionArn must be arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME, with or "+
			"without :VERSION or :ALIAS, got %s", lanyard.Quote(d.Name))
	}
	return nil
}

// checkBot names a bot by what must be unique.
func checkBot(c *documentCheck, _, d *lanyard.Document) error {
	var first struct{ Name, LexRegion string }
	var second struct{ AliasArn string }
	one, err := c.member(d, "LexBot", &first)
	if err != nil {
		return err
	}
	two, err := c.member(d, "LexV2Bot", &second)
	if err != nil {
		return err
	}
	switch {
	case one && two:
		return lanyard.Errorf(lanyard.Invalid, "LexV2Bot must be absent when there is a LexBot")
	case !one && !two:
		return lanyard.Errorf(lanyard.Invalid, "LexBot is required when there is no LexV2Bot")
	case one && (first.Name == "" || first.LexRegion == ""):
		return lanyard.Errorf(lanyard.Invalid, "LexBot.Name and LexBot.LexRegion are required")
	case one:
		d.Name = BotKey(first.LexRegion, first.Name)
	case !botAliasARN.MatchString(second.AliasArn):
		return lanyard.Errorf(lanyard.Invalid,
			"LexV2Bot.AliasArn must be arn:PARTITION:lex:REGION:ACCOUNT:bot-alias/BOT/ALIAS, got %s", lanyard.Quote(second.AliasArn))
	default:
		d.Name = second.AliasArn
	}
	return nil
}

// BotKey is the key of a bot of the first version of Lex.
func BotKey(region, name string) string { return region + "/" + name }

// checkIntegration demands what integrations of a type must have.
func checkIntegration(_ *documentCheck, _, d *lanyard.Document) error {
	kind, arn := docText(d, "IntegrationType"), docText(d, "IntegrationArn")
	if !anyARN.MatchString(arn) {
		return lanyard.Errorf(lanyard.Invalid, "IntegrationArn must be an ARN, got %s", lanyard.Quote(arn))
	}
	if kind == "EVENT" {
		for _, member := range []string{"SourceApplicationUrl", "SourceApplicationName", "SourceType"} {
			if d.Members[member] == nil {
				return lanyard.Errorf(lanyard.Invalid, "%s is required when IntegrationType is EVENT", member)
			}
		}
	}
	d.Name = kind + " " + arn
	return nil
}

// checkUseCase names a use case by what an integration may have one of.
func checkUseCase(_ *documentCheck, _, d *lanyard.Document) error {
	d.Name = d.Whole + " " + docText(d, "UseCaseType")
	return nil
}

// docText is a member of a document that is a string; "" when there is none.
func docText(d *lanyard.Document, name string) (text string) {
	if raw := d.Members[name]; raw != nil {
		if err := json.Unmarshal(raw, &text); err != nil {
			return ""
		}
	}
	return text
}

// HasText reports whether a member of a document is a string and that one.
func HasText(d *lanyard.Document, name, text string) bool {
	return d.Members[name] != nil && docText(d, name) == text
}
