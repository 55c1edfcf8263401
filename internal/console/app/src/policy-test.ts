import type { Evaluation } from "./questions_gen";

/** A question as a person reads it: with names in place of ids where there are any. */
export interface Case {
  user: string;
  onBehalfOf: string;
  permission: string;
  type: string;
  resource: string;
  attributes: Record<string, string>;
  surface: string;
}

// What YAML takes for something else than a text, although it is written in letters.
const notText = /^(true|false|yes|no|on|off|y|n|null)$/i;

/** A text in YAML: as it is if that is read as the same text, in quotes otherwise. ${…} is a variable there. */
function text(value: string): string {
  const s = value.replaceAll("$", "$$$$");
  return /^[A-Za-z][A-Za-z0-9._/@+-]*( [A-Za-z0-9._/@+(-][A-Za-z0-9._/@+()-]*)*$/.test(s) && !notText.test(s) ? s : JSON.stringify(s);
}

function resource(c: Case): string {
  const named = c.resource || c.type;
  if (c.type === "DataTableRow") {
    const pairs = Object.entries(c.attributes).map(([k, v]) => `${JSON.stringify(k)}: ${text(v)}`);
    return `{type: DataTableRow, name: ${text(named)}, attributes: {${pairs.join(", ")}}}`;
  }
  return text(c.type === "AIAgent" ? named : `${c.type}/${named}`);
}

/** The question and its answer as a test for lanyard test: an item of a list, which is a test file by itself. */
export function asTest(c: Case, answer: Evaluation): string {
  const hasResource = c.type !== "Instance";
  const lines = [
    `- name: ${text(`${c.user} ${answer.decision ? "may" : "may not"} ${c.permission}${hasResource ? ` on ${c.type}/${c.resource}` : ""}`)}`,
    `  user: ${text(c.user)}`,
    ...(c.onBehalfOf ? [`  on-behalf-of: ${text(c.onBehalfOf)}`] : []),
    `  permission: ${text(c.permission)}`,
    ...(hasResource ? [`  resource: ${resource(c)}`] : []),
    ...(c.surface ? [`  surface: ${c.surface}`] : []),
    "  expect:",
    `    decision: ${answer.decision ? "allow" : "deny"}`,
  ];
  const { reason, profile, profiles = [] } = answer.context;
  if (answer.decision) {
    const name = profiles.find((f) => f.profile === profile)?.name || profile;
    if (name) lines.push(`    profile: ${text(name)}`);
  } else {
    lines.push(`    reason: ${text(reason)}`);
    const missing = new Set(profiles.flatMap((f) => (f.failed ?? []).map((c) => `${c.kind} ${c.want}`)));
    if (reason === "condition failed" && missing.size > 0) lines.push("    missing:", ...[...missing].sort().map((m) => `      - ${text(m)}`));
  }
  return lines.join("\n") + "\n";
}
