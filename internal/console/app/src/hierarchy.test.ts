import { describe, expect, it } from "vitest";
import { type HierarchyGroup, flat, forest, search } from "./hierarchy";

const path = (...names: string[]): HierarchyGroup["HierarchyPath"] =>
  Object.fromEntries(names.map((Name, i) => [["LevelOne", "LevelTwo", "LevelThree", "LevelFour", "LevelFive"][i], { Id: Name.toLowerCase(), Name }]));

const groups: HierarchyGroup[] = [
  { Id: "paris", Name: "Paris", HierarchyPath: path("EU", "FR", "Paris") },
  { Id: "eu", Name: "EU", HierarchyPath: path("EU") },
  { Id: "fr", Name: "FR", HierarchyPath: path("EU", "FR") },
  { Id: "de", Name: "DE", HierarchyPath: path("EU", "DE") },
];

describe("forest", () => {
  it("puts children below their parents, sorted by name, in any order of input", () => {
    const [eu] = forest(groups);
    expect(flat([eu]).map((n) => n.name)).toEqual(["EU", "DE", "FR", "Paris"]);
    expect(eu.children[1].children[0].path).toEqual(["EU", "FR", "Paris"]);
  });
  it("keeps groups whose parent is unknown", () => {
    expect(flat(forest(groups.slice(0, 1))).map((n) => n.id)).toEqual(["paris"]);
    expect(flat(forest([{ Id: "x", Name: "X" }])).map((n) => n.path)).toEqual([["X"]]);
  });
});

describe("search", () => {
  it("keeps the groups above a match", () => {
    expect(flat(search(forest(groups), "pAr")).map((n) => n.name)).toEqual(["EU", "FR", "Paris"]);
    expect(search(forest(groups), "zz")).toEqual([]);
    expect(flat(search(forest(groups), " ")).length).toBe(4);
  });
});
