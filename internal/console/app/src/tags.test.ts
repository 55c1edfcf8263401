import { expect, it } from "vitest";
import { mergeTags } from "./tags";

it.each([
  ["mine alone", { a: "1" }, { a: "2" }, { a: "1" }, { a: "2" }, []],
  ["theirs alone", { a: "1" }, { a: "1" }, { a: "1", b: "1" }, { a: "1", b: "1" }, []],
  ["each another", { a: "1" }, { a: "1", c: "1" }, {}, { c: "1" }, []],
  ["both one, differently", { a: "1" }, { a: "2" }, { a: "3" }, { a: "2" }, ["a"]],
  ["mine removed, theirs changed", { a: "1" }, {}, { a: "3" }, {}, ["a"]],
])("tags of two people: %s", (_, base, mine, theirs, tags, clashes) => {
  expect(mergeTags(base as never, mine as never, theirs as never)).toEqual({ tags, clashes });
});
