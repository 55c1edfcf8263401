package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/awsclient"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/sandbox"
	"github.com/lanyard/lanyard/internal/store"
)

// targetFlags say which instance a command works on, and where it is.
type targetFlags struct {
	dataFlag   `embed:""`
	Instance   string `aliases:"target" help:"Instance: its id, ARN or alias; default: the only one. --target is another name of it." placeholder:"INSTANCE"`
	AWSProfile string `help:"Profile of the AWS configuration files whose credentials, region and endpoint to use." name:"profile" placeholder:"PROFILE"`
	Region     string `help:"AWS region of the instance." placeholder:"REGION"`
}

const targetHelp = `If --profile, --region, AWS_ENDPOINT_URL_CONNECT or AWS_ENDPOINT_URL is set, the instance is where any AWS SDK
would look for it: in Amazon Connect, or on any server that speaks its API, with the credentials of the environment.
Otherwise it is on the server of --data, or in that folder itself if no server runs.`

// A target is an instance that a command works on, at whatever API.
type target struct {
	invocation.API
	instance targetInstance
	place    string // for messages
	close    func() error
}

// targetInstance is an instance as ListInstances and DescribeInstance have it.
type targetInstance struct {
	ID            string `json:"Id"`
	ARN           string `json:"Arn"`
	InstanceAlias string
}

func (t *target) Close() error { return t.close() }

// openTarget opens the API, and finds the instance.
func (f *targetFlags) openTarget(ctx context.Context) (*target, error) {
	t, err := f.openAPI(ctx)
	if err != nil {
		return nil, err
	}
	if t.instance, err = findTargetInstance(ctx, t.API, f.Instance); err != nil {
		return nil, errors.Join(explainTarget(t.place, err), t.Close())
	}
	return t, nil
}

// openAPI opens the API where instances are.
func (f *targetFlags) openAPI(ctx context.Context) (*target, error) {
	elsewhere, err := f.elsewhere(ctx)
	if err != nil {
		return nil, err
	}
	if !elsewhere {
		return f.openDataAPI(ctx)
	}
	client, err := awsclient.New(ctx, awsclient.Config{Profile: f.AWSProfile, Region: f.Region})
	if err != nil {
		return nil, err
	}
	return &target{API: client, place: client.Endpoint(), close: func() error { return nil }}, nil
}

// elsewhere reports whether the instance is at an endpoint that AWS SDKs would find, and not in the data folder.
func (f *targetFlags) elsewhere(ctx context.Context) (bool, error) {
	if f.AWSProfile != "" || f.Region != "" {
		return true, nil
	}
	endpoint, err := awsclient.FindEndpoint(ctx, "")
	return endpoint != "", err
}

// openDataAPI opens the API of the server that uses the data folder, or of the folder itself if none does.
func (f *targetFlags) openDataAPI(ctx context.Context) (*target, error) {
	r, err := f.connectServer(ctx)
	if err == nil {
		client, err := awsclient.New(ctx, awsclient.Config{Region: r.endpoint.Region, Endpoint: r.endpoint.URL,
			Credentials: credentials.StaticCredentialsProvider{Value: r.credentials}, HTTP: r.client})
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		return &target{API: client, place: r.endpoint.URL, close: r.Close}, nil
	}
	if !notRunning(err) {
		return nil, err
	}
	return f.openFolderAPI(ctx)
}

// openFolderAPI has this process carry out the operations, as the account of the root key.
func (f *targetFlags) openFolderAPI(ctx context.Context) (*target, error) {
	db, err := f.openOwnStore(ctx)
	if err != nil {
		return nil, adviseEndpoint(err)
	}
	api, err := newRootAPI(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &target{API: api, place: "the data folder " + f.Data, close: db.Close}, nil
}

// adviseEndpoint says how to reach Amazon Connect if the environment suggests that Amazon Connect was meant.
func adviseEndpoint(err error) error {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
		if os.Getenv(name) != "" {
			return refuse("%v. For Amazon Connect, set --profile or --region", err)
		}
	}
	return err
}

