import { queryOptions } from "@tanstack/react-query";
import { look } from "./api";

/** The contact centres on the server, for the operator; the first 200. */
async function listInstances(signal: AbortSignal) {
  const all: { Id: string; InstanceAlias?: string; CreatedTime?: number }[] = [];
  let NextToken: string | undefined;
  do {
    const page = await look("ListInstances", { MaxResults: 10, ...(NextToken ? { NextToken } : {}) }, signal);
    all.push(...(page.InstanceSummaryList ?? []).map((i) => ({ Id: "", ...i })));
    NextToken = page.NextToken;
  } while (NextToken && all.length < 200);
  return all;
}

export const instancesQuery = queryOptions({ queryKey: ["instances"], queryFn: ({ signal }) => listInstances(signal) });
