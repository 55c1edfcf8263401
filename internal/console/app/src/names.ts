import { useCallback } from "react";
import { flat } from "./hierarchy";
import { idsIn, named } from "./history";
import { useGroups, useModules } from "./query";
import type { Editable, Field } from "./profile";

/** What ids in a profile are called, as far as the user may know. */
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

/** Texts that the server wrote, with the names of the hierarchy groups in them instead of their ids. */
export function useGroupNames(texts: string[]): (text: string) => string {
  const groups = useGroups(texts.some((text) => idsIn(text).length > 0));
  return useCallback(
    (text: string) => named(text, Object.fromEntries(flat(groups.data?.roots ?? []).map((g) => [g.id, g.path.join(" / ")]))),
    [groups.data],
  );
}
