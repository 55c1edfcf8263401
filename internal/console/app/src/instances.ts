import { queryOptions } from "@tanstack/react-query";
import { look } from "./api";

export interface Summary {
  Id: string;
  InstanceAlias?: string;
  CreatedTime?: number | string;
}

async function listInstances(signal?: AbortSignal): Promise<Summary[]> {
  const all: Summary[] = [];
  let NextToken: string | undefined;
  do {
    const page = await look<{ InstanceSummaryList: Summary[]; NextToken?: string }>("ListInstances", { MaxResults: 10, ...(NextToken ? { NextToken } : {}) }, signal);
    all.push(...page.InstanceSummaryList);
    NextToken = page.NextToken;
  } while (NextToken && all.length < 200);
  return all;
}

/** The contact centres on the server, for the operator; the first 200. */
export const instancesQuery = queryOptions({ queryKey: ["instances"], queryFn: ({ signal }) => listInstances(signal) });
