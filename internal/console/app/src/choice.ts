// Resolves a typed name. No I/O and no React here.

export interface Choice {
  id: string;
  label: string;
}

/** The one with this name, or else the one whose name differs only in case, or else the only one found. */
export function theOne<T extends Choice>(found: T[], name: string): T | undefined {
  const only = (list: T[]) => (list.length === 1 ? list[0] : undefined);
  const same = found.filter((c) => c.label === name);
  if (same.length > 0) return only(same);
  const alike = found.filter((c) => c.label.toLowerCase() === name.toLowerCase());
  return alike.length > 0 ? only(alike) : only(found);
}
