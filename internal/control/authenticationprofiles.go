package control

import (
	"net/netip"

	"github.com/lanyard/lanyard"
)

// defaultAuthenticationProfile is the one that every instance has. Nobody can add others.
func defaultAuthenticationProfile() *lanyard.AuthenticationProfile {
	return &lanyard.AuthenticationProfile{Document: lanyard.Document{
		Meta: lanyard.Meta{Name: "Default Authentication Profile"},
		Members: lanyard.Settings{
			"Description": lanyard.JSON(`"The default authentication profile of the instance"`),
			"AllowedIps":  lanyard.JSON(`[]`), "BlockedIps": lanyard.JSON(`[]`), "IsDefault": lanyard.JSON(`true`),
			"PeriodicSessionDuration": lanyard.JSON(`60`), "MaxSessionDuration": lanyard.JSON(`720`),
			"SessionInactivityDuration":        lanyard.JSON(`15`),
			"SessionInactivityHandlingEnabled": lanyard.JSON(`false`),
		}}}
}

// checkAuthenticationProfile refuses what is no range of addresses.
func checkAuthenticationProfile(c *documentCheck, _, d *lanyard.Document) error {
	for _, name := range []string{"AllowedIps", "BlockedIps"} {
		var ranges []string
		if _, err := c.member(d, name, &ranges); err != nil {
			return err
		}
		if len(ranges) > maxRanges {
			return lanyard.Errorf(lanyard.Invalid, "%s must have at most %d ranges, got %d", name, maxRanges, len(ranges))
		}
		for i, r := range ranges {
			_, err := netip.ParseAddr(r)
			if _, prefix := netip.ParsePrefix(r); err != nil && prefix != nil {
				return lanyard.Errorf(lanyard.Invalid, "%s must be an IP address, or a range such as 192.0.2.0/24 or 2001:db8::/32, "+
					"got %s", item(name, i), lanyard.Quote(r))
			}
		}
	}
	return nil
}

// maxRanges bounds the ranges in a list. It is ours.
const maxRanges = 100
