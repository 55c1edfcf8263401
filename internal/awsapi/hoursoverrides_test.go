package awsapi_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// slot is an item of the Config of hours, or of an override: from-to, such as 9:00-17:30. Without day or times they are
// left out.
func slot(day, times string) members {
	out := members{}
	if day != "" {
		out["Day"] = day
	}
	if times != "" {
		var a, b, c, d int
		if n, err := fmt.Sscanf(times, "%d:%d-%d:%d", &a, &b, &c, &d); n != 4 {
			panic(err)
		}
		out["StartTime"], out["EndTime"] = members{"Hours": a, "Minutes": b}, members{"Hours": c, "Minutes": d}
	}
	return out
}

// shown is the opposite: every part of the days of an answer.
func shown(list any, of string) string {
	var days []string
	for _, d := range list.([]any) {
		day := d.(members)
		var parts []string
		for _, h := range day[of].([]any) {
			h := h.(members)
			a, b := h["Start"].(members), h["End"].(members)
			part := fmt.Sprintf("%v:%02v-%v:%02v", a["Hours"], a["Minutes"], b["Hours"], b["Minutes"])
			if h["OperationalStatus"] != nil {
				part += fmt.Sprintf(" %v by %v", h["OperationalStatus"], h["OverrideName"])
			}
			parts = append(parts, part)
		}
		days = append(days, fmt.Sprint(day["Date"].(string)[5:], " ", strings.Join(parts, ", ")))
	}
	return strings.Join(days, "; ")
}

