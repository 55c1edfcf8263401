import { useCallback } from "react";
import { look } from "./api";
import { flat } from "./hierarchy";
import { idsIn, named } from "./history";
import { useGroups } from "./parts/hierarchy-picker";
import type { Editable, Field } from "./profile";
import { useInstance, useLoad } from "./state";

/** What ids in a profile are called, as far as the user may know. */
export function useNames(...profiles: (Editable | undefined)[]) {
  const instance = useInstance();
  const groups = useGroups(profiles.some((p) => p?.AllowedAccessControlHierarchyGroupId));
  const wanted = profiles.some((p) => p?.AllowedFlowModules.length);
  const modules = useLoad(
    async (signal) => (wanted ? (await look<{ ContactFlowModulesSummaryList: { Id: string; Name: string }[] }>("ListContactFlowModules", { InstanceId: instance, MaxResults: 1000 }, signal)).ContactFlowModulesSummaryList : []),
    [instance, wanted],
  );
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
