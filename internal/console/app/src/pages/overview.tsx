import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Day, Finding, SensitiveInUse } from "../answers_gen";
import { read } from "../api";
import { Failed } from "../parts/failed";
import { MirrorBanner } from "../parts/mirror";
import { Page, Ready } from "../parts/page";
import { number, ProfileLinks, SubjectLink, When } from "../parts/show";
import { useRead } from "../query";
import { useCan, useInstance, useShared } from "../state";
import { sentence, t } from "../texts";
import Button from "@cloudscape-design/components/button";

const x = t.overview;

const shown = 8;

export default function Overview() {
  const instance = useInstance();
  const { session } = useShared();
  const loaded = useRead("overview");
  const to = (path: string) => `#/instances/${instance}/${path}`;
  return (
    <Page title={session.Instance ? x.titleOf(session.Instance.Alias) : x.title} description={x.text} actions={<Button iconName="refresh" ariaLabel={t.refresh} onClick={() => void loaded.refetch()} />}>
      <Ready of={loaded}>
        {(data) => (
          <SpaceBetween size="l">
            {data.Mirror && <MirrorBanner of={data.Mirror} />}
            <Container>
              <KeyValuePairs
                columns={4}
                items={[
                  { label: t.profiles.title, value: <Figure href={to("profiles")} n={data.Counts?.Profiles} permission="SecurityProfiles.View" /> },
                  { label: t.users.title, value: <Figure href={to("users")} n={data.Counts?.Users} permission="Users.View" /> },
                  { label: t.agents.title, value: <Figure href={to("agents")} n={data.Counts?.Agents} permission="QConnectAIAgents.View" /> },
                  { label: x.ask, value: <Button href={to("explore/check")}>{x.askAction}</Button> },
                ]}
              />
            </Container>
            {!data.Sensitive && <Missing permission="SecurityProfiles.View" what={x.needsProfiles} />}
            {data.Sensitive && <Sensitive rows={data.Sensitive} />}
            <div className="columns">
              {data.Findings && (
                <Container header={<Header variant="h2" counter={`(${number.format(data.FindingsTotal ?? 0)})`} description={x.findingsText}>{x.findings}</Header>}>
                  <Findings first={data.Findings} total={data.FindingsTotal ?? 0} />
                </Container>
              )}
              <SpaceBetween size="l">
                {data.Changes ? (
                  <Container header={<Header variant="h2" actions={<Link href={to("history")}>{t.history.title}</Link>}>{x.changes}</Header>}>
                    <Bars days={data.Changes} />
                    <Box color="text-body-secondary">
                      {x.since} <When time={data.ChangesSince} />
                    </Box>
                  </Container>
                ) : (
                  <Missing permission="HistoricalChanges.View" what={x.needsChanges} />
                )}
                {data.Unheld && (
                  <Container header={<Header variant="h2" counter={`(${number.format(data.UnheldTotal ?? 0)})`}>{x.unheld}</Header>}>
                    {data.Unheld.length ? <ProfileLinks profiles={data.Unheld} /> : <Box>{x.noUnheld}</Box>}
                    {(data.UnheldTotal ?? 0) > data.Unheld.length && <Link href={to("profiles?sort=Holders")}>{t.more((data.UnheldTotal ?? 0) - data.Unheld.length)}</Link>}
                  </Container>
                )}
                {data.Server && (
                  <Container header={<Header variant="h2">{x.server}</Header>}>
                    <KeyValuePairs
                      columns={3}
                      items={[
                        { label: x.store, value: <StatusIndicator type={data.Server.Store === "ok" ? "success" : "error"}>{data.Server.Store === "ok" ? x.ok : data.Server.Store}</StatusIndicator> },
                        { label: x.version, value: data.Server.Version },
                        { label: x.started, value: <When time={data.Server.Started} /> },
                        { label: x.decisions, value: number.format(data.Server.Decisions.Total) },
                        { label: x.denied, value: number.format(data.Server.Decisions.Denied) },
                        { label: x.rate, value: number.format(data.Server.Decisions.PerSecond) },
                        { label: x.calls, value: number.format(data.Server.Calls.Total) },
                        { label: x.refused, value: number.format(data.Server.Calls.Refused) },
                      ]}
                    />
                  </Container>
                )}
              </SpaceBetween>
            </div>
          </SpaceBetween>
        )}
      </Ready>
    </Page>
  );
}

function Missing({ permission, what }: { permission: string; what: string }) {
  return (
    <Alert type="info">
      {what} <span className="mono">{permission}</span>
    </Alert>
  );
}

function Figure({ href, n, permission }: { href: string; n: number | undefined; permission: string }) {
  const can = useCan();
  // Counting requires SecurityProfiles.View as well; without the count the link still leads to the list.
  if (n === undefined) return can(permission) ? <Link href={href}>{x.look}</Link> : <Box color="text-body-secondary">{t.missing(permission)}</Box>;
  return (
    <Link href={href} fontSize="display-l">
      {number.format(n)}
    </Link>
  );
}

