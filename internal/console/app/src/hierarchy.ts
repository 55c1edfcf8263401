// The hierarchy as a tree. No I/O and no React here.

import type { Operations } from "./operations";

export interface GroupNode {
  id: string;
  name: string;
  path: string[];
  children: GroupNode[];
}

export type HierarchyGroup = NonNullable<Operations["SearchUserHierarchyGroups"][1]["UserHierarchyGroups"]>[number];

const levels = ["LevelOne", "LevelTwo", "LevelThree", "LevelFour", "LevelFive"] as const;

/** The names from the top down to the group. */
export const pathOf = (g: HierarchyGroup): string[] => {
  const path = levels.map((l) => g.HierarchyPath?.[l]?.Name).filter((n): n is string => !!n);
  return path.length ? path : [g.Name ?? ""];
};

/** The groups as a forest, each level sorted by name. A group whose parent is unknown is a root. */
export function forest(groups: HierarchyGroup[]): GroupNode[] {
  const nodes = new Map<string, GroupNode>();
  for (const g of groups) {
    nodes.set(g.Id!, { id: g.Id!, name: g.Name ?? "", path: pathOf(g), children: [] });
  }
  const roots: GroupNode[] = [];
  for (const g of groups) {
    const ids = levels.map((l) => g.HierarchyPath?.[l]?.Id).filter((id): id is string => !!id);
    const parent = ids.at(-1) === g.Id ? ids.at(-2) : undefined;
    const above = parent === undefined ? undefined : nodes.get(parent);
    (above && above.id !== g.Id ? above.children : roots).push(nodes.get(g.Id!)!);
  }
  const sort = (list: GroupNode[]) => {
    list.sort((a, b) => a.name.localeCompare(b.name, "en"));
    for (const n of list) sort(n.children);
  };
  sort(roots);
  return roots;
}

export function flat(roots: GroupNode[]): GroupNode[] {
  return roots.flatMap((n) => [n, ...flat(n.children)]);
}

/** The tree reduced to the groups that match and those above them. */
export function search(roots: GroupNode[], text: string): GroupNode[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return roots;
  return roots.flatMap((n) => {
    if (n.name.toLowerCase().includes(wanted)) return [n];
    const children = search(n.children, text);
    return children.length ? [{ ...n, children }] : [];
  });
}
