package decisionlog

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
)

const defaultTimeout = 10 * time.Second

// A collector is where entries are sent as log records. It is used by one goroutine.
type collector struct {
	provider *sdklog.LoggerProvider
	logger   log.Logger
	exporter *otlploghttp.Exporter
	records  recordList
}

// recordList is a processor that gathers records: the queue is ours, so that what is dropped is counted.
type recordList struct{ records []sdklog.Record }

func (l *recordList) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (l *recordList) Shutdown(context.Context) error                         { return nil }
func (l *recordList) ForceFlush(context.Context) error                       { return nil }
func (l *recordList) OnEmit(_ context.Context, r *sdklog.Record) error {
	l.records = append(l.records, r.Clone())
	return nil
}

func newCollector(c *OTLPConfig) (*collector, error) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	headers, err := c.readHeaders()
	if err != nil {
		return nil, err
	}
	options := []otlploghttp.Option{otlploghttp.WithEndpointURL(c.Endpoint), otlploghttp.WithTimeout(timeout)}
	if len(headers) > 0 {
		options = append(options, otlploghttp.WithHeaders(headers))
	}
	exporter, err := otlploghttp.New(context.Background(), options...)
	if err != nil {
		return nil, fmt.Errorf("set up the collector of decisions: %w", err)
	}
	o := &collector{exporter: exporter}
	o.provider = sdklog.NewLoggerProvider(sdklog.WithProcessor(&o.records),
		sdklog.WithResource(resource.NewSchemaless(attribute.String("service.name", "lanyard"))))
	o.logger = o.provider.Logger("github.com/lanyard/lanyard/internal/decisionlog")
	return o, nil
}

// write sends a log record for each entry in one request.
func (o *collector) write(ctx context.Context, batch []*Entry) error {
	o.records.records = o.records.records[:0]
	lost := &lostError{}
	for _, e := range batch {
		r, err := newRecord(e)
		if err != nil {
			lost.entries, lost.err = lost.entries+1, err
			continue
		}
		o.logger.Emit(ctx, r)
	}
	if err := o.exporter.Export(ctx, o.records.records); err != nil {
		lost.entries, lost.err = len(batch), err
	}
	clear(o.records.records)
	if lost.entries > 0 {
		return lost
	}
	return nil
}

func (o *collector) close() error {
	ctx := context.Background() // neither waits
	if err := o.provider.Shutdown(ctx); err != nil {
		return err
	}
	return o.exporter.Shutdown(ctx)
}

// newRecord returns a record whose body is the entry as a line of the file would have it.
func newRecord(e *Entry) (log.Record, error) {
	var r log.Record
	line, err := e.appendLine(nil)
	if err != nil {
		return r, err
	}
	r.SetEventName("lanyard.decision")
	r.SetTimestamp(e.Time)
	r.SetObservedTimestamp(time.Now())
	r.SetSeverity(log.SeverityInfo)
	r.SetSeverityText("INFO")
	if !e.Decision {
		r.SetSeverity(log.SeverityWarn)
		r.SetSeverityText("WARN")
	}
	r.SetBody(attribute.StringValue(string(line[:len(line)-1])))
	r.AddAttributes(attribute.String("lanyard.decision.id", e.ID), attribute.Bool("lanyard.decision.allow", e.Decision),
		attribute.String("lanyard.decision.reason", e.Context.Reason), attribute.String("lanyard.instance", e.Instance),
		attribute.String("lanyard.subject.type", e.Subject.Type), attribute.String("lanyard.subject.id", e.Subject.ID),
		attribute.String("lanyard.action", e.Action.Name), attribute.String("lanyard.resource.type", e.Resource.Type),
		attribute.String("lanyard.resource.id", e.Resource.ID))
	if e.Subject.Properties != nil {
		r.AddAttributes(attribute.String("lanyard.subject.assisting", e.Subject.Properties.Assisting))
	}
	if e.Call != nil {
		r.AddAttributes(attribute.String("mcp.method.name", e.Call.Method), attribute.String("lanyard.upstream", e.Call.Upstream),
			attribute.String("lanyard.outcome", e.Call.Outcome), attribute.Float64("lanyard.duration_ms", e.Call.Duration))
	}
	return r, nil
}
