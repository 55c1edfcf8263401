import { describe, expect, it } from "vitest";
import { changed, decide, diff, editable, type Editable, empty, fieldOf, fields, fromItems, granularOf, items, merge, same } from "./profile";

const full: Editable = {
  Description: "Sees people",
  Permissions: ["Users.View", "Queues.View"],
  AllowedAccessControlTags: { Country: "FR", Team: "1" },
  TagRestrictedResources: ["User"],
  HierarchyRestrictedResources: ["User"],
  AllowedAccessControlHierarchyGroupId: "g1",
  Applications: [
    { Namespace: "orders", ApplicationPermissions: ["ACCESS"], Type: "THIRD_PARTY_APPLICATION" },
    { Namespace: "gw", ApplicationPermissions: ["a", "b"], Type: "MCP" },
  ],
  AllowedFlowModules: [{ Type: "MCP", FlowModuleId: "m1" }],
  AllowedAIAgents: [{ Type: "THIRD_PARTY", Arn: "arn:x" }],
  GranularAccessControlConfiguration: granularOf([{ AttributeName: "Region", Values: ["EU", "UK"] }]),
};

const having = (change: Partial<Editable>): Editable => ({ ...full, ...change });

describe("items", () => {
  it("are the inverse of fromItems for every field", () => {
    for (const f of fields) expect(fromItems(f, items(f, full)), f).toEqual(full[f]);
    for (const f of fields) expect(fromItems(f, items(f, empty())), f).toEqual(empty()[f]);
  });
});

describe("diff", () => {
  it("ignores order and repetition", () => {
    expect(diff(full, having({ Permissions: ["Queues.View", "Users.View", "Users.View"] }))).toEqual([]);
    expect(same(full, having({ Applications: [...full.Applications].reverse() }))).toBe(true);
  });
  it("lists what was added and removed, by field", () => {
    expect(
      diff(
        full,
        having({
          Description: "",
          Permissions: ["Users.View", "Users.Edit"],
          AllowedAccessControlTags: { Country: "DE", Team: "1" },
          Applications: [{ Namespace: "gw", ApplicationPermissions: ["a"], Type: "MCP" }],
          GranularAccessControlConfiguration: {},
        }),
      ),
    ).toEqual([
      { field: "Description", added: [], removed: ["Sees people"] },
      { field: "Permissions", added: ["Users.Edit"], removed: ["Queues.View"] },
      { field: "AllowedAccessControlTags", added: ["Country = DE"], removed: ["Country = FR"] },
      { field: "Applications", added: [], removed: ["gw: b", "orders: ACCESS"] },
      { field: "GranularAccessControlConfiguration", added: [], removed: ["Region = EU", "Region = UK"] },
    ]);
  });
});

describe("changed", () => {
  it("contains only what differs", () => {
    expect(changed(full, full)).toEqual({});
    expect(changed(full, having({ Description: "" }))).toEqual({ Description: "" });
  });
  it("sends both halves of a tag restriction", () => {
    expect(changed(full, having({ AllowedAccessControlTags: { Country: "DE" } }))).toEqual({
      AllowedAccessControlTags: { Country: "DE" },
      TagRestrictedResources: ["User"],
    });
  });
});

describe("merge", () => {
  it("keeps the changes of each side", () => {
    const mine = having({ Permissions: ["Users.View", "Queues.View", "Users.Edit"], Description: "Mine" });
    const theirs = having({ Permissions: ["Users.View"], AllowedAccessControlTags: { Country: "FR", Team: "2" } });
    const { merged, conflicts } = merge(full, mine, theirs);
    expect(conflicts).toEqual([]);
    expect(new Set(merged.Permissions)).toEqual(new Set(["Users.View", "Users.Edit"]));
    expect(merged.Description).toBe("Mine");
    expect(merged.AllowedAccessControlTags).toEqual({ Country: "FR", Team: "2" });
  });
  it("merges within an application and a rule", () => {
    const mine = having({ Applications: [full.Applications[0], { ...full.Applications[1], ApplicationPermissions: ["a", "b", "c"] }] });
    const theirs = having({
      Applications: [full.Applications[0], { ...full.Applications[1], ApplicationPermissions: ["b"] }],
      GranularAccessControlConfiguration: granularOf([{ AttributeName: "Region", Values: ["EU"] }]),
    });
    const { merged, conflicts } = merge(full, mine, theirs);
    expect(conflicts).toEqual([]);
    expect(merged.Applications.find((a) => a.Namespace === "gw")?.ApplicationPermissions).toEqual(["b", "c"]);
    expect(merged.GranularAccessControlConfiguration).toEqual(granularOf([{ AttributeName: "Region", Values: ["EU"] }]));
  });
  it("reports a conflict where both changed the same differently", () => {
    const mine = having({ Description: "Mine", AllowedAccessControlTags: { Country: "DE", Team: "1" } });
    const theirs = having({ Description: "Theirs", AllowedAccessControlTags: { Team: "1" } });
    const { merged, conflicts } = merge(full, mine, theirs);
    expect(conflicts.map((c) => [c.field, c.item, c.base, c.mine, c.theirs])).toEqual([
      ["Description", "", "Sees people", "Mine", "Theirs"],
      ["AllowedAccessControlTags", "Country", "FR", "DE", ""],
    ]);
    expect(merged.Description).toBe("Theirs");
    let decided = decide(merged, conflicts[0], mine, theirs, "mine");
    decided = decide(decided, conflicts[1], mine, theirs, "mine");
    expect(decided.Description).toBe("Mine");
    expect(decided.AllowedAccessControlTags).toEqual({ Country: "DE", Team: "1" });
    expect(decide(decided, conflicts[1], mine, theirs, "theirs").AllowedAccessControlTags).toEqual({ Team: "1" });
  });
  it("has no conflict where both did the same", () => {
    const both = having({ Description: "New", Permissions: [] });
    expect(merge(full, both, both)).toEqual({ merged: both, conflicts: [] });
  });
  it("loses no change that only one side made", () => {
    // Every pair of single changes in different fields.
    const changes: Partial<Editable>[] = fields.map((f) => ({ [f]: empty()[f] }));
    for (const a of changes)
      for (const b of changes) {
        const { merged, conflicts } = merge(full, having(a), having(b));
        expect(conflicts).toEqual([]);
        expect(same(merged, having({ ...a, ...b }))).toBe(true);
      }
  });
});

describe("editable", () => {
  it("fills in what an older version lacks", () => {
    expect(editable({ Description: "x" })).toEqual({ ...empty(), Description: "x" });
  });
});

describe("fieldOf", () => {
  it("returns the first name of a path", () => {
    expect(["Applications[0].Namespace", "Permissions[3]", "Description", "A.B"].map(fieldOf)).toEqual(["Applications", "Permissions", "Description", "A"]);
  });
});
