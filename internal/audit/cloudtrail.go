// Package audit shows events as AWS CloudTrail shows calls, so that what already reads CloudTrail
// reads lanyard, and proves the chain of hashes that they form. It neither stores nor fetches events.
package audit

import (
	"strings"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// Record is a CloudTrail record of a call to Amazon Connect, with what changed alongside it.
type Record struct {
	EventVersion       string       `json:"eventVersion"`
	UserIdentity       Identity     `json:"userIdentity"`
	EventTime          time.Time    `json:"eventTime"`
	EventSource        string       `json:"eventSource"`
	EventName          string       `json:"eventName"`
	AWSRegion          string       `json:"awsRegion"`
	SourceIPAddress    string       `json:"sourceIPAddress"`
	UserAgent          string       `json:"userAgent"`
	RequestParameters  lanyard.JSON `json:"requestParameters"`
	ResponseElements   lanyard.JSON `json:"responseElements"`
	ErrorCode          string       `json:"errorCode,omitempty"`
	ErrorMessage       string       `json:"errorMessage,omitempty"`
	RequestID          string       `json:"requestID"`
	EventID            string       `json:"eventID"`
	ReadOnly           bool         `json:"readOnly"`
	EventType          string       `json:"eventType"`
	ManagementEvent    bool         `json:"managementEvent"`
	EventCategory      string       `json:"eventCategory"`
	RecipientAccountID string       `json:"recipientAccountId"`
	// Additional is where CloudTrail lets a service put what is its own.
	Additional Additional `json:"additionalEventData"`
}

// Identity is who made the call.
type Identity struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	AccessKeyID string `json:"accessKeyId"`
	// OnBehalfOf is the user or AI agent for whom the call was made.
	OnBehalfOf *OnBehalfOf `json:"onBehalfOf,omitzero"`
}

// OnBehalfOf names a user of an instance, an AI agent, or an AI agent that assists a user.
type OnBehalfOf struct {
	UserID   string `json:"userId,omitempty"`
	AgentARN string `json:"agentArn,omitempty"`
}

// Additional is what lanyard knows beyond CloudTrail.
type Additional struct {
	InstanceID string           `json:"instanceId"`
	Revision   int64            `json:"revision"`
	Changes    []lanyard.Change `json:"changes"`
	// Passwords are the ids of the users who were given a password.
	Passwords []string `json:"passwords,omitempty"`
	// Decision is that about a call of an AI agent.
	Decision *Decision `json:"decision,omitzero"`
}

// From shapes an event.
func From(e lanyard.Event) Record {
	r := Record{
		EventVersion: "1.09",
		UserIdentity: Identity{Type: "IAMUser", PrincipalID: e.AccessKeyID, ARN: "arn:" + partition(e.Region) + ":iam::" +
			e.Account + ":user/" + e.AccessKeyID,
			AccountID: e.Account, AccessKeyID: e.AccessKeyID},
		EventTime: e.Time.UTC().Truncate(time.Second), EventSource: "connect.amazonaws.com", EventName: e.Operation,
		AWSRegion:       e.Region,
		SourceIPAddress: e.SourceIP, UserAgent: e.UserAgent, RequestParameters: e.Request, RequestID: e.RequestID,
		EventID:   e.ID,
		EventType: "AwsApiCall", ManagementEvent: true, EventCategory: "Management", RecipientAccountID: e.Account,
		Additional: Additional{InstanceID: e.Instance, Revision: e.Revision, Changes: e.Changes},
	}
	for _, p := range e.Passwords {
		r.Additional.Passwords = append(r.Additional.Passwords, p.User)
	}
	if e.OnBehalfOf != "" || e.Agent != "" {
		r.UserIdentity.OnBehalfOf = &OnBehalfOf{UserID: e.OnBehalfOf, AgentARN: e.Agent}
	}
	if e.Refused != "" {
		r.ErrorCode, r.ErrorMessage = "AccessDenied", e.Refused
	}
	r.ResponseElements = response(e)
	return r
}

// partition is the one that a region belongs to.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// response is what a call that makes something answers: the id and ARN of what it made.
func response(e lanyard.Event) lanyard.JSON {
	if !strings.HasPrefix(e.Operation, "Create") || len(e.Changes) == 0 {
		return lanyard.JSON("null")
	}
	made := e.Changes[0]
	for _, c := range e.Changes {
		if c.Type == lanyard.TypeClientToken {
			continue
		}
		made = c
		break
	}
	name := made.Type.Member()
	switch made.Type { // the API's answers call these Id
	case lanyard.TypeInstance, lanyard.TypeModule, lanyard.TypeModuleAlias, lanyard.TypeDataTable:
		name = "Id"
	case lanyard.TypeDataTableAttribute: // it has no ARN
		if b, err := laxjson.Marshal(map[string]string{"AttributeId": made.ID}); err == nil {
			return b
		}
		return lanyard.JSON("null")
	case lanyard.TypeModuleVersion:
		name, made.Type = "Id", lanyard.TypeModule // a version has the module's ARN and its own number
	}
	arn := lanyard.ARN{Partition: partition(e.Region), Region: e.Region, Account: e.Account, Instance: e.Instance}
	if made.Type != lanyard.TypeInstance {
		arn.Type, arn.ID = made.Type, made.ID
	}
	b, err := laxjson.Marshal(map[string]string{name: made.ID, strings.TrimSuffix(name, "Id") + "Arn": arn.String()})
	if err != nil {
		return lanyard.JSON("null")
	}
	return b
}
