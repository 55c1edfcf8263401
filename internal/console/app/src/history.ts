// How the value of a field is shown, and what a change did to it. No I/O and no React here.

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

export type Names = Record<string, string>;

/** The ids in a text. */
export const idsIn = (text: string): string[] => text.match(uuid) ?? [];

/** Replaces the ids in a text by their names, where they are known. */
export const named = (text: string, names: Names): string => text.replace(uuid, (id) => names[id] ?? id);

/** A value line by line: a list item by item, an object member by member. */
export function lines(v: unknown): string[] {
  if (v === null || v === undefined || v === "") return [];
  if (Array.isArray(v)) return v.flatMap((one) => (typeof one === "object" && one !== null ? [lines(one).join(", ")] : lines(one)));
  if (typeof v === "object") return Object.entries(v).flatMap(([k, value]) => member(k, value));
  return [String(v)];
}

function member(key: string, value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== "object") return [value === "" ? key : `${key} = ${value}`];
  return lines(value).map((l) => `${key}: ${l}`);
}

/** The lines that were removed and those that were added. */
export function touched(before: unknown, after: unknown, names: Names = {}): { removed: string[]; added: string[] } {
  const [a, b] = [lines(before), lines(after)];
  return { removed: less(a, b).map((l) => named(l, names)), added: less(b, a).map((l) => named(l, names)) };
}

function less(a: string[], b: string[]): string[] {
  const rest = [...b];
  return a.filter((l) => {
    const at = rest.indexOf(l);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}
