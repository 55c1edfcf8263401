package control

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// maxEffectiveDays bounds the dates that one call asks about. It is ours.
const maxEffectiveDays = 366

// day is the minutes of a day: clocks show the same times on days on which they are changed.
const day = 24 * 60

// A span is a part of a day, in minutes from midnight. It may go on after the next midnight.
type span struct{ start, end int }

// An EffectiveDay is when a contact centre is open on a date.
type EffectiveDay struct {
	Date      string
	Open      []OpenHours // in their order, apart from one another; none when it is closed
	Overrides []OverrideHours
}

// OpenHours are a part of a day. An End of 0:00 is the end of the day.
type OpenHours struct{ Start, End TimeSlice }

// OverrideHours are a part of a day that an override says something of.
type OverrideHours struct {
	OpenHours
	Name string
	Open bool
}

// EffectiveHours are what hours of operation come to with their overrides, date by date.
type EffectiveHours struct {
	TimeZone string
	Days     []EffectiveDay
}

// GetEffectiveHoursOfOperations computes on which times of some dates a contact centre is open. The overrides of the
// hours' ancestors apply as if they were their own, on the clock of the hours: what is closed because of a recurring
// override is closed, then what is open because of one is open, and for the rest temporary hours stand in for the
// standard ones. Overrides of hours that the user on whose behalf the call is made may not view apply without their
// names.
func (s *Service) GetEffectiveHoursOfOperations(ctx context.Context, call Call, instance, hours, from,
	to string) (EffectiveHours, error) {
	var none EffectiveHours
	first, err := parseDate("FromDate", from)
	if err != nil {
		return none, err
	}
	last, err := parseDate("ToDate", to)
	if err != nil {
		return none, err
	}
	days := int(last.Sub(first).Hours())/24 + 1
	if days < 1 || days > maxEffectiveDays {
		return none, lanyard.Errorf(lanyard.Invalid, "ToDate must be FromDate %s or up to %d days after it, got %s", from,
			maxEffectiveDays-1, to)
	}
	in, h, err := s.DescribeHoursOfOperation(ctx, call, instance, hours)
	if err != nil {
		return none, err
	}
	see, err := s.Sight(ctx, call, in)
	if err != nil {
		return none, err
	}
	schedule := schedule{}
	if err := schedule.load(ctx, s, in, h, see); err != nil {
		return none, err
	}
	out := EffectiveHours{TimeZone: h.TimeZone}
	for i := range days {
		out.Days = append(out.Days, schedule.on(first.AddDate(0, 0, i)))
	}
	return out, nil
}

// A schedule is what decides when a contact centre is open.
type schedule struct {
	standard  []dayConfig
	overrides []override
}

// load reads hours and the overrides that apply to them, by type and name.
func (p *schedule) load(ctx context.Context, s *Service, in *lanyard.Instance, h *lanyard.Hours, see Sight) error {
	r := s.store.Reader(in.ID)
	check := &documentCheck{ctx: ctx, Service: s, in: in}
	standard := &lanyard.Document{Members: h.Settings}
	if _, err := check.member(standard, "Config", &p.standard); err != nil {
		return err
	}
	all, err := ancestry(ctx, s, r, in, h)
	if err != nil {
		return err
	}
	for _, of := range all {
		parts, err := r.ListReferrers(ctx, []lanyard.Ref{{Type: lanyard.TypeHours, ID: of}}, lanyard.TypeHoursOverride, "",
			maxOverrides)
		if err != nil {
			return err
		}
		for _, part := range parts {
			o, err := check.overrideOf(part.(*lanyard.HoursOverride).Doc())
			if err != nil {
				return err
			}
			if of != h.ID && !see.Sees(lanyard.TypeHours, of) {
				o.name = ""
			}
			p.overrides = append(p.overrides, o)
		}
	}
	slices.SortStableFunc(p.overrides, func(a, b override) int {
		if a.kind == b.kind {
			return strings.Compare(a.name, b.name)
		}
		return slices.Index(overrideKinds, a.kind) - slices.Index(overrideKinds, b.kind)
	})
	return nil
}

