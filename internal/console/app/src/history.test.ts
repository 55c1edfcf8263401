import { expect, it } from "vitest";
import { named, touched } from "./history";

const id = "c79376e2-0000-4000-8000-000000000001";
const gone = "c79376e2-0000-4000-8000-000000000002";

it.each<[string, unknown, unknown, string[], string[]]>([
  ["one of two tags", { Department: "Support", Country: "Fr" }, { Department: "Support", Country: "FR" }, ["Country = Fr"], ["Country = FR"]],
  ["a new tag", undefined, { Country: "FR" }, [], ["Country = FR"]],
  ["a tag without value", { Night: "" }, {}, ["Night"], []],
  ["one of two profiles", [id, "a"], ["a", gone], ["Team lead"], [gone]],
  ["one setting of several", { PhoneConfig: { PhoneType: "SOFT_PHONE", AutoAccept: false } }, { PhoneConfig: { PhoneType: "SOFT_PHONE", AutoAccept: true } }, ["PhoneConfig: AutoAccept = false"], ["PhoneConfig: AutoAccept = true"]],
  ["one application of two", [{ Namespace: "a", Type: "MCP" }, { Namespace: "b" }], [{ Namespace: "a", Type: "MCP" }], ["Namespace = b"], []],
  ["a text", "old", "new", ["old"], ["new"]],
  ["a group", id, "", ["Team lead"], []],
  ["what is listed twice", ["x"], ["x", "x"], [], ["x"]],
])("only what a change has touched is shown: %s", (_, before, after, removed, added) => {
  expect(touched(before, after, { [id]: "Team lead" })).toEqual({ removed, added });
});

it("replaces the ids in a text by their names", () => {
  expect(named(`hierarchy: group ${id} and below, not ${gone}`, { [id]: "France" })).toBe(`hierarchy: group France and below, not ${gone}`);
});
