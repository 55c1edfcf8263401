import { describe, expect, it } from "vitest";
import { mergeUser, sameUser, takeMine, type UserState } from "./user";

const admin = { Id: "1", Name: "Admin" };
const agent = { Id: "2", Name: "Agent" };
const auditor = { Id: "3", Name: "Auditor" };
const base: UserState = { profiles: [agent], group: "paris", tags: { Country: "FR" } };

describe("two people change one user", () => {
  it.each<[string, Partial<UserState>, Partial<UserState>, Partial<UserState>, string[]]>([
    ["both give a profile", { profiles: [agent, admin] }, { profiles: [agent, auditor] }, { profiles: [agent, auditor, admin] }, []],
    ["one takes what the other leaves", { profiles: [] }, { profiles: [agent, auditor] }, { profiles: [auditor] }, []],
    ["different parts", { group: "lyon" }, { tags: { Country: "FR", Team: "1" } }, { group: "lyon", tags: { Country: "FR", Team: "1" } }, []],
    ["different tags", { tags: { Country: "FR", Shift: "Night" } }, { tags: { Country: "FR", Team: "1" } }, { tags: { Country: "FR", Team: "1", Shift: "Night" } }, []],
    ["the same tag alike", { tags: { Country: "DE" } }, { tags: { Country: "DE" } }, { tags: { Country: "DE" } }, []],
    ["the same tag differently", { tags: { Country: "DE" } }, { tags: { Country: "US" } }, { tags: { Country: "US" } }, ["tags:Country"]],
    ["the group differently", { group: "lyon" }, { group: "" }, { group: "" }, ["group:"]],
  ])("%s", (_, mine, theirs, want, clashes) => {
    const got = mergeUser(base, { ...base, ...mine }, { ...base, ...theirs });
    expect(sameUser(got.merged, { ...base, ...want }), JSON.stringify(got.merged)).toBe(true);
    expect(got.clashes.map((c) => `${c.part}:${c.key}`)).toEqual(clashes);
    expect(got.merged.profiles.every((p) => p.Name)).toBe(true);
  });

  it("decides a clash for mine", () => {
    const mine = { ...base, group: "", tags: { Country: "DE" } };
    const got = mergeUser(base, mine, { ...base, group: "lyon", tags: { Country: "US" } });
    expect(sameUser(got.clashes.reduce(takeMine, got.merged), mine)).toBe(true);
  });
});
