import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Permission } from "./answers_gen";
import { dependants, filter, inAll, inSight, kindsOf, lacks, matrix, needed, setAll, state, unrecognised } from "./catalogue";

// The real catalogue, as the server reads it.
const all: Permission[] = readFileSync("../../../permissions.csv", "utf8")
  .trim()
  .split("\n")
  .slice(1)
  .map((line) => {
    const [Name, Group, Label, Status, Sensitive] = line.split(",");
    const at = Name.lastIndexOf(".");
    const Resource = at < 0 ? Name : Name.slice(0, at);
    const Action = at < 0 ? "" : Name.slice(at + 1);
    return {
      Name,
      Group,
      Label,
      Resource,
      Action,
      Status: Status.split(" ")[0],
      Restriction: Status.includes("restriction"),
      Sensitive: Sensitive ?? "",
      Needs: Action === "Edit" || Action === "Create" || Action === "Delete" ? [`${Resource}.View`] : [],
    };
  });
const exists = new Set(all.map((p) => p.Name));
for (const p of all) p.Needs = p.Needs.filter((n) => exists.has(n));

describe("matrix", () => {
  it("shows every permission once", () => {
    const shown = matrix(all).flatMap((g) => g.rows.flatMap((r) => [...Object.values(r.cells), ...r.more].map((p) => p.Name)));
    expect(shown.length).toBe(all.length);
    expect(new Set(shown)).toEqual(exists);
  });
  it("puts a resource's actions into their columns", () => {
    const row = matrix(all)
      .find((g) => g.name === "Users and permissions")!
      .rows.find((r) => r.resource === "Users")!;
    expect(row.label).toBe("Users");
    expect(Object.fromEntries(Object.entries(row.cells).map(([c, p]) => [c, p.Name]))).toEqual({
      View: "Users.View",
      Edit: "Users.Edit",
      Create: "Users.Create",
      Delete: "Users.Delete",
    });
    expect(row.more.map((p) => p.Name)).toEqual(["Users.EditPermission", "Users.EnableAndDisable"]);
  });
  it("shows names that the catalogue does not know", () => {
    const g = matrix(all, ["Brand.New", "Users.View"]).at(-1)!;
    expect([g.name, g.rows.map((r) => r.resource)]).toEqual([unrecognised, ["Brand.New"]]);
  });
});

describe("dependants", () => {
  it("are offered, with everything that they require", () => {
    const chain = [...all.filter((p) => p.Name !== "Users.View"), { ...all.find((p) => p.Name === "Users.View")!, Needs: ["BasicAgentAccess"] }];
    expect(needed(chain, ["Users.Edit"], new Set(["Users.Edit"]))).toEqual(["BasicAgentAccess", "Users.View"]);
    expect(needed(all, ["Users.Edit"], new Set(["Users.Edit", "Users.View"]))).toEqual([]);
  });
  it("terminate, even if they require one another", () => {
    const loop = ["a", "b"].map((Name, i) => ({ ...all[0], Name, Needs: [["b"], ["a"]][i] }));
    expect(needed(loop, ["a"], new Set(["a"]))).toEqual(["b"]);
  });
  it("are reported when what they require is removed", () => {
    const granted = new Set(["Users.Edit", "Users.Create", "Queues.View"]);
    expect(lacks(all, granted)).toEqual([
      { permission: "Users.Create", needs: ["Users.View"] },
      { permission: "Users.Edit", needs: ["Users.View"] },
    ]);
    expect(dependants(all, ["Users.View"], new Set([...granted, "Users.View"]))).toEqual(["Users.Create", "Users.Edit"]);
  });
});

describe("filter", () => {
  const groups = matrix(all);
  it("finds by name, label and group, in any case", () => {
    expect(filter(groups, "users.editpermission", null).flatMap((g) => g.rows.map((r) => r.resource))).toEqual(["Users"]);
    expect(filter(groups, "QUICK connects", null).flatMap((g) => g.rows.map((r) => r.resource))).toEqual(["TransferDestinations"]);
    expect(filter(groups, "no such thing", null)).toEqual([]);
  });
  it("keeps only rows that grant something", () => {
    expect(filter(groups, "", new Set(["Queues.View"])).flatMap((g) => g.rows.map((r) => r.resource))).toEqual(["Queues"]);
  });
});

describe("all", () => {
  const group = matrix(all).find((g) => g.permissions.some((p) => p.Name === "RestrictTaskCreation.Access"))!;
  it("grants neither restrictions nor deprecated names", () => {
    const granted = setAll(group.permissions, new Set(), true);
    expect(granted.has("RestrictTaskCreation.Access")).toBe(false);
    expect([...granted].every((name) => inAll(all.find((p) => p.Name === name)!))).toBe(true);
    expect(state(group.permissions, granted)).toBe(true);
  });
  it("removes everything, including restrictions", () => {
    const granted = setAll(group.permissions, new Set(["RestrictTaskCreation.Access", "Queues.View"]), false);
    expect([...granted]).toEqual(["Queues.View"]);
  });
  it("distinguishes some from all and none", () => {
    expect(state(group.permissions, new Set())).toBe(false);
    expect(state(group.permissions, new Set(["BasicAgentAccess"]))).toBe(null);
    expect(state(group.permissions, new Set(["RestrictTaskCreation.Access"]))).toBe(null);
  });
});

describe("what is shown", () => {
  const p = (Name: string, Sensitive = ""): Permission => ({ Name, Group: "Routing", Label: Name, Resource: Name.split(".")[0], Action: Name.split(".")[1] ?? "", Status: "documented", Restriction: false, Sensitive, Needs: [] });
  const all = [p("Queues.View"), p("Queues.Purge", "destroys"), p("Flows.View"), p("Flows.Edit"), p("Prompts.Edit", "exposes")];

  it("a select all box of a filtered group grants only what is shown", () => {
    const [group] = filter(matrix(all), "queues", null);
    expect([...setAll(inSight(group), new Set(), true)].sort()).toEqual(["Queues.Purge", "Queues.View"]);
    expect([...setAll(inSight(group), new Set(["Flows.View", "Queues.View"]), false)]).toEqual(["Flows.View"]);
    expect(state(inSight(group), new Set(["Queues.View", "Queues.Purge"]))).toBe(true);
  });

  it("lists each kind of sensitive permission once", () => {
    expect(kindsOf(all)).toEqual(["destroys", "exposes"]);
    expect(kindsOf(all.filter((one) => one.Action === "View"))).toEqual([]);
  });
});
