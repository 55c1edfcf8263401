// The permission catalogue and the matrix that people know: groups, resources, and a column for each kind
// of action. No I/O and no React here.

import type { Permission } from "./answers_gen";

export const columns = ["View", "Edit", "Create", "Delete", "Access"] as const;
export type Column = (typeof columns)[number];

export interface Row {
  resource: string;
  label: string;
  cells: Partial<Record<Column, Permission>>;
  more: Permission[];
  all: Permission[];
}

export interface Group {
  name: string;
  rows: Row[];
  permissions: Permission[];
}

const columnOf: Record<string, Column> = {
  View: "View",
  Edit: "Edit",
  Create: "Create",
  Delete: "Delete",
  Remove: "Delete",
  Access: "Access",
  Enable: "Access",
  Enabled: "Access",
  "": "Access",
};

export const unrecognised = "Unrecognised";

/** Deprecated names stay valid, but nobody should start using them. */
export const isOld = (p: Permission) => p.Status === "legacy" || p.Status === "renamed";

/** What a "select all" box grants: no restrictions and no deprecated names. */
export const inAll = (p: Permission) => !p.Restriction && !isOld(p);

/** The label without its action: "Users" of "Users - Edit permission". */
function stem(label: string): string {
  const at = label.lastIndexOf(" - ");
  return at < 0 ? label : label.slice(0, at);
}

/** The action in the label, for permissions that have no column. */
export function actionLabel(p: Permission): string {
  const at = p.Label.lastIndexOf(" - ");
  return at < 0 ? p.Action || p.Label : p.Label.slice(at + 3);
}

/** The matrix. `granted` adds names that the catalogue does not know, so that everything that is granted is shown. */
export function matrix(catalogue: Permission[], granted: Iterable<string> = []): Group[] {
  const known = new Set(catalogue.map((p) => p.Name));
  const strangers: Permission[] = [...new Set(granted)]
    .filter((name) => !known.has(name))
    .sort()
    .map((name) => ({ Name: name, Group: unrecognised, Label: name, Resource: name, Action: "", Status: "unrecognised", Restriction: false, Sensitive: "", Needs: [] }));
  const groups = new Map<string, Map<string, Permission[]>>();
  for (const p of [...catalogue, ...strangers]) {
    const rows = groups.get(p.Group) ?? new Map<string, Permission[]>();
    groups.set(p.Group, rows);
    // A resource has one row; restrictions and deprecated names have rows of their own.
    const key = p.Restriction || isOld(p) ? p.Name : p.Resource;
    rows.set(key, [...(rows.get(key) ?? []), p]);
  }
  return [...groups]
    .sort(([a], [b]) => Number(a === unrecognised) - Number(b === unrecognised) || a.localeCompare(b, "en"))
    .map(([name, rows]) => ({
      name,
      permissions: [...rows.values()].flat(),
      rows: [...rows]
        .map(([resource, all]) => {
          const row: Row = { resource, label: all.length > 1 ? stem(shortest(all).Label) : all[0].Label.replace(/ - (View|Edit|Create|Delete|Access)$/, ""), cells: {}, more: [], all };
          for (const p of all) {
            const column = columnOf[p.Action];
            if (column && !row.cells[column]) row.cells[column] = p;
            else row.more.push(p);
          }
          return row;
        })
        .sort((a, b) => a.label.localeCompare(b.label, "en")),
    }));
}

const shortest = (all: Permission[]) => all.reduce((a, b) => (b.Label.length < a.Label.length ? b : a));

export interface Lack {
  permission: string;
  needs: string[];
}

/** The granted permissions that have no effect in the website, with what each of them lacks. */
export function lacks(catalogue: Permission[], granted: ReadonlySet<string>): Lack[] {
  return catalogue
    .filter((p) => granted.has(p.Name))
    .map((p) => ({ permission: p.Name, needs: p.Needs.filter((n) => !granted.has(n)) }))
    .filter((l) => l.needs.length > 0);
}

/** Everything that the named permissions require, directly or not, and that is not granted. */
export function needed(catalogue: Permission[], names: string[], granted: ReadonlySet<string>): string[] {
  const byName = new Map(catalogue.map((p) => [p.Name, p]));
  const out = new Set<string>();
  const queue = [...names];
  for (let name = queue.pop(); name !== undefined; name = queue.pop())
    for (const n of byName.get(name)?.Needs ?? [])
      if (!granted.has(n) && !out.has(n)) {
        out.add(n);
        queue.push(n);
      }
  return [...out].sort();
}

/** The granted permissions that require one of the named ones and stop working without it. */
export function dependants(catalogue: Permission[], names: string[], granted: ReadonlySet<string>): string[] {
  return catalogue.filter((p) => granted.has(p.Name) && !names.includes(p.Name) && p.Needs.some((n) => names.includes(n))).map((p) => p.Name);
}

/** The permissions in the rows that are shown, which the "select all" box of a group applies to. */
export const inSight = (group: Group): Permission[] => group.rows.flatMap((r) => r.all);

/** The kinds of sensitive permissions among these, each once. */
export const kindsOf = (permissions: Permission[]): string[] => [...new Set(permissions.map((p) => p.Sensitive).filter(Boolean))].sort();

/** The rows that match the search text and the only-granted filter, without empty groups. */
export function filter(groups: Group[], text: string, only: ReadonlySet<string> | null): Group[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return groups
    .map((g) => ({
      ...g,
      rows: g.rows.filter((row) => {
        const hay = `${g.name} ${row.label} ${row.all.map((p) => `${p.Name} ${p.Label}`).join(" ")}`.toLowerCase();
        return words.every((w) => hay.includes(w)) && (!only || row.all.some((p) => only.has(p.Name)));
      }),
    }))
    .filter((g) => g.rows.length > 0);
}

/** true, false, or null for some. */
export function state(permissions: Permission[], granted: ReadonlySet<string>): boolean | null {
  const counted = permissions.filter(inAll);
  const list = counted.length ? counted : permissions;
  const n = list.filter((p) => granted.has(p.Name)).length;
  if (n === 0) return permissions.some((p) => granted.has(p.Name)) ? null : false;
  return n === list.length ? true : null;
}

/** Grants what a "select all" box grants, or removes everything that it applies to. */
export function setAll(permissions: Permission[], granted: ReadonlySet<string>, on: boolean): Set<string> {
  const out = new Set(granted);
  for (const p of permissions) {
    if (!on) out.delete(p.Name);
    else if (inAll(p)) out.add(p.Name);
  }
  return out;
}
