package lint

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// moves returns the steps that can be taken in a state and that may lead to more.
func (s *searcher) moves(st *state, from start) []*Step {
	var steps []*Step
	for i := range st.actors {
		a := &st.actors[i]
		steps = slices.Concat(steps, s.writeHeld(st, a), s.assign(st, a), s.createUser(st, a),
			s.takeOver(st, a, from), s.writeOther(st, a), s.createProfile(st, a), s.tagUser(st, a), s.moveUser(st, a),
			s.tagWritten(st, a))
	}
	return steps
}

// everything is a profile as somebody would write it to be able to do everything.
func everything(p *lanyard.Profile) *lanyard.Profile {
	return &lanyard.Profile{Meta: p.Meta, Permissions: sensitiveMask.names()}
}

// whose names a person of a path, from the view of the person who begins it.
func (st *state) whose(u *lanyard.User) string {
	switch u.ID {
	case st.actors[0].ID:
		return "themselves"
	case newUser:
		return "the new user"
	}
	return "user " + lanyard.Quote(u.Name)
}

// acting says who takes a step, unless it is the person who begins the path.
func (st *state) acting(a *lanyard.User) string {
	if a.ID == st.actors[0].ID {
		return ""
	}
	return "as " + st.whose(a) + ", "
}

func (s *searcher) profileByID(id string) *lanyard.Profile {
	if i, ok := s.byID[id]; ok {
		return s.Profiles[i]
	}
	return &lanyard.Profile{Meta: lanyard.Meta{ID: id, Name: "new profile"}}
}

// writeHeld writes everything into a profile that one of the people holds.
func (s *searcher) writeHeld(st *state, a *lanyard.User) []*Step {
	for i := range st.actors {
		h := &st.actors[i]
		why := "which they hold"
		if i > 0 {
			why = "which " + st.whose(h) + " holds"
		}
		for _, id := range h.Profiles {
			if _, known := s.byID[id]; !known || st.written[id] {
				continue
			}
			if step, ok := s.write(st, a, id, why); ok {
				return []*Step{step} // one is enough
			}
		}
	}
	return nil
}

// write is the step that writes everything into a profile.
func (s *searcher) write(st *state, a *lanyard.User, id, why string) (*Step, bool) {
	p := s.profileByID(id)
	by, ok := s.may(st, a, "SecurityProfiles.Edit", access.Resource{Type: access.TypeSecurityProfile, ID: id})
	if !ok {
		return nil, false
	}
	step := &Step{Operation: "UpdateSecurityProfile", Permission: "SecurityProfiles.Edit", Profile: by, actor: a.ID,
		Resource: profileResource(p), Text: fmt.Sprintf("%sgrant everything in profile %s, %s", st.acting(a),
			lanyard.Quote(p.Name), why),
		input: map[string]any{"SecurityProfileId": id, "Permissions": sensitiveMask.names(),
			"AllowedAccessControlTags": map[string]string{}, "TagRestrictedResources": []string{},
			"HierarchyRestrictedResources": []string{}}}
	st.after(step, everything(p))
	return step, true
}

// writeOther writes everything into profiles that nobody of the path holds yet. Of those that are as good as each other
// it takes one: that the actor could assign, that somebody holds whose account they could take over, any.
func (s *searcher) writeOther(st *state, a *lanyard.User) (steps []*Step) {
	if len(st.written) > 0 || st.n+1 >= maxSteps || !s.holdsUseful(st, a, "SecurityProfiles.Edit") {
		return nil
	}
	var assignable, held, any bool
	for _, p := range s.Profiles {
		if assignable && held && any {
			break
		}
		if st.holds(p.ID) {
			continue
		}
		if _, ok := s.may(st, a, "SecurityProfiles.Edit", access.Resource{Type: access.TypeSecurityProfile, ID: p.ID}); !ok {
			continue
		}
		use := !assignable && slices.ContainsFunc(st.actors, func(u lanyard.User) bool {
			return s.mayUse(st, &u, lanyard.TypeProfile, p.ID)
		})
		take := !held && s.managed() && s.heldInReach(st, p.ID)
		if !use && !take && any {
			continue
		}
		step, ok := s.write(st, a, p.ID, "which they do not hold")
		if ok {
			steps = append(steps, step)
			assignable, held, any = assignable || use, held || take, true
		}
	}
	return steps
}

