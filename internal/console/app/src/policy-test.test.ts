import { expect, it } from "vitest";
import { asTest, type Case } from "./policy-test";
import type { Evaluation } from "./questions_gen";

const asked: Case = { user: "claire.dubois", onBehalfOf: "", permission: "Users.View", type: "User", resource: "jonas.becker", attributes: {}, surface: "" };
const allowed: Evaluation = {
  decision: true,
  context: { reason: "granted", revision: 1, profile: "p-1", explanation: "", hints: [], profiles: [{ profile: "p-1", name: "Supervisor France", holder: "u", grants: true, allows: true }] },
};
const denied: Evaluation = {
  decision: false,
  context: {
    reason: "condition failed",
    revision: 1,
    explanation: "",
    hints: [],
    profiles: [{ profile: "p-1", name: "Supervisor France", holder: "u", grants: true, allows: false, failed: [{ kind: "tag", want: "Country=FR", have: "Country=DE" }] }],
  },
};

it.each<[string, Case, Evaluation, string]>([
  [
    "an allowed question names the profile",
    asked,
    allowed,
    `- name: claire.dubois may Users.View on User/jonas.becker
  user: claire.dubois
  permission: Users.View
  resource: User/jonas.becker
  expect:
    decision: allow
    profile: Supervisor France
`,
  ],
  [
    "a denied question names what is missing",
    { ...asked, surface: "reports" },
    denied,
    `- name: claire.dubois may not Users.View on User/jonas.becker
  user: claire.dubois
  permission: Users.View
  resource: User/jonas.becker
  surface: reports
  expect:
    decision: deny
    reason: condition failed
    missing:
      - "tag Country=FR"
`,
  ],
  [
    "texts that YAML would misread are quoted",
    { ...asked, user: "no", permission: "x: y", type: "DataTableRow", resource: "prices $5", attributes: { "a: b": "UK" }, onBehalfOf: "# hugo" },
    { decision: false, context: { reason: "not granted", revision: 1 } },
    `- name: "no may not x: y on DataTableRow/prices $$5"
  user: "no"
  on-behalf-of: "# hugo"
  permission: "x: y"
  resource: {type: DataTableRow, name: "prices $$5", attributes: {"a: b": UK}}
  expect:
    decision: deny
    reason: not granted
`,
  ],
  [
    "a permission without an object has no resource",
    { ...asked, type: "Instance", resource: "" },
    { decision: true, context: { reason: "granted", revision: 1, profile: "p-1" } },
    `- name: claire.dubois may Users.View
  user: claire.dubois
  permission: Users.View
  expect:
    decision: allow
    profile: p-1
`,
  ],
])("%s", (_, question, answer, want) => {
  expect(asTest(question, answer)).toBe(want);
});
