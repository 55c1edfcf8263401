package control

import (
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
)

// notificationLife is how long a notification is shown when its sender does not say.
const notificationLife = 7 * 24 * time.Hour

// checkNotification completes a new notification, and refuses one without a text.
func checkNotification(c *documentCheck, before, d *lanyard.Document) error {
	if before == nil {
		if err := c.completeNotification(d); err != nil {
			return err
		}
	}
	var content map[string]string
	if _, err := c.member(d, "Content", &content); err != nil {
		return err
	}
	if len(content) == 0 {
		return lanyard.Errorf(lanyard.Invalid, "Content must have a text in at least one language, got none")
	}
	return nil
}

// completeNotification sets what the sender left out, and finds the recipients: they may be deleted later.
func (c *documentCheck) completeNotification(d *lanyard.Document) error {
	if d.Members["Priority"] == nil {
		d.Members["Priority"] = lanyard.JSON(`"LOW"`)
	}
	expires := float64(d.Created.Add(notificationLife).UnixMilli()) / 1000
	if sent, err := c.member(d, "ExpiresAt", &expires); err != nil {
		return err
	} else if !sent {
		d.Members["ExpiresAt"] = lanyard.JSON(strconv.FormatFloat(expires, 'f', -1, 64))
	}
	if now := float64(d.Created.UnixMilli()) / 1000; expires <= now {
		return lanyard.Errorf(lanyard.Invalid, "ExpiresAt must be in the future, got %v, which is before %v", expires, now)
	}
	var recipients, ids []string
	if _, err := c.member(d, "Recipients", &recipients); err != nil {
		return err
	}
	if len(recipients) == 0 {
		return lanyard.Errorf(lanyard.Invalid, "Recipients must have at least one ARN, got none")
	}
	for i, arn := range recipients {
		if arn == c.ARN(c.in, lanyard.TypeInstance, c.in.ID) {
			ids = append(ids, arn)
			continue
		}
		id, err := c.referTo(lanyard.TypeUser, item("Recipients", i), arn)
		if err != nil {
			return err
		}
		if arn = c.ARN(c.in, lanyard.TypeUser, id); !slices.Contains(ids, arn) {
			ids = append(ids, arn)
		}
	}
	b, err := json.Marshal(ids)
	d.Members["Recipients"] = b
	return err
}