// newRootAPI carries out operations on a store as the account of its root key, in the region of its instances.
func newRootAPI(ctx context.Context, db store.Store) (invocation.API, error) {
	var caller lanyard.Caller
	keys, err := db.Keys(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.Root {
			caller.Account, caller.AccessKeyID = k.Account, k.ID
		}
	}
	first, err := db.Instances(ctx, caller.Account, 0, 1)
	if err != nil {
		return nil, err
	}
	region := ""
	for _, e := range first {
		region = e.Instance.Region
	}
	secret, err := db.Secret(ctx, "next-token")
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	svc := control.New(control.Config{Store: db, Region: region, Logger: log})
	api := awsapi.New(awsapi.Config{Control: svc, TokenSecret: secret, Logger: log})
	return sandbox.Account{API: api, Caller: caller}, nil
}

// findTargetInstance finds an instance by id, ARN or alias, or the only one that there is. Naming it by id or ARN does
// not require the permission to list instances.
func findTargetInstance(ctx context.Context, api invocation.API, ref string) (found targetInstance, err error) {
	if ref, err = instanceIDOf(ref); err != nil {
		return found, err
	}
	if lanyard.IsID(ref) {
		out, err := invocation.Do[struct{ Instance targetInstance }](ctx, api, "DescribeInstance",
			map[string]string{"InstanceId": ref})
		return out.Instance, err
	}
	all, err := listTargetInstances(ctx, api)
	if err != nil {
		return found, err
	}
	names := make([]instanceName, len(all))
	for i, in := range all {
		names[i] = instanceName{in.ID, in.InstanceAlias}
	}
	i, err := chooseInstance(names, ref, "")
	if err != nil {
		return found, err
	}
	return all[i], nil
}

// maxInstances bounds the instances of an account that are looked at.
const maxInstances = 1000

func listTargetInstances(ctx context.Context, api invocation.API) (all []targetInstance, err error) {
	in := map[string]any{"MaxResults": 10}
	for {
		page, err := invocation.Do[struct {
			InstanceSummaryList []targetInstance
			NextToken           string
		}](ctx, api, "ListInstances", in)
		if err != nil {
			return nil, err
		}
		all = append(all, page.InstanceSummaryList...)
		if page.NextToken == "" || page.NextToken == in["NextToken"] || len(all) > maxInstances {
			return all, nil
		}
		in["NextToken"] = page.NextToken
	}
}

// explainTarget adds to an error of an API where that is, and what can be done about connections and credentials.
func explainTarget(place string, err error) error {
	advice := adviceFor(err)
	if advice == "" {
		return fmt.Errorf("%s: %w", place, err)
	}
	if strings.HasSuffix(err.Error(), ".") { // a sentence of the service's, so the advice is one too
		advice = strings.ToUpper(advice[:1]) + advice[1:] + "."
		return fmt.Errorf("%s: %w %s", place, err, advice)
	}
	return fmt.Errorf("%s: %w; %s", place, err, advice)
}

// adviceFor says what can be done about an error of an API, or "".
func adviceFor(err error) string {
	var refused *invocation.Exception
	var credentials *awsclient.CredentialsError
	var unknown *net.DNSError
	switch {
	case errors.As(err, &refused):
		return map[string]string{
			"ExpiredTokenException":       "sign in again (aws sso login), or refresh the credentials of the environment",
			"UnrecognizedClientException": "the access key is not one of this endpoint; check credentials and region",
			"InvalidSignatureException":   "check the secret access key, the region and the clock of this machine",
			"AccessDeniedException":       "the credentials need the permission for this call",
		}[refused.Name]
	case errors.As(err, &credentials):
		return "set --profile, AWS_PROFILE or AWS_ACCESS_KEY_ID, or sign in (aws sso login)"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "no server listens there; start it, or correct AWS_ENDPOINT_URL_CONNECT"
	case errors.As(err, &unknown):
		return "check the region, AWS_ENDPOINT_URL_CONNECT and the network"
	}
	return ""
}
