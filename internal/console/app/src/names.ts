import { useCallback } from "react";
import { flat } from "./hierarchy";
import { idsIn, named } from "./history";
import { useGroups, useModules } from "./query";
import type { Editable, Field } from "./profile";

/** Returns the names of the ids in profiles, as far as the user may view them. */
export function useNames(...profiles: (Editable | undefined)[]) {
  const groups = useGroups(profiles.some((p) => !!p?.AllowedAccessControlHierarchyGroupId));
  const modules = useModules(profiles.some((p) => !!p?.AllowedFlowModules.length));
  return useCallback(
    (field: Field, value: string) => {
      if (field === "AllowedAccessControlHierarchyGroupId") return flat(groups.data?.roots ?? []).find((g) => g.id === value)?.path.join(" / ") ?? value;
      if (field === "AllowedFlowModules") return modules.data?.find((m) => m.Id === value)?.Name ?? value;
      return value;
    },
    [groups.data, modules.data],
  );
}

/** Replaces the ids of hierarchy groups in the server's texts by their names. */
export function useGroupNames(texts: string[]): (text: string) => string {
  const groups = useGroups(texts.some((text) => idsIn(text).length > 0));
  return useCallback(
    (text: string) => named(text, Object.fromEntries(flat(groups.data?.roots ?? []).map((g) => [g.id, g.path.join(" / ")]))),
    [groups.data],
  );
}
