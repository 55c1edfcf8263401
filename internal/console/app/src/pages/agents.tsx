import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useNavigate } from "react-router";
import { read, searchable } from "../api";
import { Failed } from "../parts/failed";
import { Page } from "../parts/page";
import { number, ProfileLinks } from "../parts/show";
import { useCan, useInstance, useStill } from "../state";
import { t } from "../texts";
import { useAddress } from "../address";

const x = t.agents;

export default function Agents() {
  const instance = useInstance();
  const can = useCan();
  const navigate = useNavigate();
  const { get, set } = useAddress({});
  const [text, setText] = useState(get("search"));
  const [arn, setArn] = useState("");
  const still = useStill(text);
  useEffect(() => {
    if (still !== get("search")) set({ search: still });
  }, [still]);
  const search = get("search");
  const loaded = useInfiniteQuery({
    queryKey: [instance, "agents", search],
    queryFn: ({ pageParam: NextToken, signal }) => read(instance, "agents", { ...searchable(search), ...(NextToken ? { NextToken } : {}), Limit: 25 }, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.NextToken,
  });
  const pages = loaded.data?.pages;
  const total = pages?.[0].Total;
  return (
    <Page title={x.title} description={x.text}>
      {loaded.error && <Failed error={loaded.error} retry={() => void loaded.refetch()} />}
      {loaded.error?.status !== 403 && (
        <SpaceBetween size="m">
          <Table
            variant="container"
            wrapLines
            items={pages?.flatMap((p) => p.Rows) ?? []}
            trackBy="Arn"
            loading={loaded.isFetching && !pages}
            loadingText={t.loading}
            ariaLabels={{ tableLabel: x.title }}
            header={<Header counter={total !== undefined ? `(${number.format(total)})` : undefined}>{x.title}</Header>}
            filter={<Input type="search" value={text} onChange={(e) => setText(e.detail.value)} placeholder={x.search} ariaLabel={x.search} clearAriaLabel={t.clear} />}
            columnDefinitions={[
              { id: "arn", header: "ARN", isRowHeader: true, cell: (a) => <Link href={`#/instances/${instance}/agents/${encodeURIComponent(a.Arn)}`}>{a.Arn}</Link> },
              { id: "profiles", header: t.users.profiles, minWidth: 180, cell: (a) => <ProfileLinks profiles={a.SecurityProfiles} /> },
            ]}
            empty={
              <Box textAlign="center" padding="l">
                {x.none}
              </Box>
            }
          />
          {loaded.hasNextPage && (
            <Button loading={loaded.isFetchingNextPage} onClick={() => void loaded.fetchNextPage()}>
              {t.showMore}
            </Button>
          )}
          <div className="filters">
            <div className="grow">
              <Input value={arn} onChange={(e) => setArn(e.detail.value)} placeholder={x.arn} ariaLabel={x.arn} />
            </div>
            <Button
              disabled={arn.trim() === "" || !can("QConnectAIAgents.Edit")}
              disabledReason={can("QConnectAIAgents.Edit") ? undefined : t.missing("QConnectAIAgents.Edit")}
              onClick={() => void navigate(`/instances/${instance}/agents/${encodeURIComponent(arn.trim())}`)}
            >
              {x.assign}
            </Button>
          </div>
        </SpaceBetween>
      )}
    </Page>
  );
}