func TestHoursOverrides(t *testing.T) {
	w := newWorld(t)
	in := w.instance("overrides")
	hours := w.first("ListHoursOfOperations", in, "HoursOfOperationSummaryList", "Id")
	of := func(more members) members {
		m := members{"InstanceId": in, "HoursOfOperationId": hours}
		maps.Copy(m, more)
		return m
	}
	override := func(more members) members {
		m := of(members{"Name": "Christmas", "EffectiveFrom": "2026-12-24", "EffectiveTill": "2026-12-26", "Config": []any{}})
		maps.Copy(m, more)
		return m
	}
	id := w.id("CreateHoursOfOperationOverride", override(members{"Description": "Closed"}))
	one := func(more members) members { m := of(more); m["HoursOfOperationOverrideId"] = id; return m }
	describe := func() members {
		return w.do("DescribeHoursOfOperationOverride", one(nil)).ok()["HoursOfOperationOverride"].(members)
	}
	want := members{"HoursOfOperationOverrideId": id, "HoursOfOperationId": hours, "Name": "Christmas", "Description": "Closed",
		"HoursOfOperationArn": w.arn(in, "operating-hours", hours), "Config": []any{}, "EffectiveFrom": "2026-12-24",
		"EffectiveTill": "2026-12-26", "OverrideType": "STANDARD"}
	if got := describe(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("DescribeHoursOfOperationOverride = %v, want %v", got, want)
	}
	w.do("CreateHoursOfOperationOverride", override(nil)).fails("DuplicateResourceException", `"Christmas"`)
	other := w.id("CreateHoursOfOperation", members{"InstanceId": in, "Name": "Other", "TimeZone": "UTC", "Config": []any{}})
	w.id("CreateHoursOfOperationOverride", override(members{"HoursOfOperationId": other}))
	w.do("DescribeHoursOfOperationOverride", one(members{"HoursOfOperationId": other})).
		fails("ResourceNotFoundException", "HoursOfOperationOverrideId", other)

	pattern := func(more members) members {
		p := members{"Frequency": "MONTHLY", "Interval": 1}
		maps.Copy(p, more)
		return members{"OverrideType": "CLOSED", "RecurrenceConfig": members{"RecurrencePattern": p}}
	}
	for words, more := range map[string]members{
		"EffectiveFrom must be a date":                 {"EffectiveFrom": "2026-02-30"},
		"EffectiveTill must be EffectiveFrom":          {"EffectiveTill": "2026-12-23"},
		"Config[0] must have both":                     {"Config": []any{members{"Day": "SUNDAY", "StartTime": members{"Hours": 1, "Minutes": 0}}}},
		"ByMonth must be absent":                       pattern(members{"ByMonth": []int{1}}),
		"ByMonthDay must have one":                     pattern(members{"ByMonthDay": []int{1, 2}}),
		"ByMonthDay must be positive":                  pattern(members{"ByMonthDay": []int{0}}),
		"ByMonthDay must be absent when ByWeekday":     pattern(members{"ByMonthDay": []int{1}, "ByWeekdayOccurrence": []int{1}}),
		"Config must name the Day":                     pattern(members{"ByWeekdayOccurrence": []int{1}}),
		"ByMonthDay must be absent when Frequency":     pattern(members{"Frequency": "WEEKLY", "ByMonthDay": []int{1}}),
		"ByWeekdayOccurrence must be absent when Freq": pattern(members{"Frequency": "WEEKLY", "ByWeekdayOccurrence": []int{1}}),
	} {
		more["Name"] = "Another"
		w.do("CreateHoursOfOperationOverride", override(more)).fails("InvalidParameterException", words)
	}

	w.do("UpdateHoursOfOperationOverride", one(members{"Name": "Noël", "EffectiveTill": "2026-12-31"})).ok()
	w.do("UpdateHoursOfOperationOverride", one(members{"EffectiveTill": "2026-01-01"})).
		fails("InvalidParameterException", "EffectiveTill")
	if got := names(w.do("ListHoursOfOperationOverrides", of(nil)).ok()["HoursOfOperationOverrideList"], "Name"); !slices.
		Equal(got, []string{"Noël"}) {
		t.Errorf("ListHoursOfOperationOverrides has %q", got)
	}
	search := func(compare, date string) []string {
		found := w.do("SearchHoursOfOperationOverrides", members{"InstanceId": in, "SearchCriteria": members{"DateCondition": members{
			"FieldName": "EffectiveTill", "Value": date, "ComparisonType": compare}}}).ok()
		return names(found["HoursOfOperationOverrides"], "Name")
	}
	for _, tt := range []struct {
		compare, date string
		want          []string
	}{{"GREATER_THAN", "2026-12-26", []string{"Noël"}}, {"GREATER_THAN_OR_EQUAL_TO", "2026-12-26", []string{"Noël", "Christmas"}},
		{"LESS_THAN", "2026-12-31", []string{"Christmas"}}, {"EQUAL_TO", "2026-12-31", []string{"Noël"}},
		{"LESS_THAN", "2026-12-26", nil}} {
		if got := search(tt.compare, tt.date); !slices.Equal(got, tt.want) {
			t.Errorf("EffectiveTill %s %s finds %q, want %q", tt.compare, tt.date, got, tt.want)
		}
	}
	w.do("DeleteHoursOfOperationOverride", one(nil)).ok()
	w.do("DescribeHoursOfOperationOverride", one(nil)).fails("ResourceNotFoundException", id)
	w.do("DeleteHoursOfOperation", members{"InstanceId": in, "HoursOfOperationId": other}).ok()
	if got := search("GREATER_THAN", "2000-01-01"); got != nil {
		t.Errorf("overrides %q are left of hours that were deleted", got)
	}
}

