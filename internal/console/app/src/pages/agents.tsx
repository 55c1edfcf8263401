import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useEffect, useState } from "react";
import { useNavigate } from "react-router";
import { type AgentRow, read, searchable } from "../api";
import { Failed } from "../parts/failed";
import { Page } from "../parts/page";
import { number, ProfileLinks } from "../parts/show";
import { useCan, useInstance, useLoad, useRemembered, useStill } from "../state";
import { t } from "../texts";
import { useQuery } from "./profiles";

const x = t.agents;

interface Answer {
  Rows: AgentRow[];
  NextToken?: string;
  Total?: number;
}

export default function Agents() {
  const instance = useInstance();
  const can = useCan();
  const navigate = useNavigate();
  const { get, set } = useQuery({});
  const [text, setText] = useState(get("search"));
  const [arn, setArn] = useState("");
  const still = useStill(text);
  useEffect(() => {
    if (still !== get("search")) set({ search: still });
  }, [still]);
  const search = get("search");
  const once = useRemembered();
  const [tokens, setTokens] = useState<string[]>([""]);
  useEffect(() => setTokens([""]), [search]);
  const loaded = useLoad(async (signal) => {
    const pages = await Promise.all(
      tokens.map((token) => once(`${search} ${token}`, () => read<Answer>(instance, "agents", { ...searchable(search), ...(token ? { NextToken: token } : {}), Limit: 25 }, signal))),
    );
    return { rows: pages.flatMap((p) => p.Rows), next: pages.at(-1)!.NextToken, total: pages[0].Total };
  }, [instance, search, tokens]);
  const data = loaded.data;
  return (
    <Page title={x.title} description={x.text}>
      {loaded.error && <Failed error={loaded.error} retry={loaded.reload} />}
      {loaded.error?.status !== 403 && (
        <SpaceBetween size="m">
          <Table
            variant="container"
            wrapLines
            items={data?.rows ?? []}
            trackBy="Arn"
            loading={loaded.loading && !data}
            loadingText={t.loading}
            ariaLabels={{ tableLabel: x.title }}
            header={<Header counter={data?.total !== undefined ? `(${number.format(data.total)})` : undefined}>{x.title}</Header>}
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
          {data?.next && <Button onClick={() => setTokens([...tokens, data.next!])}>{t.showMore}</Button>}
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
