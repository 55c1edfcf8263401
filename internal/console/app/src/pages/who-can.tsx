import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useEffect, useState } from "react";
import { ask, grantedBy, type WhoCan as WhoCanAnswer } from "../api";
import { Page, Ready } from "../parts/page";
import { asked, ResourceField, subjectTypes, WhatField } from "../parts/question";
import { ProfileLinks, SubjectLink } from "../parts/show";
import { useInstance, useLoad, useRemembered } from "../state";
import { t } from "../texts";
import { useQuery } from "./profiles";

const x = t.whoCan;

export default function WhoCan() {
  const instance = useInstance();
  const query = useQuery({ type: "User", kind: "user" });
  const { get, set } = query;
  const q = asked(get);
  const ready = q.action && q.resource;
  const key = JSON.stringify([q.action, q.resource, get("kind")]);
  const once = useRemembered();
  const [tokens, setTokens] = useState<string[]>([""]);
  useEffect(() => setTokens([""]), [key]);
  const loaded = useLoad(
    async (signal) => {
      if (!ready) return null;
      const pages = await Promise.all(
        tokens.map((token) =>
          once(`${key} ${token}`, () =>
            ask<WhoCanAnswer>(instance, "who-can", { subject: { type: get("kind") }, action: q.action, resource: q.resource, page: { limit: 50, ...(token ? { token } : {}) } }, signal),
          ),
        ),
      );
      return { results: pages.flatMap((p) => p.results), names: Object.assign({}, ...pages.map((p) => p.context?.profiles ?? {})) as Record<string, string>, next: pages.at(-1)!.page.next_token };
    },
    [instance, key, tokens],
  );
  return (
    <Page title={x.title} description={x.text}>
      <Container>
        <SpaceBetween size="m">
          <WhatField {...query} />
          <ResourceField {...query} />
          <FormField label={t.question.kind}>
            <Select
              options={subjectTypes.map((value) => ({ value, label: t.question.subjects[value] }))}
              selectedOption={{ value: get("kind"), label: t.question.subjects[get("kind")] }}
              onChange={(e) => set({ kind: e.detail.selectedOption.value! })}
              ariaLabel={t.question.kind}
            />
          </FormField>
        </SpaceBetween>
      </Container>
      {!ready ? (
        <Box color="text-body-secondary" textAlign="center" padding="l">
          {t.check.fill}
        </Box>
      ) : (
        <Ready of={loaded}>
          {(data) =>
            data && (
              <SpaceBetween size="s">
                <Table
                  variant="container"
                  items={data.results}
                  trackBy="id"
                  ariaLabels={{ tableLabel: x.title }}
                  header={<Header variant="h2" counter={data.next ? `(${data.results.length}+)` : `(${data.results.length})`}>{x.result}</Header>}
                  columnDefinitions={[
                    { id: "name", header: t.users.name, isRowHeader: true, cell: (s) => <SubjectLink type={s.type} id={s.id} name={s.properties?.name} /> },
                    {
                      id: "by",
                      header: x.by,
                      cell: (s) => {
                        const { profiles, more } = grantedBy(s, data.names);
                        if (profiles.length === 0) return t.hiddenProfile;
                        return (
                          <>
                            <ProfileLinks profiles={profiles} />
                            {more > 0 && <Box color="text-body-secondary">{t.more(more)}</Box>}
                          </>
                        );
                      },
                    },
                  ]}
                  empty={
                    <Box textAlign="center" padding="l">
                      {x.nobody}
                    </Box>
                  }
                />
                {data.next && <Button onClick={() => setTokens([...tokens, data.next])}>{t.showMore}</Button>}
              </SpaceBetween>
            )
          }
        </Ready>
      )}
    </Page>
  );
}
