package lint

import "slices"

// A Rule is a row of the table of rules.
type Rule struct {
	Code string // stable; never reused
	Name string
	// Severity is the least that findings of the rule have.
	Severity Severity
	Title    string
	Why      string // why it matters
	Advice   string // what to do
	// Sees says what a viewer must be able to see in the console for the rule to run.
	Sees  string
	check func(*linter) // nil: found elsewhere
}

// Rules returns the table of rules, in the order of their codes. It must not be changed.
func Rules() []Rule { return rules }

// FindRule finds a rule by its code or name.
func FindRule(ref string) (Rule, bool) {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Code == ref || r.Name == ref })
	if i < 0 {
		return Rule{}, false
	}
	return rules[i], true
}

// Codes: LY1… names, LY2… who can become more powerful, LY3… restrictions, LY4… profiles among each other, LY5… AI
// agents and use, LY9… the configuration of lint itself.
var rules []Rule

func init() { rules = table() } // the checks refer to the table

// What viewers must see.
const (
	seesProfiles = "the profile"
	seesTags     = "every resource of the types that the profile restricts"
	seesHolders  = "the profile, and the users who hold it"
	seesEveryone = "every user and every AI agent"
	seesPeople   = "every security profile and every user"
	seesAll      = "every security profile, user, hierarchy group and routing profile"
)

func table() []Rule {
	return slices.Concat(nameRules(), powerRules(), restrictionRules(), profileRules(), useRules(), configRules())
}

func nameRules() []Rule {
	return []Rule{
		{"LY1001", "unknown-permission", Warning, "Unknown permission names",
			"A name that Amazon Connect does not know grants nothing: people lack what the author meant to give them, or " +
				"Amazon Connect refuses the profile. The catalogue may also be older than the name.",
			"Correct or remove the name. If Amazon Connect has added it, silence the finding until lanyard knows it.",
			seesProfiles, (*linter).checkUnknownNames},
		{"LY1002", "misspelt-permission", Error, "Misspelt permission names",
			"A name that is spelt wrong grants nothing, although it looks as if it did in a review.",
			"Write the name as the catalogue has it. Upper and lower case count.",
			seesProfiles, (*linter).checkMisspelt},
		{"LY1003", "iam-action", Error, "IAM actions in place of permissions",
			"Security profiles have permissions of their own. Actions of IAM, such as connect:UpdateUser, are for policies of " +
				"AWS and grant nothing in a security profile.",
			"Use the permission of Amazon Connect that allows the same thing.",
			seesProfiles, (*linter).checkIAM},
		{"LY1004", "renamed-permission", Warning, "Renamed permissions",
			"Amazon Connect has renamed the permission, and its documentation no longer has the old name. It may stop working.",
			"Use the new name.",
			seesProfiles, (*linter).checkRenamed},
		{"LY1005", "legacy-permission", Info, "Legacy permission names",
			"The web site of Amazon Connect hides the old names and replaces them when somebody saves the profile there, which " +
				"then differs from the template.",
			"Replace the old names by the new ones, as the web site does.",
			seesProfiles, (*linter).checkLegacy},
		{"LY1006", "restricting-permission", Info, "Permissions that take something away",
			"Profiles add up, but these few permissions take something away: whoever holds one in any profile is restricted, " +
				"whatever their other profiles grant.",
			"Grant it only in profiles whose holders are all to be restricted, and not along with profiles for supervisors.",
			seesProfiles, (*linter).checkRestricting},
		{"LY1007", "edit-without-view", Warning, "Actions without View",
			"The pages of the web site on which the action is used do not open without the View of the same resource, so its " +
				"holders cannot use it there.",
			"Add the View, as the web site does, or remove the action.",
			seesProfiles, (*linter).checkViews},
		{"LY1008", "missing-prerequisite", Info, "Permissions without what they depend on",
			"The permission does nothing, or less than its name says, without the others.",
			"Grant the others too, in this or in another profile of the same people.",
			seesHolders, (*linter).checkPrerequisites},
	}
}

func powerRules() []Rule {
	return []Rule{
		{"LY2001", "privilege-escalation", Warning, "Ways to become more powerful",
			"Amazon Connect does not limit what people grant to what they have. Who may edit or assign security profiles, create " +
				"users or take over accounts can often become an administrator in a few steps.",
			"Break the path: take one of the permissions away, or restrict it by tags or by hierarchy, so that neither powerful " +
				"profiles nor their holders, nor the people themselves, are within reach. Restrict users and security profiles " +
				"both: a restriction of one alone leaves the way through the other.",
			seesAll, (*linter).checkEscalation},
		{"LY2002", "administrators", Info, "Who administers everything",
			"They may edit every profile and change everybody's profiles, so they can do anything.",
			"Keep them few, and review them regularly.",
			seesPeople, (*linter).checkAdministrators},
		{"LY2003", "over-broad", Info, "Profiles that grant very much",
			"A profile with many sensitive permissions and without restrictions gives each of its holders more than one job " +
				"needs.",
			"Split it by job, or restrict it by tags or by hierarchy.",
			seesProfiles, (*linter).checkBroad},
	}
}

