import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Pagination from "@cloudscape-design/components/pagination";
import Table from "@cloudscape-design/components/table";
import { useMemo, useState } from "react";
import type { Granted } from "../questions_gen";
import { useGroupNames } from "../names";
import { t } from "../texts";
import { thing } from "./blast";
import { usePermissions } from "./permission";
import { number, ProfileLink } from "./show";

const x = t.effective;
const size = 50;

/** What somebody can do, each with the profiles that grant it and their conditions. */
export function EffectiveTable({ rows }: { rows: Granted[] }) {
  const [text, setText] = useState("");
  const [page, setPage] = useState(1);
  const labels = usePermissions();
  const nameGroups = useGroupNames(useMemo(() => rows.flatMap((r) => r.grants.flatMap((g) => g.conditions)), [rows]));
  const found = rows.filter((r) => {
    const hay = `${thing(r)} ${labels.get(r.action)?.Label ?? ""} ${r.grants.map((g) => `${g.name} ${g.conditions.join(" ")}`).join(" ")}`.toLowerCase();
    return text
      .toLowerCase()
      .split(/\s+/)
      .every((w) => hay.includes(w));
  });
  return (
    <Table
      variant="container"
      wrapLines
      items={found.slice((page - 1) * size, page * size)}
      trackBy={(r) => thing(r)}
      ariaLabels={{ tableLabel: x.title }}
      header={<Header counter={`(${number.format(found.length)})`}>{x.title}</Header>}
      filter={
        <Input
          type="search"
          value={text}
          onChange={(e) => {
            setText(e.detail.value);
            setPage(1);
          }}
          placeholder={x.search}
          ariaLabel={x.search}
          clearAriaLabel={t.clear}
        />
      }
      pagination={<Pagination currentPageIndex={page} pagesCount={Math.max(1, Math.ceil(found.length / size))} onChange={(e) => setPage(e.detail.currentPageIndex)} ariaLabels={t.pagination} />}
      columnDefinitions={[
        { id: "action", header: x.action, isRowHeader: true, cell: (r) => <span className="mono">{thing(r)}</span> },
        { id: "label", header: x.label, cell: (r) => labels.get(r.action)?.Label ?? "-" },
        {
          id: "grants",
          header: x.grants,
          cell: (r) =>
            r.grants.map((g, i) => (
              <div key={i}>
                <ProfileLink profile={{ Id: g.profile, Name: g.name }} />
                {g.conditions.length > 0 && (
                  <Box display="inline" color="text-body-secondary">
                    {" "}
                    {nameGroups(x.where(g.conditions.join(x.and)))}
                  </Box>
                )}
              </div>
            )),
        },
      ]}
      empty={
        <Box textAlign="center" padding="l">
          {x.none}
        </Box>
      }
    />
  );
}
