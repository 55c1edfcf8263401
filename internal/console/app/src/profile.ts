// How the console edits a profile, compares two versions of it and merges the changes of two people.
// No I/O and no React here.

import type { AttributeRule, Granular, Profile } from "./answers_gen";

export type Tags = Record<string, string>;

/** The members of a profile that UpdateSecurityProfile changes. */
export type Editable = Omit<Profile, "SecurityProfileId" | "SecurityProfileArn" | "SecurityProfileName" | "Tags" | "LastModifiedTime">;

export type Field = keyof Editable;

/** In the order in which people read a profile. */
export const fields: Field[] = [
  "Description",
  "Permissions",
  "AllowedAccessControlTags",
  "TagRestrictedResources",
  "HierarchyRestrictedResources",
  "AllowedAccessControlHierarchyGroupId",
  "Applications",
  "AllowedFlowModules",
  "AllowedAIAgents",
  "GranularAccessControlConfiguration",
];

export function empty(): Editable {
  return {
    Description: "",
    Permissions: [],
    AllowedAccessControlTags: {},
    TagRestrictedResources: [],
    HierarchyRestrictedResources: [],
    AllowedAccessControlHierarchyGroupId: "",
    Applications: [],
    AllowedFlowModules: [],
    AllowedAIAgents: [],
    GranularAccessControlConfiguration: {},
  };
}

/** The editable members only; those that an older version lacks are filled in. */
export function editable(p: Partial<Editable>): Editable {
  const out = empty();
  for (const f of fields) if (p[f] != null) (out as unknown as Record<string, unknown>)[f] = p[f];
  return out;
}

export function rulesOf(g: Granular | undefined): AttributeRule[] {
  return g?.DataTableAccessControlConfiguration?.PrimaryAttributeAccessControlConfiguration?.PrimaryAttributeValues ?? [];
}

export function granularOf(rules: Omit<AttributeRule, "AccessType">[]): Granular {
  if (rules.length === 0) return {};
  return {
    DataTableAccessControlConfiguration: {
      PrimaryAttributeAccessControlConfiguration: {
        PrimaryAttributeValues: rules.map((r) => ({ AccessType: "ALLOW", AttributeName: r.AttributeName, Values: r.Values })),
      },
    },
  };
}

// Every field is a set of items by key. Order and repetition do not matter; two people who add different
// permissions do not conflict, and two who set a tag to different values do.
export type Items = Map<string, string>;

const sep = "\u0000";
const join = (...parts: string[]) => parts.join(sep);

export function items(field: Field, p: Editable): Items {
  const out: Items = new Map();
  switch (field) {
    case "Description":
    case "AllowedAccessControlHierarchyGroupId":
      if (p[field]) out.set("", p[field]);
      break;
    case "Permissions":
    case "TagRestrictedResources":
    case "HierarchyRestrictedResources":
      for (const v of p[field]) out.set(v, "");
      break;
    case "AllowedAccessControlTags":
      for (const [k, v] of Object.entries(p[field])) out.set(k, v);
      break;
    case "Applications":
      for (const a of p[field]) for (const permission of a.ApplicationPermissions) out.set(join(a.Type, a.Namespace, permission), "");
      break;
    case "AllowedFlowModules":
      for (const m of p[field]) out.set(join(m.Type, m.FlowModuleId), "");
      break;
    case "AllowedAIAgents":
      for (const a of p[field]) out.set(join(a.Type, a.Arn), "");
      break;
    case "GranularAccessControlConfiguration":
      for (const r of rulesOf(p[field])) for (const v of r.Values) out.set(join(r.AttributeName, v), "");
      break;
  }
  return out;
}

/** The inverse of items. Groups keep the order in which they first occur. */
export function fromItems<F extends Field>(field: F, from: Items): Editable[F];
export function fromItems(field: Field, from: Items): unknown {
  const keys = [...from.keys()];
  const grouped = (depth: number) => {
    const groups = new Map<string, string[]>();
    for (const key of keys) {
      const parts = key.split(sep);
      const head = join(...parts.slice(0, depth));
      groups.set(head, [...(groups.get(head) ?? []), parts[depth]]);
    }
    return [...groups];
  };
  switch (field) {
    case "Description":
    case "AllowedAccessControlHierarchyGroupId":
      return from.get("") ?? "";
    case "Permissions":
    case "TagRestrictedResources":
    case "HierarchyRestrictedResources":
      return keys;
    case "AllowedAccessControlTags":
      return Object.fromEntries(from);
    case "Applications":
      return grouped(2).map(([head, ApplicationPermissions]) => {
        const [Type, Namespace] = head.split(sep);
        return { Namespace, ApplicationPermissions, Type };
      });
    case "AllowedFlowModules":
      return keys.map((k) => ({ Type: k.split(sep)[0], FlowModuleId: k.split(sep)[1] }));
    case "AllowedAIAgents":
      return keys.map((k) => ({ Type: k.split(sep)[0], Arn: k.split(sep)[1] }));
    case "GranularAccessControlConfiguration":
      return granularOf(grouped(1).map(([AttributeName, Values]) => ({ AttributeName, Values })));
  }
}

