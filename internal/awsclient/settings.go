package awsclient

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
)

// settings are what was found in the environment and the shared configuration files.
type settings struct {
	region      string
	endpoint    string // URL without a slash at its end
	credentials aws.CredentialsProvider
}

// loadSettings reads environment and files, unless c has everything.
func loadSettings(ctx context.Context, c Config) (*settings, error) {
	if c.Region != "" && c.Endpoint != "" && c.Credentials != nil {
		endpoint, err := checkEndpoint(c.Endpoint)
		return &settings{region: c.Region, endpoint: endpoint, credentials: c.Credentials}, err
	}
	var options []func(*config.LoadOptions) error
	if c.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(c.Profile))
	}
	if c.Region != "" {
		options = append(options, config.WithRegion(c.Region))
	}
	if c.Credentials != nil {
		options = append(options, config.WithCredentialsProvider(c.Credentials))
	}
	found, err := loadConfig(ctx, options)
	if err != nil {
		return nil, err
	}
	s := &settings{region: found.Region, credentials: found.Credentials}
	if s.region == "" {
		return nil, errors.New("the AWS region is required: set AWS_REGION or --region, or region in the AWS profile")
	}
	if s.endpoint, err = findEndpoint(ctx, found, c.Endpoint); err != nil {
		return nil, err
	}
	return s, nil
}

// loadConfig reads environment and files. The SDK's warnings are dropped: what they are about is in the errors.
func loadConfig(ctx context.Context, options []func(*config.LoadOptions) error) (aws.Config, error) {
	found, err := config.LoadDefaultConfig(ctx, append(options, config.WithLogger(logging.Nop{}))...)
	var missing config.SharedConfigProfileNotExistError
	switch {
	case errors.As(err, &missing):
		return found, fmt.Errorf("AWS profile %q does not exist in the AWS configuration files", missing.Profile)
	case err != nil:
		return found, fmt.Errorf("load the AWS configuration: %w", err)
	}
	return found, nil
}

// FindEndpoint returns the URL that the environment or a profile of the shared configuration files has for Amazon
// Connect, or "" if neither has one.
func FindEndpoint(ctx context.Context, profile string) (string, error) {
	var options []func(*config.LoadOptions) error
	if profile != "" {
		options = append(options, config.WithSharedConfigProfile(profile))
	}
	found, err := loadConfig(ctx, options)
	if err != nil {
		return "", err
	}
	return configuredEndpoint(ctx, found)
}

// configuredEndpoint looks for the endpoint of Connect in the order of the AWS SDKs.
func configuredEndpoint(ctx context.Context, found aws.Config) (string, error) {
	for _, source := range found.ConfigSources {
		if ignores, ok := source.(interface {
			GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error)
		}); ok {
			if ignore, _, err := ignores.GetIgnoreConfiguredEndpoints(ctx); err != nil || ignore {
				return "", err
			}
		}
	}
	for _, source := range found.ConfigSources {
		names, ok := source.(interface {
			GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
		})
		if !ok {
			continue
		}
		if endpoint, ok, err := names.GetServiceBaseEndpoint(ctx, "Connect"); err != nil || ok {
			return endpoint, err
		}
	}
	return aws.ToString(found.BaseEndpoint), nil
}

// findEndpoint returns the URL to send requests to: the wanted one, the configured one or Amazon's own.
func findEndpoint(ctx context.Context, found aws.Config, wanted string) (string, error) {
	endpoint := wanted
	if endpoint == "" {
		var err error
		if endpoint, err = configuredEndpoint(ctx, found); err != nil {
			return "", err
		}
	}
	if endpoint == "" {
		endpoint = amazonEndpoint(found.Region, usesFIPS(ctx, found))
	}
	return checkEndpoint(endpoint)
}

// checkEndpoint returns a URL without a slash at its end.
func checkEndpoint(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("the endpoint must be a URL such as https://connect.us-east-1.amazonaws.com, got %q", endpoint)
	}
	return strings.TrimRight(endpoint, "/"), nil
}

// amazonEndpoint returns the endpoint of Amazon Connect in a region.
func amazonEndpoint(region string, fips bool) string {
	host, suffix := "connect", "amazonaws.com"
	if fips {
		host = "connect-fips"
	}
	if strings.HasPrefix(region, "cn-") {
		suffix = "amazonaws.com.cn"
	}
	return "https://" + host + "." + region + "." + suffix
}

func usesFIPS(ctx context.Context, found aws.Config) bool {
	for _, source := range found.ConfigSources {
		states, ok := source.(interface {
			GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error)
		})
		if !ok {
			continue
		}
		if state, ok, err := states.GetUseFIPSEndpoint(ctx); err == nil && ok {
			return state == aws.FIPSEndpointStateEnabled
		}
	}
	return false
}
