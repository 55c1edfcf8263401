package awsapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/httpstatus"
	"github.com/lanyard/lanyard/internal/intake"
	"github.com/lanyard/lanyard/sigv4"
)

// exceptions is the only place where a Kind becomes an AWS exception: the first that the operation
// declares, or the last. Their statuses are the model's.
var exceptions = map[lanyard.Kind][]*model.Exception{
	lanyard.Internal:  {model.InternalServiceException},
	lanyard.Malformed: {model.InvalidRequestException, model.InvalidParameterException},
	lanyard.Invalid:   {model.InvalidParameterException, model.InvalidRequestException},
	lanyard.NotFound: {model.ResourceNotFoundException, model.InvalidRequestException,
		model.InvalidParameterException},
	lanyard.Duplicate: {model.DuplicateResourceException, model.ResourceConflictException, model.ConflictException,
		model.PropertyValidationException, model.InvalidRequestException, model.InvalidParameterException},
	lanyard.InUse: {model.ResourceInUseException, model.InvalidRequestException, model.InvalidParameterException},
	lanyard.Limit: {model.LimitExceededException, model.ServiceQuotaExceededException,
		model.InvalidParameterException, model.InvalidRequestException},
	lanyard.Quota: {model.ServiceQuotaExceededException, model.LimitExceededException, model.InvalidRequestException,
		model.InvalidParameterException},
	lanyard.Throttled: {model.ThrottlingException},
	lanyard.Denied:    {model.AccessDeniedException},
	lanyard.Exists: {model.ResourceConflictException, model.DuplicateResourceException, model.InvalidRequestException,
		model.InvalidParameterException},
	lanyard.Condition: {model.ConditionalOperationFailedException, model.InvalidRequestException,
		model.InvalidParameterException},
	lanyard.TokenReused: {model.IdempotencyException, model.InvalidRequestException, model.InvalidParameterException},
	lanyard.TooLarge:    {model.InvalidRequestException, model.InvalidParameterException},
	lanyard.Unavailable: {model.InternalServiceException},
	lanyard.Unknown:     {model.InternalServiceException},

	// Lock versions of data tables are of the model. Elsewhere only a caller that sends If-Match, which the model does not
	// know, can meet this: the name is of the model, so that SDKs have a type for it; the status is HTTP's.
	lanyard.Stale: {model.ConflictException, own(model.ResourceConflictException.Name, lanyard.Stale)},

	lanyard.BadContent: {model.InvalidContactFlowException, model.InvalidContactFlowModuleException,
		model.InvalidParameterException, model.InvalidRequestException},
	lanyard.NotPublished: {model.ContactFlowNotPublishedException, model.ResourceNotFoundException,
		model.InvalidRequestException, model.InvalidParameterException},

	// Amazon Connect was seen to answer this for the ARN of an agent queue, though the model does not have it.
	lanyard.Untaggable: {own("BadRequestException", lanyard.Untaggable)},

	// What follows is not of the model, for there the operation is not ours.
	lanyard.NotServed:    {own("UnsupportedOperationException", lanyard.NotServed)},
	lanyard.UnknownRoute: {own("UnknownOperationException", lanyard.UnknownRoute)},
}

// serviceUnavailable is among AWS's common errors, which models do not list; SDKs try again.
var serviceUnavailable = own("ServiceUnavailable", lanyard.Unavailable)

// own is an exception that the model does not have.
func own(name string, k lanyard.Kind) *model.Exception {
	return &model.Exception{Name: name, Status: httpstatus.Of(k)}
}

// exceptionFor picks the exception of a kind. op may be nil.
func exceptionFor(op *operation, k lanyard.Kind) *model.Exception {
	choices := exceptions[k]
	if op != nil {
		for _, e := range choices {
			if declares(op.Operation, e) {
				return e
			}
		}
	}
	if op == nil {
		return choices[0]
	}
	return choices[len(choices)-1]
}

func declares(op *model.Operation, e *model.Exception) bool {
	for _, d := range op.Errors {
		if d == e {
			return true
		}
	}
	return false
}

