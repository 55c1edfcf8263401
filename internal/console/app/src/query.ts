// How the page loads: what is tried again, what is shown in the meantime, and what several pages load.
import { keepPreviousData, onlineManager, QueryClient, queryOptions, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { ApiError, effective, look, type Read, type ReadAnswer, read, session } from "./api";
import { forest, type HierarchyGroup } from "./hierarchy";
import { useInstance } from "./state";

declare module "@tanstack/react-query" {
  interface Register {
    defaultError: ApiError;
  }
}

/** The result of a query, for the parts that show it. */
export type Loaded<T> = UseQueryResult<T>;

// api.ts reports whether the server answers. Whether the browser has a network says little about that.
onlineManager.setEventListener(() => {});

/** How often a server that is not ready is asked again before its refusal is shown. */
const patience = 5;

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      // A query that gets no answer waits until the server is back.
      networkMode: "offlineFirst",
      retry: (failures, e) => e instanceof ApiError && (e.offline || (e.status === 503 && failures < patience)),
      retryDelay: (_, e) => (e.body.RetryAfter ?? 1) * 1000,
      // The previous result stays until the next one arrives, so that pages do not flicker.
      placeholderData: keepPreviousData,
      // A page loads what it shows when it opens, and again only on request: nothing changes while somebody edits.
      gcTime: 0,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      // Editors start again from every answer, even from an equal one.
      structuralSharing: false,
      // Anything else is a bug in the page, which its error element shows.
      throwOnError: (e) => !(e instanceof ApiError),
    },
  },
});

export const useOnline = () => useSyncExternalStore(onlineManager.subscribe, () => onlineManager.isOnline());

/** Who is signed in. It is also what finds out that a server is back. */
export const sessionQuery = (online: boolean) =>
  queryOptions({
    queryKey: ["session"],
    queryFn: session,
    networkMode: "always",
    retry: false,
    staleTime: Infinity,
    refetchInterval: ({ state: { data, error } }) => (!online || (!data && error && error.status !== 401) ? 1500 : false),
  });

/** Reads from the server's own answers, for the instance that the page is about. */
export function useRead<R extends Read>(path: R, body: object = {}): Loaded<ReadAnswer<R>> {
  const instance = useInstance();
  return useQuery({ queryKey: [instance, path, body], queryFn: ({ signal }) => read(instance, path, body, signal) });
}

/** A profile with all that it grants. */
export function useProfile(id: string | null) {
  const instance = useInstance();
  return useQuery({ queryKey: [instance, "profile", id], queryFn: ({ signal }) => read(instance, "profile", { SecurityProfileId: id }, signal), enabled: !!id });
}

/** Everything that a user or an AI agent can do. */
export function useEffective(subject: { type: string; id: string } | undefined) {
  const instance = useInstance();
  return useQuery({ queryKey: [instance, "effective", subject], queryFn: ({ signal }) => effective(instance, subject!, signal), enabled: !!subject });
}

/** The instance's hierarchy groups; 1,000 at most, which is twice Amazon Connect's quota. */
export function useGroups(enabled = true) {
  const instance = useInstance();
  return useQuery({
    queryKey: [instance, "groups"],
    queryFn: async ({ signal }) => {
      const all: HierarchyGroup[] = [];
      let NextToken: string | undefined;
      do {
        const page = await look("SearchUserHierarchyGroups", { InstanceId: instance, MaxResults: 100, ...(NextToken ? { NextToken } : {}) }, signal);
        all.push(...(page.UserHierarchyGroups ?? []));
        NextToken = page.NextToken;
      } while (NextToken && all.length < 1000);
      return { roots: forest(all), truncated: !!NextToken };
    },
    enabled,
  });
}

/** The instance's flow modules. */
export function useModules(enabled = true) {
  const instance = useInstance();
  return useQuery({
    queryKey: [instance, "modules"],
    queryFn: async ({ signal }) => {
      const { ContactFlowModulesSummaryList } = await look("ListContactFlowModules", { InstanceId: instance, MaxResults: 1000 }, signal);
      return (ContactFlowModulesSummaryList ?? []).map((m) => ({ Id: "", Name: "", ...m }));
    },
    enabled,
  });
}
