import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Pagination from "@cloudscape-design/components/pagination";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useEffect, useMemo, useState } from "react";
import type { HeatAnswer, HeatRow } from "../answers_gen";
import { Page, Ready } from "../parts/page";
import { number, ProfileLink } from "../parts/show";
import { useRead } from "../query";
import { useStill } from "../state";
import { t } from "../texts";
import { useAddress } from "../address";

const x = t.heat;
const size = 40;

type Sort = "total" | "sensitive" | "holders" | "name";

export default function Heat() {
  const loaded = useRead("heat");
  return (
    <Page title={x.title} description={x.text}>
      <Ready of={loaded}>{(data) => <HeatMap data={data} />}</Ready>
    </Page>
  );
}

function HeatMap({ data: all }: { data: HeatAnswer }) {
  // A group that no profile grants anything of is left out.
  const data = useMemo(() => {
    const used = all.Groups.map((_, i) => all.Profiles.some((p) => p.Counts[i] > 0));
    return { ...all, Groups: all.Groups.filter((_, i) => used[i]), Profiles: all.Profiles.map((p) => ({ ...p, Counts: p.Counts.filter((_, i) => used[i]) })) };
  }, [all]);
  const { get, set } = useAddress({ sort: "total", page: "1" });
  const [sort, page] = [get("sort") as Sort, Math.max(1, Number(get("page")) || 1)];
  const [text, setText] = useState(get("search"));
  const still = useStill(text);
  useEffect(() => {
    if (still !== get("search")) set({ search: still });
  }, [still]);
  const rows = useMemo(() => {
    const found = data.Profiles.filter((p) => p.Name.toLowerCase().includes(text.toLowerCase()));
    const by: Record<Sort, (a: HeatRow, b: HeatRow) => number> = {
      total: (a, b) => b.Total - a.Total,
      sensitive: (a, b) => b.Sensitive - a.Sensitive,
      holders: (a, b) => b.Holders - a.Holders,
      name: (a, b) => a.Name.localeCompare(b.Name, "en"),
    };
    return found.sort((a, b) => (by[sort] ?? by.total)(a, b) || a.Name.localeCompare(b.Name, "en"));
  }, [data, text, sort]);
  const option = (v: Sort) => ({ value: v, label: x.sorts[v] });
  return (
    <SpaceBetween size="l">
      <Container>
        <SpaceBetween size="s">
          <div className="filters">
            <div className="grow">
              <Input
                type="search"
                value={text}
                onChange={(e) => {
                  setText(e.detail.value);
                  if (page !== 1) set({ page: "1" });
                }}
                placeholder={t.profiles.search}
                ariaLabel={t.profiles.search}
                clearAriaLabel={t.clear}
              />
            </div>
            <Select selectedOption={option(sort)} options={(["total", "sensitive", "holders", "name"] as Sort[]).map(option)} onChange={(e) => set({ sort: e.detail.selectedOption.value!, page: "1" })} ariaLabel={x.sort} />
            <Pagination currentPageIndex={page} pagesCount={Math.max(1, Math.ceil(rows.length / size))} onChange={(e) => set({ page: String(e.detail.currentPageIndex) })} ariaLabels={t.pagination} />
          </div>
          <div className="scroll" tabIndex={0} role="region" aria-label={x.title}>
            <table className="heat">
              <thead>
                <tr>
                  <th scope="col" className="corner">
                    {t.profiles.one}
                  </th>
                  {data.Groups.map((g) => (
                    <th scope="col" key={g.Name} className="turned">
                      <span>{g.Name}</span>
                    </th>
                  ))}
                  <th scope="col" className="turned">
                    <span>{x.total}</span>
                  </th>
                  <th scope="col" className="turned">
                    <span>{x.sensitive}</span>
                  </th>
                  <th scope="col" className="turned">
                    <span>{x.holders}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {rows.slice((page - 1) * size, page * size).map((p) => (
                  <tr key={p.Id}>
                    <th scope="row">
                      <ProfileLink profile={p} />
                    </th>
                    {data.Groups.map((g, i) => {
                      const n = p.Counts[i] ?? 0;
                      const level = n === 0 ? 0 : Math.max(1, Math.round((n / Math.max(1, g.Permissions)) * 8));
                      return (
                        <td key={g.Name} className={`heat-${level}`} title={x.cell(p.Name, g.Name, n, g.Permissions)}>
                          {n || ""}
                        </td>
                      );
                    })}
                    <td>{number.format(p.Total)}</td>
                    <td>{p.Sensitive > 0 ? <Badge color="red">{p.Sensitive}</Badge> : ""}</td>
                    <td>{number.format(p.Holders)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {data.Truncated && <Box color="text-body-secondary">{x.truncated}</Box>}
        </SpaceBetween>
      </Container>
      <Table
        variant="container"
        wrapLines
        items={data.Near}
        ariaLabels={{ tableLabel: x.near }}
        header={
          <Header variant="h2" description={x.nearText} counter={`(${data.Near.length})`}>
            {x.near}
          </Header>
        }
        columnDefinitions={[
          { id: "a", header: x.a, isRowHeader: true, cell: (n) => <ProfileLink profile={n.A} /> },
          { id: "b", header: x.b, cell: (n) => <ProfileLink profile={n.B} /> },
          { id: "shared", header: x.shared, cell: (n) => number.format(n.Shared) },
          { id: "onlyA", header: x.onlyA, cell: (n) => number.format(n.OnlyA) },
          { id: "onlyB", header: x.onlyB, cell: (n) => number.format(n.OnlyB) },
        ]}
        empty={<Box textAlign="center">{x.noNear}</Box>}
      />
    </SpaceBetween>
  );
}