// failure is the body of an exception.
type failure struct {
	Message      string
	ResourceType string `json:",omitempty"`
	ResourceID   string `json:"ResourceId,omitempty"`
	// Problems are those of InvalidContactFlowException, which spells it with a lowercase letter.
	Problems []problem `json:"problems,omitempty"`
	// PropertyList is that of PropertyValidationException.
	PropertyList []badProperty `json:",omitempty"`
}

// problem is what is wrong with content.
type problem struct {
	Message string `json:"message"`
}

// badProperty is an item of PropertyValidationException.
type badProperty struct{ PropertyPath, Reason, Message string }

func (s *Server) writeError(w http.ResponseWriter, req *request, err error) {
	e, body := s.exception(req, err)
	b, err := json.Marshal(body)
	if err != nil {
		b = []byte(`{"Message":"the message cannot be encoded"}`)
	}
	w.Header()["X-Amzn-Errortype"] = []string{e.Name}
	if e == serviceUnavailable {
		w.Header()["Retry-After"] = []string{strconv.Itoa(httpstatus.RetryAfter(e.Status))}
	}
	send(w, e.Status, b)
}

// exception is what an error is to the caller. What the caller is not told is logged.
func (s *Server) exception(req *request, err error) (e *model.Exception, body failure) {
	var domain *lanyard.Error
	var refused *sigv4.Error
	var asked injected
	switch {
	case errors.As(err, &refused):
		e, body.Message = &model.Exception{Name: refused.Code, Status: http.StatusForbidden}, refused.Message
	case errors.Is(err, intake.ErrBusy):
		e, body.Message = serviceUnavailable, intake.ErrBusy.Error()
	case errors.As(err, &asked):
		e, body.Message = asked.exception, "this failure is an injected fault"
	case errors.As(err, &domain) && domain.Kind != lanyard.Internal:
		e, body.Message = exceptionFor(req.op, domain.Kind), domain.Message
		if e == model.ResourceInUseException && domain.Ref.ID != "" {
			body.ResourceType, body.ResourceID = resourceTypes[domain.Ref.Type], domain.Ref.ID
		}
		if e == model.InvalidContactFlowException {
			for i := range domain.Problems {
				body.Problems = append(body.Problems, problem{domain.Problems[i]})
			}
		}
		if e == model.PropertyValidationException {
			path, _, _ := strings.Cut(domain.Message, ":")
			body.PropertyList = []badProperty{{path, "RESOURCE_NAME_ALREADY_EXISTS", domain.Message}}
		}
	default:
		// What went wrong inside is for the log; the caller gets what is needed to find it there.
		e, body.Message = exceptionFor(req.op, lanyard.Internal), "internal failure; the server's log has it under request "+
			req.RequestID
	}
	if e.Status == http.StatusForbidden {
		s.refused.Add(1)
	}
	if e.Status >= http.StatusInternalServerError && e.Status != http.StatusNotImplemented && e != serviceUnavailable {
		level := s.log.Error
		if errors.Is(err, context.Canceled) {
			level = s.log.Info // the caller went away
		}
		level("call failed", "operation", req.Operation, "request", req.RequestID, "error", err)
	} else {
		s.log.Debug("call refused", "operation", req.Operation, "request", req.RequestID, "exception", e.Name, "message",
			body.Message)
	}
	body.Message = strings.ToValidUTF8(body.Message, "?") // it may quote what a caller sent, cut anywhere
	return e, body
}

// resourceTypes is what ResourceInUseException calls types. The model has no words for the others.
var resourceTypes = map[lanyard.Type]string{
	lanyard.TypeUser:  "USER",
	lanyard.TypeGroup: "HIERARCHY_GROUP",
}

func (s *Server) writeAnswer(w http.ResponseWriter, req *request, out any) {
	if out == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	b, ok := out.([]byte)
	if !ok {
		var err error
		if b, err = json.Marshal(out, json.Deterministic(true)); err != nil {
			s.writeError(w, req, err)
			return
		}
	}
	send(w, http.StatusOK, b)
}

func send(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	w.Write(body) // a caller that is gone is no failure of ours
}
