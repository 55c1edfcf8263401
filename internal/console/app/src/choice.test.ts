import { expect, it } from "vitest";
import { theOne } from "./choice";

const of = (...labels: string[]) => labels.map((label, i) => ({ id: String(i), label }));

it.each<[string, string[], string, string | undefined]>([
  ["the exact name among others", ["sarah.masson", "sarah.masson2"], "sarah.masson", "0"],
  ["another case", ["Support", "support team"], "support", "0"],
  ["the only one found", ["sarah.masson"], "masson", "0"],
  ["two of one name", ["Sales", "Sales"], "Sales", undefined],
  ["two that contain it", ["sarah.masson", "luc.masson"], "masson", undefined],
  ["none", [], "nobody", undefined],
])("a typed name means %s", (_, labels, name, id) => {
  expect(theOne(of(...labels), name)?.id).toBe(id);
});
