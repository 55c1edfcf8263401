// Which of several things somebody means by a name. No I/O and no React here.

export interface Choice {
  id: string;
  label: string;
}

/** The one that has the name, else the one whose name differs in case only, else the only one that was found. */
export function theOne<T extends Choice>(found: T[], name: string): T | undefined {
  const only = (list: T[]) => (list.length === 1 ? list[0] : undefined);
  const same = found.filter((c) => c.label === name);
  if (same.length > 0) return only(same);
  const alike = found.filter((c) => c.label.toLowerCase() === name.toLowerCase());
  return alike.length > 0 ? only(alike) : only(found);
}
