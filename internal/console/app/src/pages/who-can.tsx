import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useInfiniteQuery } from "@tanstack/react-query";
import { ask, grantedBy } from "../api";
import { Page, Ready } from "../parts/page";
import { asked, ResourceField, subjectTypes, WhatField } from "../parts/question";
import { ProfileLinks, SubjectLink } from "../parts/show";
import { useInstance } from "../state";
import { t } from "../texts";
import { useAddress } from "../address";

const x = t.whoCan;

export default function WhoCan() {
  const instance = useInstance();
  const query = useAddress({ type: "User", kind: "user" });
  const { get, set } = query;
  const q = asked(get);
  const ready = q.action && q.resource;
  const loaded = useInfiniteQuery({
    queryKey: [instance, "who-can", get("kind"), q.action, q.resource],
    queryFn: ({ pageParam: token, signal }) =>
      ask(instance, "who-can", { subject: { type: get("kind") }, action: q.action, resource: q.resource, page: { limit: 50, ...(token ? { token } : {}) } }, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.page.next_token || undefined,
    enabled: !!ready,
  });
  const found = loaded.data?.pages.flatMap((p) => p.results) ?? [];
  const names = Object.assign({}, ...(loaded.data?.pages ?? []).map((p) => p.context.profiles)) as Record<string, string>;
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
          {() => (
            <SpaceBetween size="s">
              <Table
                variant="container"
                items={found}
                trackBy="id"
                ariaLabels={{ tableLabel: x.title }}
                header={<Header variant="h2" counter={loaded.hasNextPage ? `(${found.length}+)` : `(${found.length})`}>{x.result}</Header>}
                columnDefinitions={[
                  { id: "name", header: t.users.name, isRowHeader: true, cell: (s) => <SubjectLink type={s.type} id={s.id} name={s.properties?.name} /> },
                  {
                    id: "by",
                    header: x.by,
                    cell: (s) => {
                      const { profiles, more } = grantedBy(s, names);
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
              {loaded.hasNextPage && (
                <Button loading={loaded.isFetchingNextPage} onClick={() => void loaded.fetchNextPage()}>
                  {t.showMore}
                </Button>
              )}
            </SpaceBetween>
          )}
        </Ready>
      )}
    </Page>
  );
}