func (st *state) holds(profile string) bool {
	return slices.ContainsFunc(st.actors, func(u lanyard.User) bool { return slices.Contains(u.Profiles, profile) })
}

// heldInReach reports whether an actor could take over the account of a holder of a profile.
func (s *searcher) heldInReach(st *state, profile string) bool {
	for _, v := range s.holders[profile] {
		for i := range st.actors {
			if _, ok := s.mayChange(st, &st.actors[i], "Users.Edit", &v.user, &v.user); ok {
				return true
			}
		}
	}
	return false
}

// holdsUseful reports whether an actor holds a profile with a permission, conditions apart.
func (s *searcher) holdsUseful(st *state, a *lanyard.User, permission string) bool {
	return slices.ContainsFunc(a.Profiles, func(id string) bool {
		i, ok := s.byID[id]
		return st.written[id] || ok && s.grantsOf(i).granted.and(maskOf(permission)) != (mask{})
	})
}

// createProfile makes a profile that grants everything, with the tags that the actor's restrictions require.
func (s *searcher) createProfile(st *state, a *lanyard.User) (steps []*Step) {
	if len(st.written) > 0 || st.n+1 >= maxSteps || !s.holdsUseful(st, a, "SecurityProfiles.Create") {
		return nil
	}
	for _, tags := range s.tagChoices(st, access.TypeSecurityProfile, nil) {
		by, ok := s.may(st, a, "SecurityProfiles.Create",
			access.Resource{Type: access.TypeSecurityProfile, New: true, Tags: tags})
		if !ok {
			continue
		}
		p := everything(&lanyard.Profile{Meta: lanyard.Meta{ID: newProfile, Name: "new profile", Tags: tags}})
		step := &Step{Operation: "CreateSecurityProfile", Permission: "SecurityProfiles.Create", Profile: by, actor: a.ID,
			Resource: Resource{Type: access.TypeSecurityProfile, ID: newProfile, Name: "new profile"},
			Text:     st.acting(a) + "create a profile that grants everything" + withTags(tags),
			input:    map[string]any{"SecurityProfileName": "escalated", "Permissions": p.Permissions}}
		if len(tags) > 0 {
			step.input["Tags"] = tags
		}
		st.after(step, p)
		steps = append(steps, step)
	}
	return steps
}

func withTags(tags map[string]string) string {
	if len(tags) == 0 {
		return ""
	}
	var all []string
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, lanyard.Quote(k+"="+tags[k]))
	}
	return ", tagged " + list(all)
}

// tagChoices returns the tags that restrictions of the actors on a type may require, added to others: of none, of each
// profile, of each two.
func (s *searcher) tagChoices(st *state, resourceType string, has map[string]string) []map[string]string {
	choices := []map[string]string{has}
	add := func(tags map[string]string) {
		if !slices.ContainsFunc(choices, func(c map[string]string) bool { return maps.Equal(c, tags) }) {
			choices = append(choices, tags)
		}
	}
	var required []map[string]string
	for _, u := range st.actors {
		for _, id := range u.Profiles {
			if i, ok := s.byID[id]; ok && !st.written[id] && s.grantsOf(i).granted.and(helpMask) != (mask{}) &&
				slices.Contains(restrictedTypes(s.Profiles[i]), resourceType) && len(s.Profiles[i].AccessTags) > 0 {
				required = append(required, s.Profiles[i].AccessTags)
			}
		}
	}
	for _, tags := range required {
		add(joined(has, tags))
	}
	for _, x := range required {
		for _, y := range required {
			add(joined(joined(has, x), y))
		}
	}
	return choices
}

func joined(a, b map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, a)
	maps.Copy(out, b)
	return out
}

