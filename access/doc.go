// Package access decides who may do what by the rules of Amazon Connect's security profiles. It compiles the
// profiles, users, hierarchy and associations of an instance into an immutable [Snapshot] and answers from that,
// without locks and without I/O. It neither stores anything nor knows how a question arrives.
//
// # Use
//
//   - Build a snapshot with [New] from resources of package lanyard, or have an [Engine] load instances from a
//     [Source], such as a database, and follow their changes.
//   - Ask with a [Query]: who asks, for which permission, on which resource. [Snapshot.Decide] answers yes or no in
//     about 100 ns, with a [Reason]; [Snapshot.Explain] says why in words, profile by profile.
//   - Search with [Snapshot.WhoCan], [Snapshot.WhatCan] and others; the lists come in pages.
//   - Try a change before you make it with [Snapshot.IfProfile] and [Snapshot.IfUser], and find out with
//     [Snapshot.Exceeds] whether somebody would give away more than they have.
//
// A decision of a snapshot is a pure function of the snapshot and the query, so it can be repeated at any time.
//
// # Rules
//
//  1. A user holds security profiles and may do what any one of them allows: profiles add up.
//  2. A profile allows a permission that it grants on resources that meet all of its conditions for their type.
//  3. Tags restrict the types that the profile lists: such a resource must carry all of the profile's tags.
//  4. The hierarchy restricts users: to a group and those below it, or to the holder's own group and below.
//  5. A profile that grants something without conditions therefore prevails over others that tie it to conditions.
//  6. Nothing denies, except restricting permissions: held in any profile, they take from what others grant.
//  7. Applications, flow modules and AI agents are granted one by one; rows of data tables by attribute values.
//  8. An AI agent holds profiles of its own; when it assists a human, both must be allowed.
//  9. Reports combine profiles in another way: tags and hierarchy must both be met, whichever profiles they are on.
//  10. What is unknown, be it a subject, a resource or an action, is denied, and the [Reason] says why.
//
// [Concepts] shows each part of a profile, and [Decisions] has worked examples. [Fidelity] says which rules Amazon
// documents, which ones were observed, and which were chosen because neither is known.
//
// [Concepts]: https://github.com/lanyard/lanyard/blob/main/docs/concepts.md
// [Decisions]: https://github.com/lanyard/lanyard/blob/main/docs/decisions.md
// [Fidelity]: https://github.com/lanyard/lanyard/blob/main/docs/fidelity.md
package access
