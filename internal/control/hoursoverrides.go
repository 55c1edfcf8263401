package control

import (
	"slices"
	"time"

	"github.com/lanyard/lanyard"
)

// The types of overrides, in the order in which they come before one another: temporary hours are STANDARD.
const (
	overrideClosed   = "CLOSED"
	overrideOpen     = "OPEN"
	overrideStandard = "STANDARD"
)

// A TimeSlice is a time of a day.
type TimeSlice struct {
	Hours   int32
	Minutes int32
}

func (t TimeSlice) minutes() int { return int(t.Hours)*60 + int(t.Minutes) }

// A dayConfig is an item of the Config of hours of operation, where each member is there, or of an override.
type dayConfig struct {
	Day                string     // "" for every day
	StartTime, EndTime *TimeSlice // neither of them: the whole day
}

// An override is what an HoursOverride says.
type override struct {
	name     string
	kind     string
	from     time.Time // the first day, at midnight
	till     time.Time // the last
	config   []dayConfig
	repeated *recurrence
}

// A recurrence is a RecurrencePattern.
type recurrence struct {
	Frequency                                string
	Interval                                 int
	ByMonth, ByMonthDay, ByWeekdayOccurrence []int
}

const (
	weekly  = "WEEKLY"
	monthly = "MONTHLY"
	yearly  = "YEARLY"
)

// parseDate reads a date, YYYY-MM-DD.
func parseDate(member, date string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return t, lanyard.Errorf(lanyard.Invalid, "%s must be a date such as 2026-12-24, got %s", member, lanyard.Quote(date))
	}
	return t, nil
}

// overrideOf reads an override.
func (c *documentCheck) overrideOf(d *lanyard.Document) (o override, err error) {
	var from, till string
	var repeated struct{ RecurrencePattern *recurrence }
	for name, to := range map[string]any{"EffectiveFrom": &from, "EffectiveTill": &till, "OverrideType": &o.kind,
		"Config": &o.config, "RecurrenceConfig": &repeated} {
		if _, err := c.member(d, name, to); err != nil {
			return o, err
		}
	}
	o.name, o.repeated = d.Name, repeated.RecurrencePattern
	if o.kind == "" {
		o.kind = overrideStandard
	}
	if o.from, err = parseDate("EffectiveFrom", from); err != nil {
		return o, err
	}
	o.till, err = parseDate("EffectiveTill", till)
	return o, err
}

// checkHoursOverride checks the dates of an override and how it recurs.
func checkHoursOverride(c *documentCheck, _, d *lanyard.Document) error {
	o, err := c.overrideOf(d)
	if err != nil {
		return err
	}
	if o.till.Before(o.from) {
		return lanyard.Errorf(lanyard.Invalid, "EffectiveTill must be EffectiveFrom %s or later, got %s",
			o.from.Format(time.DateOnly), o.till.Format(time.DateOnly))
	}
	if d.Members["OverrideType"] == nil {
		d.Members["OverrideType"] = lanyard.JSON(`"` + overrideStandard + `"`)
	}
	for i, day := range o.config {
		if (day.StartTime == nil) != (day.EndTime == nil) {
			return lanyard.Errorf(lanyard.Invalid, "%s must have both StartTime and EndTime, or neither for the whole day, "+
				"got one of them", item("Config", i))
		}
	}
	if o.repeated != nil {
		return o.repeated.check(o.config)
	}
	return nil
}

// check refuses patterns that contradict themselves.
func (r *recurrence) check(config []dayConfig) error {
	const at = "RecurrenceConfig.RecurrencePattern."
	for _, list := range []struct {
		name   string
		values []int
		used   bool // with this frequency
	}{
		{"ByMonth", r.ByMonth, r.Frequency == yearly},
		{"ByMonthDay", r.ByMonthDay, r.Frequency != weekly},
		{"ByWeekdayOccurrence", r.ByWeekdayOccurrence, r.Frequency != weekly},
	} {
		switch {
		case len(list.values) > 1:
			return lanyard.Errorf(lanyard.Invalid, "%s%s must have one value, got %d", at, list.name, len(list.values))
		case len(list.values) == 1 && !list.used:
			return lanyard.Errorf(lanyard.Invalid, "%s%s must be absent when Frequency is %s", at, list.name, r.Frequency)
		case slices.Contains(list.values, 0):
			return lanyard.Errorf(lanyard.Invalid, "%s%s must be positive, or -1 for the last, got 0", at, list.name)
		}
	}
	if len(r.ByWeekdayOccurrence) == 0 {
		return nil
	}
	if len(r.ByMonthDay) > 0 {
		return lanyard.Errorf(lanyard.Invalid, "%sByMonthDay must be absent when ByWeekdayOccurrence is given", at)
	}
	if len(config) == 0 || slices.ContainsFunc(config, func(d dayConfig) bool { return d.Day == "" }) {
		return lanyard.Errorf(lanyard.Invalid, "Config must name the Day that %sByWeekdayOccurrence is of", at)
	}
	return nil
}

// on reports whether the override is in effect on a date, and what it says of it: none for nothing.
func (o *override) on(date time.Time) (spans []span, applies bool) {
	if date.Before(o.from) || date.After(o.till) || o.repeated != nil && !o.repeated.falls(o.from, date) {
		return nil, false
	}
	spans = spansOf(o.config, date.Weekday())
	if o.kind != overrideStandard && len(o.config) == 0 {
		spans = []span{{0, day}}
	}
	return spans, o.kind == overrideStandard || len(spans) > 0
}

// falls reports whether an event that begins on a date recurs on another, which is not before it. Which day of the
// week it must be is for the configuration to say.
func (r *recurrence) falls(from, date time.Time) bool {
	months := (date.Year()-from.Year())*12 + int(date.Month()) - int(from.Month())
	interval := max(1, r.Interval)
	switch r.Frequency {
	case weekly:
		return weeksBetween(from, date)%interval == 0
	case monthly:
		if months%interval != 0 {
			return false
		}
	case yearly:
		month := from.Month()
		if len(r.ByMonth) > 0 {
			month = time.Month(r.ByMonth[0])
		}
		if date.Month() != month || (date.Year()-from.Year())%interval != 0 {
			return false
		}
	}
	if len(r.ByWeekdayOccurrence) > 0 {
		return isOccurrence(date, r.ByWeekdayOccurrence[0])
	}
	wanted := from.Day()
	if len(r.ByMonthDay) > 0 {
		wanted = r.ByMonthDay[0]
	}
	if wanted < 0 {
		return date.AddDate(0, 0, 1).Day() == 1
	}
	return date.Day() == wanted
}

// weeksBetween counts the weeks, which begin on Mondays, from that of one date to that of another.
func weeksBetween(from, date time.Time) int {
	monday := func(t time.Time) time.Time { return t.AddDate(0, 0, -(int(t.Weekday())+6)%7) }
	return int(monday(date).Sub(monday(from)).Hours()) / (24 * 7)
}

// isOccurrence reports whether a date is the n-th of its weekday in its month, with -1 the last.
func isOccurrence(date time.Time, n int) bool {
	if n < 0 {
		return date.AddDate(0, 0, 7).Month() != date.Month()
	}
	return (date.Day()-1)/7+1 == n
}