func restrictionRules() []Rule {
	return []Rule{
		{"LY3001", "half-restriction", Warning, "Incomplete restrictions",
			"Access-control tags restrict nothing without restricted resource types, nor types without tags, nor a hierarchy " +
				"group without users among the hierarchy-restricted types. The holders reach everything.",
			"Give both halves, or remove the one.",
			seesProfiles, (*linter).checkHalf},
		{"LY3002", "partial-restriction", Warning, "Restrictions that can be sidestepped",
			"A restriction covers the types that it lists. A profile that restricts users, and may write or assign security " +
				"profiles without restriction, lets its holders write a profile that is not restricted.",
			"Restrict SecurityProfile along with User, and User along with SecurityProfile.",
			seesProfiles, (*linter).checkPartial},
		{"LY3003", "undone-restriction", Warning, "Restrictions undone by another profile",
			"Profiles add up: what one profile allows everywhere is allowed everywhere, however another one restricts it. The " +
				"restriction has no effect for people who hold both.",
			"Take one of the profiles away from them, or remove the permissions from the profile without the restriction.",
			seesHolders, (*linter).checkUndone},
		{"LY3004", "tag-on-nothing", Warning, "Restrictions that match nothing",
			"No resource of the type carries the tags that the profile requires, so its holders reach none. Often it is a " +
				"misspelt value or a forgotten tag.",
			"Correct the tags of the profile, or tag the resources.",
			seesTags, (*linter).checkTagsOnNothing},
		{"LY3005", "tag-case", Warning, "Tag keys that differ in case only",
			"Keys and values of tags are compared exactly. The tag matches nothing.",
			"Write the key as the resources have it.",
			seesTags, (*linter).checkTagCase},
		{"LY3006", "unknown-type", Warning, "Restricted types with unknown names",
			"The name is not known, so it is not known what it restricts. To be on the safe side, decisions restrict every type " +
				"that has no name of its own.",
			"Use one of the names that TagRestrictedResources has, or User for the hierarchy.",
			seesProfiles, (*linter).checkTypes},
		{"LY3007", "missing-group", Warning, "Restrictions to a deleted hierarchy group",
			"The hierarchy group does not exist, so the holders reach nobody by this profile.",
			"Name a group that exists.",
			"every hierarchy group", (*linter).checkMissingGroup},
		{"LY3008", "empty-group", Info, "Restrictions to a hierarchy group without users",
			"Nobody is in the hierarchy group or below it, so the holders reach nobody by this profile.",
			"Put users into the group, or name another.",
			"every hierarchy group and every user", (*linter).checkEmptyGroup},
	}
}

func profileRules() []Rule {
	return []Rule{
		{"LY4001", "unused", Info, "Profiles that nobody holds",
			"A profile that nobody holds is easily forgotten in reviews, and one assignment away from being used.",
			"Delete it, unless it is kept for a purpose.",
			seesEveryone, (*linter).checkUnused},
		{"LY4002", "near-identical", Info, "Nearly identical profiles",
			"Profiles that differ in a few permissions drift further apart, and each change must be made in both.",
			"Merge them.",
			seesProfiles + "s; who would gain or lose something, of the users whom the viewer sees", (*linter).checkNear},
		{"LY4003", "missing-profile", Error, "Holders of a profile that does not exist",
			"A profile that does not exist grants nothing.",
			"Assign a profile that exists.",
			seesPeople, (*linter).checkMissingProfiles},
	}
}

func useRules() []Rule {
	return []Rule{
		{"LY5001", "agent-tool", Info, "Tools of AI agents that people cannot use",
			"An AI agent that assists a person may do what both may do. A tool that the person may not use fails for them, and " +
				"it looks like an error of the tool.",
			"Grant the tool to the people whom the AI agent assists, or take it away from the AI agent.",
			"every security profile, user and AI agent", (*linter).checkAgents},
		{"LY5002", "unused-permission", Info, "Permissions that were not used",
			"No holder of the profile used the permission in the time that the log of decisions covers. What nobody needs is " +
				"better not granted.",
			"Remove the permission, after asking whether it is used rarely.",
			"not in the console: it needs a log of decisions", (*linter).checkUse},
		{"LY5003", "unused-tool", Info, "Tools of AI agents that were not used",
			"No holder of the profile used the tool, and no AI agent that assisted them, in the time that the log of decisions " +
				"covers. A tool that nobody needs is better not granted: a model that is talked into something may call it.",
			"Remove the tool, after asking whether it is used rarely.",
			"not in the console: it needs a log of decisions", (*linter).checkTools},
	}
}

// Codes of the rules that the configuration breaks.
const (
	expiredCode = "LY9001"
	uselessCode = "LY9002"
)

func configRules() []Rule {
	return []Rule{
		{expiredCode, "expired-silence", Warning, "Silences that have expired",
			"The finding was accepted until a day that has passed.",
			"Resolve the finding, or extend the silence with a reason that still holds.",
			"not in the console: it needs a configuration file", nil},
		{uselessCode, "useless-silence", Info, "Silences that silence nothing",
			"The finding has been resolved or its resource is gone. A silence that stays would hide it if it came back.",
			"Remove the silence.",
			"not in the console: it needs a configuration file", nil},
	}
}
