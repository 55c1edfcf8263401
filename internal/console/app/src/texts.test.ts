import { expect, test } from "vitest";
import { sentence } from "./texts";

test.each([
  ["it grants everything", "It grants everything"],
  ["nobody, it seems", "Nobody, it seems"],
  ["1 of its holders can", "1 of its holders can"],
  ['"users.view" does not exist', '"users.view" does not exist'],
  ["users.view requires users.edit", "users.view requires users.edit"],
  ["eScooters requires Users.View", "eScooters requires Users.View"],
  ["connect:ListUsers is an action of IAM", "connect:ListUsers is an action of IAM"],
  ["", ""],
])("%s begins as %s", (message, want) => expect(sentence(message)).toBe(want));