// offers returns the profiles worth having for somebody, with those that were written first.
func (s *searcher) offers(st *state, holder *lanyard.User) (ids []string) {
	for _, id := range slices.Sorted(maps.Keys(st.written)) {
		if !slices.Contains(holder.Profiles, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) > 0 {
		return ids // nothing is worth more
	}
	for _, id := range s.offered {
		if !slices.Contains(holder.Profiles, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// assign gives a profile to one of the people.
func (s *searcher) assign(st *state, a *lanyard.User) (steps []*Step) {
	if !s.holdsUseful(st, a, "Users.EditPermission") {
		return nil
	}
	for i := range st.actors {
		h := &st.actors[i]
		by, ok := s.mayChange(st, a, "Users.EditPermission", h, h)
		if !ok {
			continue
		}
		for _, id := range s.offers(st, h) {
			if !s.mayUse(st, a, lanyard.TypeProfile, id) {
				continue
			}
			u := *h
			u.Profiles = s.withProfile(st, h.Profiles, id)
			step := &Step{Operation: "UpdateUserSecurityProfiles", Permission: "Users.EditPermission", Profile: by, actor: a.ID,
				Resource: Resource{access.TypeUser, h.ID, h.Name}, tell: func(step *Step) {
					step.Text = fmt.Sprintf("%sgive %s the profile %s", st.acting(a), st.whose(h),
						lanyard.Quote(s.profileByID(id).Name))
					step.input = map[string]any{"UserId": h.ID, "SecurityProfileIds": u.Profiles}
				}}
			st.after(step, &u)
			steps = append(steps, step)
		}
	}
	return steps
}

// withProfile adds a profile to those that somebody holds, in place of others where they may not hold so many.
func (s *searcher) withProfile(st *state, held []string, id string) []string {
	out := append(slices.Clone(held), id)
	restricted := func(id string) bool {
		i, ok := s.byID[id]
		return ok && !st.written[id] && s.Profiles[i].Restricted()
	}
	drop := func(which func(string) bool) {
		if i := slices.IndexFunc(out[:len(out)-1], which); i >= 0 {
			out = slices.Delete(out, i, i+1)
		}
	}
	n := 0
	for _, p := range out {
		n += boolInt(restricted(p))
	}
	if n > maxRestricted {
		drop(restricted)
	}
	if len(out) > access.MaxProfiles {
		drop(func(p string) bool { return !s.useful[p] })
	}
	if len(out) > access.MaxProfiles {
		out = out[1:]
	}
	return out
}

// createUser makes a user who holds a profile, and signs in as that user.
func (s *searcher) createUser(st *state, a *lanyard.User) (steps []*Step) {
	if !s.holdsUseful(st, a, "Users.Create") || slices.ContainsFunc(st.actors,
		func(u lanyard.User) bool { return u.ID == newUser }) {
		return nil
	}
	routing, ok := "", len(s.routing) == 0 // of a template that has none, there will be one
	for _, id := range s.routing {
		if ok = s.mayUse(st, a, lanyard.TypeRoutingProfile, id); ok {
			routing = id
			break
		}
	}
	if !ok {
		return nil
	}
	for _, u := range s.newUsers(st, a) {
		by, ok := s.may(st, a, "Users.Create", newUserResource(&u))
		if !ok || u.Group != "" && !s.mayUse(st, a, lanyard.TypeGroup, u.Group) {
			continue
		}
		for _, id := range s.offers(st, &u) {
			if s.mayUse(st, a, lanyard.TypeProfile, id) {
				steps = append(steps, s.newUserStep(st, a, u, id, by, routing))
			}
		}
	}
	return steps
}

func (s *searcher) newUserStep(st *state, a *lanyard.User, u lanyard.User, profile string, by Resource,
	routing string) *Step {
	u.Profiles = []string{profile}
	step := &Step{Operation: "CreateUser", Permission: "Users.Create", Profile: by, actor: a.ID,
		Resource: Resource{access.TypeUser, newUser, "new user"}, tell: func(step *Step) {
			step.Text = fmt.Sprintf("%screate a user who holds the profile %s%s, and sign in as that user", st.acting(a),
				lanyard.Quote(s.profileByID(profile).Name), withTags(u.Tags))
			step.input = newUserInput(&u, routing)
		}}
	st.after(step, &u)
	return step
}

// newUserInput is the input of CreateUser, without what the identity management of the instance requires.
func newUserInput(u *lanyard.User, routing string) map[string]any {
	in := map[string]any{"Username": "escalated", "SecurityProfileIds": u.Profiles, "RoutingProfileId": routing,
		"PhoneConfig": map[string]any{"PhoneType": "SOFT_PHONE"}}
	if len(u.Tags) > 0 {
		in["Tags"] = u.Tags
	}
	if u.Group != "" {
		in["HierarchyGroupId"] = u.Group
	}
	return in
}

// newUsers returns the users that an actor could try to create: with the tags and in the groups that restrictions
// require.
func (s *searcher) newUsers(st *state, a *lanyard.User) (users []lanyard.User) {
	groups := []string{""}
	for _, id := range a.Profiles {
		i, ok := s.byID[id]
		if !ok || st.written[id] || len(s.Profiles[i].HierarchyRestricted) == 0 {
			continue
		}
		g := s.Profiles[i].HierarchyGroup
		if g == "" {
			g = a.Group
		}
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	for _, tags := range s.tagChoices(st, access.TypeUser, nil) {
		for _, g := range groups {
			users = append(users, lanyard.User{Meta: lanyard.Meta{ID: newUser, Name: "new user", Tags: tags}, Group: g})
		}
	}
	return users
}

// takeOver changes the e-mail address of a user, to which Amazon Connect sends the link for a new password.
func (s *searcher) takeOver(st *state, a *lanyard.User, from start) (steps []*Step) {
	if !s.managed() || !s.holdsUseful(st, a, "Users.Edit") {
		return nil
	}
	_, anybody := s.may(st, a, "Users.Edit", access.Resource{Type: access.TypeUser, New: true})
	tried := map[*profileSet]bool{}
	for n, v := range s.targets {
		if n >= maxTargets {
			break
		}
		actor := slices.ContainsFunc(st.actors, func(u lanyard.User) bool { return u.ID == v.user.ID })
		if anybody && tried[v.set] || actor || !s.worthTaking(st, v, from) {
			continue
		}
		by, ok := s.mayChange(st, a, "Users.Edit", &v.user, &v.user)
		if !ok {
			continue
		}
		tried[v.set] = true
		u := v.user
		step := &Step{Operation: "UpdateUserIdentityInfo", Permission: "Users.Edit", Profile: by, actor: a.ID,
			Resource: Resource{access.TypeUser, u.ID, u.Name},
			Text: fmt.Sprintf("%schange the e-mail address of user %s, have a link for a new password sent there, and sign in "+
				"as that user", st.acting(a), lanyard.Quote(u.Name)),
			input: map[string]any{"UserId": u.ID, "IdentityInfo": map[string]any{"Email": "escalated@example.com"}}}
		st.after(step, &u)
		steps = append(steps, step)
	}
	return steps
}

// worthTaking reports whether an account has anything that the start has not, or leads further.
func (s *searcher) worthTaking(st *state, v *variant, from start) bool {
	some, everywhere := s.levelsOf(st, &v.user)
	gains := some.without(from.some)
	gains.or(everywhere.without(from.everywhere))
	return gains.and(sensitiveMask) != (mask{}) || some.and(adminMask) != (mask{})
}

// tagUser gives one of the people the tags that restrictions require.
func (s *searcher) tagUser(st *state, a *lanyard.User) (steps []*Step) {
	if st.n+1 >= maxSteps || !s.holdsUseful(st, a, "Users.Edit") {
		return nil
	}
	for i := range st.actors {
		h := &st.actors[i]
		for _, tags := range s.tagChoices(st, access.TypeUser, h.Tags)[1:] {
			u := *h
			u.Tags = tags
			by, ok := s.mayChange(st, a, "Users.Edit", h, &u)
			if !ok || maps.Equal(tags, h.Tags) {
				continue
			}
			step := &Step{Operation: "TagResource", Permission: "Users.Edit", Profile: by, actor: a.ID,
				Resource: Resource{access.TypeUser, h.ID, h.Name},
				Text:     fmt.Sprintf("%stag %s%s", st.acting(a), st.whose(h), withTags(newTags(h.Tags, tags))),
				input:    map[string]any{"resourceArn": lanyard.TypeUser, "tags": newTags(h.Tags, tags)}}
			st.after(step, &u)
			steps = append(steps, step)
		}
	}
	return steps
}

// newTags returns the tags of after that before does not have.
func newTags(before, after map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range after {
		if had, ok := before[k]; !ok || had != v {
			out[k] = v
		}
	}
	return out
}

// moveUser puts one of the people into a group to which profiles are restricted.
func (s *searcher) moveUser(st *state, a *lanyard.User) (steps []*Step) {
	if st.n+1 >= maxSteps || !s.holdsUseful(st, a, "Users.Edit") {
		return nil
	}
	for i := range st.actors {
		h := &st.actors[i]
		for _, g := range s.groupChoices(st, h) {
			u := *h
			u.Group = g
			by, ok := s.mayChange(st, a, "Users.Edit", h, &u)
			if !ok || !s.mayUse(st, a, lanyard.TypeGroup, g) {
				continue
			}
			found := st.snapshot.Lookup(access.TypeHierarchyGroup, g)
			step := &Step{Operation: "UpdateUserHierarchy", Permission: "Users.Edit", Profile: by, actor: a.ID,
				Resource: Resource{access.TypeUser, h.ID, h.Name},
				Text: fmt.Sprintf("%smove %s to the hierarchy group %s", st.acting(a), st.whose(h),
					lanyard.Quote(found[0].Name)),
				input: map[string]any{"UserId": h.ID, "HierarchyGroupId": g}}
			st.after(step, &u)
			steps = append(steps, step)
			if h.Group == "" && s.ownGroupOnly(st) {
				break // any group is as good as another
			}
		}
	}
	return steps
}

// groupChoices returns the groups that restrictions of the actors name; any, where a profile covers the group of its
// holder and the holder is in none.
func (s *searcher) groupChoices(st *state, h *lanyard.User) (groups []string) {
	own := false
	for _, u := range st.actors {
		for _, id := range u.Profiles {
			i, ok := s.byID[id]
			if !ok || st.written[id] || len(s.Profiles[i].HierarchyRestricted) == 0 || !s.useful[id] {
				continue
			}
			g := s.Profiles[i].HierarchyGroup
			own = own || g == ""
			if g != "" && g != h.Group && !slices.Contains(groups, g) &&
				len(st.snapshot.GroupPath(g)) > 0 {
				groups = append(groups, g)
			}
		}
	}
	if own && h.Group == "" {
		groups = append(groups, s.groups...)
	}
	for _, u := range st.actors { // into the group of another one of the people, whose profiles cover it
		if own && u.Group != "" && u.Group != h.Group && !slices.Contains(groups, u.Group) {
			groups = append(groups, u.Group)
		}
	}
	return groups
}

// ownGroupOnly reports whether no profile of the actors names a group.
func (s *searcher) ownGroupOnly(st *state) bool {
	for _, u := range st.actors {
		for _, id := range u.Profiles {
			if i, ok := s.byID[id]; ok && s.Profiles[i].HierarchyGroup != "" {
				return false
			}
		}
	}
	return true
}

// tagWritten gives a profile that was written the tags that restrictions require, so that it can be assigned.
func (s *searcher) tagWritten(st *state, a *lanyard.User) (steps []*Step) {
	if st.n+1 >= maxSteps {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(st.written)) {
		if st.holds(id) || id == newProfile { // that one was created with the right tags
			continue
		}
		p := everything(s.profileByID(id))
		for _, tags := range s.tagChoices(st, access.TypeSecurityProfile, p.Tags)[1:] {
			by, ok := s.may(st, a, "SecurityProfiles.Edit", access.Resource{Type: access.TypeSecurityProfile, ID: id})
			if !ok || maps.Equal(tags, p.Tags) {
				continue
			}
			if _, ok := s.may(st, a, "SecurityProfiles.Edit",
				access.Resource{Type: access.TypeSecurityProfile, New: true, Tags: tags}); !ok {
				continue
			}
			tagged := *p
			tagged.Tags = tags
			step := &Step{Operation: "TagResource", Permission: "SecurityProfiles.Edit", Profile: by, actor: a.ID,
				Resource: profileResource(p),
				Text: fmt.Sprintf("%stag profile %s%s", st.acting(a), lanyard.Quote(p.Name),
					withTags(newTags(p.Tags, tags))),
				input: map[string]any{"resourceArn": lanyard.TypeProfile, "tags": newTags(p.Tags, tags)}}
			st.after(step, &tagged)
			steps = append(steps, step)
		}
	}
	return steps
}