function Sensitive({ rows }: { rows: SensitiveInUse[] }) {
  const [all, setAll] = useState(false);
  return (
    <Table
      variant="container"
      wrapLines
      items={all ? rows : rows.slice(0, shown)}
      trackBy="Permission"
      ariaLabels={{ tableLabel: x.sensitive }}
      header={
        <Header variant="h2" description={x.sensitiveText} counter={`(${rows.length})`}>
          {x.sensitive}
        </Header>
      }
      columnDefinitions={[
        { id: "permission", header: x.permission, isRowHeader: true, minWidth: 180, cell: (s) => <span className="mono">{s.Permission}</span> },
        { id: "why", header: x.why, minWidth: 180, cell: (s) => (
            <>
              <Badge color="red">{t.matrix.marks[s.Why] ?? s.Why}</Badge> <span className="small secondary">{t.matrix.does[s.Why]}</span>
            </>
          ) },
        { id: "profiles", header: x.profiles, minWidth: 180, cell: (s) => (
            <>
              <ProfileLinks profiles={s.Profiles} />
              {s.ProfilesTotal > s.Profiles.length && <Box color="text-body-secondary">{t.more(s.ProfilesTotal - s.Profiles.length)}</Box>}
            </>
          ) },
        { id: "holders", header: x.holders, cell: (s) => number.format(s.Holders) },
        {
          id: "sample",
          header: x.sample,
          minWidth: 180,
          cell: (s) => (
            <SpaceBetween direction="horizontal" size="xs">
              {s.Sample.map((p) => (
                <SubjectLink key={p.Id} type={p.Type} id={p.Id} name={p.Name} />
              ))}
              {s.Holders > s.Sample.length && <>{t.more(s.Holders - s.Sample.length)}</>}
            </SpaceBetween>
          ),
        },
      ]}
      footer={rows.length > shown && <Button onClick={() => setAll(!all)}>{all ? x.fewer : x.allOf(rows.length)}</Button>}
      empty={<Box textAlign="center">{x.noSensitive}</Box>}
    />
  );
}

/** The findings. The first ones come with the overview, the others on request. */
function Findings({ first, total }: { first: Finding[]; total: number }) {
  const instance = useInstance();
  const loaded = useInfiniteQuery({
    queryKey: [instance, "findings", first],
    queryFn: ({ pageParam: After, signal }) => read(instance, "findings", { After, Limit: 50 }, signal),
    initialPageParam: 0,
    initialData: { pages: [{ Findings: first, Total: total, Revision: 0 }], pageParams: [0] },
    staleTime: Infinity,
    getNextPageParam: (_, pages) => {
      const shown = pages.reduce((n, p) => n + p.Findings.length, 0);
      return shown < total ? shown : undefined;
    },
  });
  const more = () => void loaded.fetchNextPage();
  if (first.length === 0) return <StatusIndicator type="success">{x.noFindings}</StatusIndicator>;
  return (
    <SpaceBetween size="s">
      {loaded.data.pages.flatMap((p) => p.Findings).map((f, i) => (
        <div key={i} className="finding">
          <SpaceBetween direction="horizontal" size="xs">
            <StatusIndicator type={f.Severity}>{x.rules[f.Rule] ?? f.Rule}</StatusIndicator>
            <Link href={x.ruleDocs(f.Code)} external externalIconAriaLabel={t.newTab} fontSize="body-s">
              {f.Code}
            </Link>
          </SpaceBetween>
          <ProfileLinks profiles={f.Profiles.slice(0, 5)} />
          <div>{sentence(f.Message)}</div>
          <ExpandableSection headerText={x.whyAndFix} variant="inline">
            <SpaceBetween size="xs">
              {f.Details.length > 0 && <Details lines={f.Details} />}
              <div>{f.Why}</div>
              <div>
                <b>{x.advice}</b> {f.Advice}
              </div>
            </SpaceBetween>
          </ExpandableSection>
        </div>
      ))}
      {loaded.error && <Failed error={loaded.error} retry={more} />}
      {loaded.hasNextPage && (
        <Button loading={loaded.isFetchingNextPage} onClick={more}>
          {t.showMore}
        </Button>
      )}
    </SpaceBetween>
  );
}

/** The steps of a path, which the server numbers, or other details. */
function Details({ lines }: { lines: string[] }) {
  const step = /^\d+\. /;
  const List = lines.every((line) => step.test(line)) ? "ol" : "ul";
  return (
    <List>
      {lines.map((line, n) => (
        <li key={n}>{List === "ol" ? line.replace(step, "") : line}</li>
      ))}
    </List>
  );
}

function Bars({ days }: { days: Day[] }) {
  const last = days.slice(-30);
  const most = Math.max(1, ...last.map((d) => d.Changes));
  const width = 600 / Math.max(last.length, 10);
  return (
    <svg className="bars" viewBox="0 0 600 120" role="img" aria-label={last.map((d) => x.day(d.Day, d.Changes)).join(", ")}>
      {last.map((d, i) => (
        <g key={d.Day}>
          <title>{x.day(d.Day, d.Changes)}</title>
          <rect x={i * width + 2} y={100 - (d.Changes / most) * 90} width={width - 4} height={(d.Changes / most) * 90} rx={2} />
          {(last.length <= 10 || i % 5 === 0) && (
            <text x={i * width + 2} y={116}>
              {d.Day.slice(5)}
            </text>
          )}
        </g>
      ))}
    </svg>
  );
}
