// How the console edits a user and merges the changes of two people. No I/O and no React here.
import type { Named } from "./answers_gen";
import { type Items, mergeItems, type Tags } from "./profile";

export interface UserState {
  profiles: Named[];
  group: string;
  tags: Tags;
}

export type Part = keyof UserState;

/** In the order in which the page shows them. */
export const parts: Part[] = ["profiles", "tags", "group"];

export function itemsOf(part: Part, of: UserState): Items {
  switch (part) {
    case "profiles":
      return new Map(of.profiles.map((p) => [p.Id, ""]));
    case "tags":
      return new Map(Object.entries(of.tags));
    case "group":
      return new Map(of.group ? [["", of.group]] : []);
  }
}

export function samePart(part: Part, a: UserState, b: UserState): boolean {
  const [x, y] = [itemsOf(part, a), itemsOf(part, b)];
  return x.size === y.size && [...x].every(([k, v]) => y.get(k) === v);
}

export const sameUser = (a: UserState, b: UserState) => parts.every((p) => samePart(p, a, b));

/** What both changed, differently: the group, or the value of one tag. */
export interface UserClash {
  part: Part;
  key: string;
  /** Undefined if there is none. */
  base?: string;
  mine?: string;
  theirs?: string;
}

function fromItems(part: Part, items: Items, names: Named[]): Partial<UserState> {
  switch (part) {
    case "profiles":
      return { profiles: [...items.keys()].map((Id) => ({ Id, Name: names.find((n) => n.Id === Id && n.Name)?.Name ?? "" })) };
    case "tags":
      return { tags: Object.fromEntries(items) };
    case "group":
      return { group: items.get("") ?? "" };
  }
}

/** A three-way merge: a change of one side is taken; where both changed something differently, theirs until decided. */
export function mergeUser(base: UserState, mine: UserState, theirs: UserState): { merged: UserState; clashes: UserClash[] } {
  const names = [...mine.profiles, ...theirs.profiles, ...base.profiles];
  const clashes: UserClash[] = [];
  let merged = theirs;
  for (const part of parts) {
    const [b, m, t] = [itemsOf(part, base), itemsOf(part, mine), itemsOf(part, theirs)];
    const { merged: items, clashes: keys } = mergeItems(b, m, t);
    merged = { ...merged, ...fromItems(part, items, names) };
    for (const key of keys) clashes.push({ part, key, base: b.get(key), mine: m.get(key), theirs: t.get(key) });
  }
  return { merged, clashes };
}

/** The merge after one clash is decided for mine. */
export function takeMine(merged: UserState, clash: UserClash): UserState {
  const items = itemsOf(clash.part, merged);
  if (clash.mine === undefined) items.delete(clash.key);
  else items.set(clash.key, clash.mine);
  return { ...merged, ...fromItems(clash.part, items, merged.profiles) };
}