export interface FieldDiff {
  field: Field;
  added: string[];
  removed: string[];
}

/** How an item is shown: "orders: GetOrder", "Country = FR". */
function show(field: Field, key: string, value: string): string {
  const parts = key.split(sep);
  switch (field) {
    case "Description":
    case "AllowedAccessControlHierarchyGroupId":
      return value;
    case "AllowedAccessControlTags":
      return `${key} = ${value}`;
    case "Applications":
      return `${parts[1]}: ${parts[2]}`;
    case "AllowedFlowModules":
    case "AllowedAIAgents":
      return parts[1];
    case "GranularAccessControlConfiguration":
      return `${parts[0]} = ${parts[1]}`;
    default:
      return key;
  }
}

export function diff(before: Editable, after: Editable): FieldDiff[] {
  const out: FieldDiff[] = [];
  for (const field of fields) {
    const a = items(field, before);
    const b = items(field, after);
    const added = [...b].filter(([k, v]) => a.get(k) !== v).map(([k, v]) => show(field, k, v));
    const removed = [...a].filter(([k, v]) => b.get(k) !== v).map(([k, v]) => show(field, k, v));
    if (added.length || removed.length) out.push({ field, added: added.sort(), removed: removed.sort() });
  }
  return out;
}

export function same(a: Editable, b: Editable): boolean {
  return diff(a, b).length === 0;
}

// Both halves of a restriction are sent together, because each is validated with the other.
const together: Field[][] = [["AllowedAccessControlTags", "TagRestrictedResources"]];

/** The members of an update that turns `before` into `after`; absent members stay unchanged. */
export function changed(before: Editable, after: Editable): Partial<Editable> {
  const names = new Set(diff(before, after).map((d) => d.field));
  for (const half of together) if (half.some((f) => names.has(f))) for (const f of half) names.add(f);
  return Object.fromEntries(fields.filter((f) => names.has(f)).map((f) => [f, after[f]]));
}

export interface Conflict {
  field: Field;
  base: string;
  mine: string;
  theirs: string;
  /** The name of the item within its field, if the field has several. */
  item: string;
  key: string;
}

export interface Merge {
  merged: Editable;
  /** What both changed differently. `merged` has their value until the user decides. */
  conflicts: Conflict[];
}

/** A three-way merge, item by item. Where both changed an item differently, `merged` has theirs. */
export function mergeItems(base: Items, mine: Items, theirs: Items): { merged: Items; clashes: string[] } {
  const merged: Items = new Map();
  const clashes: string[] = [];
  for (const key of new Set([...theirs.keys(), ...mine.keys(), ...base.keys()])) {
    const [b, m, t] = [base.get(key), mine.get(key), theirs.get(key)];
    if (m !== t && m !== b && t !== b) clashes.push(key);
    const v = m !== t && t === b ? m : t;
    if (v !== undefined) merged.set(key, v);
  }
  return { merged, clashes };
}

/** A three-way merge: a change of one side is taken; what both changed differently is a conflict. */
export function merge(base: Editable, mine: Editable, theirs: Editable): Merge {
  const merged = empty();
  const conflicts: Conflict[] = [];
  for (const field of fields) {
    const b = items(field, base);
    const m = items(field, mine);
    const t = items(field, theirs);
    const { merged: out, clashes } = mergeItems(b, m, t);
    for (const key of clashes)
      conflicts.push({ field, key, item: key.split(sep).filter(Boolean).join(": "), base: b.get(key) ?? "", mine: m.get(key) ?? "", theirs: t.get(key) ?? "" });
    set(merged, field, fromItems(field, out));
  }
  return { merged, conflicts };
}

/** The merge after one conflict is decided for `mine` or `theirs`. */
export function decide(merged: Editable, c: Conflict, mine: Editable, theirs: Editable, side: "mine" | "theirs"): Editable {
  const out = { ...merged };
  const from = items(c.field, side === "mine" ? mine : theirs).get(c.key);
  const bag = items(c.field, merged);
  if (from === undefined) bag.delete(c.key);
  else bag.set(c.key, from);
  set(out, c.field, fromItems(c.field, bag));
  return out;
}

function set<F extends Field>(p: Editable, f: F, v: Editable[F]) {
  p[f] = v;
}

/** The first name in the path of a member: Applications of "Applications[0].Namespace". */
export function fieldOf(member: string): string {
  return member.split(/[.[]/, 1)[0];
}
