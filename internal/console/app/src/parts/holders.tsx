import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";
import { ask, type Subject } from "../api";
import { useInstance, useLoad, useRemembered } from "../state";
import { t } from "../texts";
import { Ready } from "./page";
import { SubjectLink } from "./show";

interface Answer {
  page: { next_token: string; count: number };
  results: Subject[];
}

/** Who holds a profile, page by page. */
export function Holders({ profile }: { profile: string }) {
  const instance = useInstance();
  const once = useRemembered();
  const [tokens, setTokens] = useState<string[]>([""]);
  const loaded = useLoad(async (signal) => {
    const pages = await Promise.all(
      tokens.map((token) => once(`${profile} ${token}`, () => ask<Answer>(instance, "holders", { resource: { type: "SecurityProfile", id: profile }, page: { limit: 50, ...(token ? { token } : {}) } }, signal))),
    );
    return { results: pages.flatMap((p) => p.results), next: pages.at(-1)!.page.next_token };
  }, [instance, profile, tokens]);
  return (
    <Ready of={loaded}>
      {(data) => (
        <SpaceBetween size="s">
          <Table
            variant="container"
            header={<Header variant="h2">{t.profile.holders}</Header>}
            items={data.results}
            trackBy="id"
            columnDefinitions={[
              { id: "name", header: t.users.name, isRowHeader: true, cell: (s) => <SubjectLink type={s.type} id={s.id} name={s.properties?.name} /> },
              { id: "type", header: t.users.type, cell: (s) => (s.type === "user" ? t.users.one : t.agents.one) },
            ]}
            empty={<Box textAlign="center">{t.profile.nobody}</Box>}
          />
          {data.next && <Button onClick={() => setTokens([...tokens, data.next])}>{t.showMore}</Button>}
        </SpaceBetween>
      )}
    </Ready>
  );
}