// overrideKinds are the types of overrides, those before others that decide first.
var overrideKinds = []string{overrideClosed, overrideOpen, overrideStandard}

// maxOverrides bounds the overrides that are read of hours, which is more than the quota.
const maxOverrides = 1000

// ancestry returns the ids of hours and of those that they inherit from, over however many others.
func ancestry(ctx context.Context, s *Service, r store.Reader, in *lanyard.Instance,
	h *lanyard.Hours) ([]string, error) {
	all := []string{h.ID}
	for i := 0; i < len(all) && len(all) <= maxAncestors; i++ {
		of, err := load[*lanyard.Hours](ctx, s, r, in, all[i])
		if err != nil {
			return nil, err
		}
		all = unique(append(all, of.Parents...))
	}
	return all, nil
}

// on returns when it is open on a date.
func (p *schedule) on(date time.Time) EffectiveDay {
	out := EffectiveDay{Date: date.Format(time.DateOnly)}
	before := date.AddDate(0, 0, -1)
	var open minutes
	open.mark(p.scheduled(date), p.scheduled(before), true)
	for i := len(p.overrides) - 1; i >= 0; i-- { // those that decide first come last
		o := &p.overrides[i]
		if o.kind == overrideStandard {
			continue
		}
		today, _ := o.on(date)
		yesterday, _ := o.on(before)
		open.mark(today, yesterday, o.kind == overrideOpen)
	}
	for i := range p.overrides {
		out.Overrides = append(out.Overrides, p.overrides[i].hours(date)...)
	}
	out.Open = open.hours()
	return out
}

// scheduled are the temporary hours of a date if there are any, otherwise the standard ones.
func (p *schedule) scheduled(date time.Time) (spans []span) {
	replaced := false
	for i := range p.overrides {
		o := &p.overrides[i]
		if today, applies := o.on(date); applies && o.kind == overrideStandard {
			spans, replaced = append(spans, today...), true
		}
	}
	if replaced {
		return spans
	}
	return spansOf(p.standard, date.Weekday())
}

// minutes has a mark for each minute of a day.
type minutes [day]bool

// mark marks the spans of a day, and what those of the day before have after midnight, or removes their marks.
func (m *minutes) mark(today, yesterday []span, mark bool) {
	for _, s := range today {
		for i := s.start; i < min(s.end, day); i++ {
			m[i] = mark
		}
	}
	for _, s := range yesterday {
		for i := day; i < s.end; i++ {
			m[i-day] = mark
		}
	}
}

// hours returns the parts of the day that are marked.
func (m *minutes) hours() (out []OpenHours) {
	for i := 0; i < day; i++ {
		if !m[i] {
			continue
		}
		start := i
		for i < day && m[i] {
			i++
		}
		out = append(out, OpenHours{timeOf(start), timeOf(i)})
	}
	return out
}

// timeOf is a time of the day on a clock, which shows its end as 0:00.
func timeOf(minute int) TimeSlice {
	return TimeSlice{int32(minute / 60 % 24), int32(minute % 60)}
}

// hours returns what the override says of a date.
func (o *override) hours(date time.Time) (out []OverrideHours) {
	spans, applies := o.on(date)
	if !applies || o.name == "" {
		return nil
	}
	for _, s := range spans {
		out = append(out, OverrideHours{OpenHours{timeOf(s.start), timeOf(s.end)}, o.name, o.kind != overrideClosed})
	}
	if len(spans) == 0 { // temporary hours without any on that day
		out = append(out, OverrideHours{OpenHours{}, o.name, false})
	}
	return out
}

// spansOf are the parts of a day of the week. What ends when it begins, or before, ends on the next day: at midnight
// when it ends at 0:00.
func spansOf(config []dayConfig, weekday time.Weekday) (spans []span) {
	name := strings.ToUpper(weekday.String())
	for _, c := range config {
		if c.Day != "" && c.Day != name {
			continue
		}
		if c.StartTime == nil || c.EndTime == nil {
			spans = append(spans, span{0, day})
			continue
		}
		s := span{c.StartTime.minutes(), c.EndTime.minutes()}
		if s.end <= s.start {
			s.end += day
		}
		spans = append(spans, s)
	}
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	return spans
}