// Friday 2026-12-25 is in the middle of these weeks. The standard hours are Monday to Friday, 9:00 to 17:00.
func TestEffectiveHours(t *testing.T) {
	w := newWorld(t)
	type overrides map[string]members
	dates := func(from, till string, more members) members {
		m := members{"EffectiveFrom": from, "EffectiveTill": till, "Config": []any{}}
		maps.Copy(m, more)
		return m
	}
	recurring := func(kind, frequency string, interval int, p members, config ...any) members {
		if p == nil {
			p = members{}
		}
		p["Frequency"], p["Interval"] = frequency, interval
		return dates("2026-01-01", "2027-12-31", members{"OverrideType": kind, "Config": append([]any{}, config...),
			"RecurrenceConfig": members{"RecurrencePattern": p}})
	}
	standard := "12-24 9:00-17:00; 12-25 9:00-17:00; 12-26 "
	for i, tt := range []struct {
		name         string
		own, parents overrides
		from, to     string
		want, by     string
	}{
		{name: "no override", want: standard},
		{name: "temporary hours", own: overrides{"Half day": dates("2026-12-24", "2026-12-24",
			members{"Config": []any{slot("THURSDAY", "9:00-12:00")}})},
			want: "12-24 9:00-12:00; 12-25 9:00-17:00; 12-26 ", by: "12-24 9:00-12:00 OPEN by Half day"},
		{name: "temporary hours without any", own: overrides{"Shut": dates("2026-12-25", "2026-12-25", nil)},
			want: "12-24 9:00-17:00; 12-25 ; 12-26 ", by: "12-25 0:00-0:00 CLOSED by Shut"},
		{name: "temporary hours beyond midnight", own: overrides{"Night": dates("2026-12-24", "2026-12-24",
			members{"Config": []any{slot("THURSDAY", "22:00-6:00")}})},
			want: "12-24 22:00-0:00; 12-25 0:00-6:00, 9:00-17:00; 12-26 ", by: "12-24 22:00-6:00 OPEN by Night"},
		{name: "two temporary hours on a day", own: overrides{
			"A": dates("2026-12-26", "2026-12-26", members{"Config": []any{slot("SATURDAY", "8:00-10:00")}}),
			"B": dates("2026-12-26", "2026-12-26", members{"Config": []any{slot("SATURDAY", "9:30-11:00")}})},
			want: "12-24 9:00-17:00; 12-25 9:00-17:00; 12-26 8:00-11:00",
			by:   "12-26 8:00-10:00 OPEN by A, 9:30-11:00 OPEN by B"},
		{name: "closed every year", own: overrides{"Christmas": recurring("CLOSED", "YEARLY", 1,
			members{"ByMonth": []int{12}, "ByMonthDay": []int{25}})},
			want: "12-24 9:00-17:00; 12-25 ; 12-26 ", by: "12-25 0:00-0:00 CLOSED by Christmas"},
		{name: "closed at lunch on Fridays", own: overrides{"Lunch": recurring("CLOSED", "WEEKLY", 1, nil,
			slot("FRIDAY", "12:00-13:00"))},
			want: "12-24 9:00-17:00; 12-25 9:00-12:00, 13:00-17:00; 12-26 ", by: "12-25 12:00-13:00 CLOSED by Lunch"},
		{name: "open at last Saturday of the month", own: overrides{"Sale": recurring("OPEN", "MONTHLY", 1,
			members{"ByWeekdayOccurrence": []int{-1}}, slot("SATURDAY", "10:00-22:00"))},
			want: "12-24 9:00-17:00; 12-25 9:00-17:00; 12-26 10:00-22:00", by: "12-26 10:00-22:00 OPEN by Sale"},
		{name: "every other week", own: overrides{"Late": recurring("OPEN", "WEEKLY", 2, nil, slot("FRIDAY", "17:00-20:00"))},
			from: "2026-12-18", to: "2027-01-01", want: "12-18 9:00-20:00; 12-19 ; 12-20 ; 12-21 9:00-17:00; " +
				"12-22 9:00-17:00; 12-23 9:00-17:00; 12-24 9:00-17:00; 12-25 9:00-17:00; 12-26 ; 12-27 ; 12-28 9:00-17:00; " +
				"12-29 9:00-17:00; 12-30 9:00-17:00; 12-31 9:00-17:00; 01-01 9:00-20:00",
			by: "12-18 17:00-20:00 OPEN by Late; 01-01 17:00-20:00 OPEN by Late"},
		{name: "the last day of each month", own: overrides{"Stocktaking": recurring("CLOSED", "MONTHLY", 1,
			members{"ByMonthDay": []int{-1}})}, from: "2027-02-26", to: "2027-03-01",
			want: "02-26 9:00-17:00; 02-27 ; 02-28 ; 03-01 9:00-17:00", by: "02-28 0:00-0:00 CLOSED by Stocktaking"},
		{name: "the 31st", own: overrides{"End": recurring("CLOSED", "MONTHLY", 1, members{"ByMonthDay": []int{31}})},
			from: "2027-04-30", to: "2027-05-03", want: "04-30 9:00-17:00; 05-01 ; 05-02 ; 05-03 9:00-17:00"},
		{name: "closed before open before temporary", own: overrides{
			"Temporary": dates("2026-12-24", "2026-12-24", members{"Config": []any{slot("THURSDAY", "8:00-10:00")}}),
			"Open":      recurring("OPEN", "WEEKLY", 1, nil, slot("THURSDAY", "9:00-20:00")),
			"Closed":    recurring("CLOSED", "WEEKLY", 1, nil, slot("THURSDAY", "12:00-16:00"))},
			want: "12-24 8:00-12:00, 16:00-20:00; 12-25 9:00-17:00; 12-26 ",
			by:   "12-24 12:00-16:00 CLOSED by Closed, 9:00-20:00 OPEN by Open, 8:00-10:00 OPEN by Temporary"},
		{name: "recurring temporary hours", own: overrides{"Short": recurring("STANDARD", "WEEKLY", 1, nil,
			slot("THURSDAY", "9:00-12:00"))}, from: "2026-12-24", to: "2026-12-24", want: "12-24 9:00-12:00",
			by: "12-24 9:00-12:00 OPEN by Short"},
		{name: "overrides of parents", parents: overrides{"Christmas": recurring("CLOSED", "YEARLY", 1,
			members{"ByMonthDay": []int{25}, "ByMonth": []int{12}})},
			want: "12-24 9:00-17:00; 12-25 ; 12-26 ", by: "12-25 0:00-0:00 CLOSED by Christmas"},
		{name: "before and after the dates of an override", own: overrides{"Shut": dates("2026-12-27", "2026-12-30", nil),
			"Gone": dates("2026-12-01", "2026-12-23", nil)}, want: standard},
	} {
		w.T = t
		in := w.instance(fmt.Sprint("effective-", i))
		make := func(name string) string {
			var week []any
			for _, day := range []string{"MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"} {
				week = append(week, slot(day, "9:00-17:00"))
			}
			return w.id("CreateHoursOfOperation", members{"InstanceId": in, "Name": name, "TimeZone": "Europe/Paris", "Config": week})
		}
		own, parent := make("Own"), make("Parent")
		w.do("AssociateHoursOfOperations", members{"InstanceId": in, "HoursOfOperationId": own,
			"ParentHoursOfOperationConfigs": []any{members{"HoursOfOperationId": parent}}}).ok()
		for hours, all := range map[string]overrides{own: tt.own, parent: tt.parents} {
			for name, o := range all {
				o["InstanceId"], o["HoursOfOperationId"], o["Name"] = in, hours, name
				w.id("CreateHoursOfOperationOverride", o)
			}
		}
		if tt.from == "" {
			tt.from, tt.to = "2026-12-24", "2026-12-26"
		}
		out := w.do("GetEffectiveHoursOfOperations", members{"InstanceId": in, "HoursOfOperationId": own, "FromDate": tt.from,
			"ToDate": tt.to}).ok()
		if got := shown(out["EffectiveHoursOfOperationList"], "OperationalHours"); got != tt.want {
			t.Errorf("%s: it is open %s, want %s", tt.name, got, tt.want)
		}
		if got := shown(out["EffectiveOverrideHoursList"], "OverrideHours"); got != tt.by {
			t.Errorf("%s: overrides are %s, want %s", tt.name, got, tt.by)
		}
		if out["TimeZone"] != "Europe/Paris" {
			t.Errorf("%s: the time zone is %v", tt.name, out["TimeZone"])
		}
		w.do("DeleteInstance", members{"InstanceId": in}).ok()
	}
	in := w.instance("bounds")
	hours := w.first("ListHoursOfOperations", in, "HoursOfOperationSummaryList", "Id")
	for _, to := range []string{"2026-01-01", "2027-02-02", "2026-13-01"} {
		w.do("GetEffectiveHoursOfOperations", members{"InstanceId": in, "HoursOfOperationId": hours, "FromDate": "2026-02-01",
			"ToDate": to}).fails("InvalidParameterException", "ToDate", to)
	}
}
