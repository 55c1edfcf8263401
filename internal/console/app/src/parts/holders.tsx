import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useInfiniteQuery } from "@tanstack/react-query";
import { ask } from "../api";
import { useInstance } from "../state";
import { t } from "../texts";
import { Ready } from "./page";
import { SubjectLink } from "./show";

/** Who holds a profile, page by page. */
export function Holders({ profile }: { profile: string }) {
  const instance = useInstance();
  const loaded = useInfiniteQuery({
    queryKey: [instance, "holders", profile],
    queryFn: ({ pageParam: token, signal }) => ask(instance, "holders", { resource: { type: "SecurityProfile", id: profile }, page: { limit: 50, ...(token ? { token } : {}) } }, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.page.next_token || undefined,
  });
  return (
    <Ready of={loaded}>
      {(data) => (
        <SpaceBetween size="s">
          <Table
            variant="container"
            header={<Header variant="h2">{t.profile.holders}</Header>}
            items={data.pages.flatMap((p) => p.results)}
            trackBy="id"
            columnDefinitions={[
              { id: "name", header: t.users.name, isRowHeader: true, cell: (s) => <SubjectLink type={s.type} id={s.id} name={s.properties?.name} /> },
              { id: "type", header: t.users.type, cell: (s) => (s.type === "user" ? t.users.one : t.agents.one) },
            ]}
            empty={<Box textAlign="center">{t.profile.nobody}</Box>}
          />
          {loaded.hasNextPage && (
            <Button loading={loaded.isFetchingNextPage} onClick={() => void loaded.fetchNextPage()}>
              {t.showMore}
            </Button>
          )}
        </SpaceBetween>
      )}
    </Ready>
  );
}
