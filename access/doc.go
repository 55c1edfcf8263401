// Package access decides who may do what by the rules of Amazon Connect's security profiles. It compiles the
// profiles, users, hierarchy and associations of an instance into an immutable [Snapshot] and answers from that,
// without locks and without I/O. It neither stores anything nor knows how a question arrives: build a snapshot by
// [New], or have an [Engine] load instances from a [Source] and follow their changes.
//
// # Rules
//
//  1. A user holds security profiles and may do what any one of them lets through: profiles add up (OR).
//  2. A profile lets a permission through to resources that meet all of its conditions for their type.
//  3. Tags restrict the types that the profile lists: a resource must carry all of the profile's tags (AND).
//  4. The hierarchy restricts users: to a group and those below it, or to the holder's own group and below.
//  5. A profile that grants something without conditions prevails over others that tie it to conditions.
//  6. Nothing denies, except restricting permissions: held in any profile, they take from what others grant.
//  7. Applications, flow modules and AI agents are granted one by one; rows of data tables by attribute values.
//  8. An AI agent holds profiles of its own; when it assists a human, both must be allowed.
//  9. Reports combine profiles in another way: tags and hierarchy must both be met, whichever profiles they are on.
//  10. What is unknown, be it a subject, a resource or an action, is denied, and the [Reason] says why.
//
// [Concepts] shows each part of a profile, and [Decisions] has worked examples and the sources of the rules.
//
// [Concepts]: https://github.com/lanyard/lanyard/blob/main/docs/concepts.md
// [Decisions]: https://github.com/lanyard/lanyard/blob/main/docs/decisions.md
package access
