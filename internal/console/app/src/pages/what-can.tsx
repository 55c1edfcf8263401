import Box from "@cloudscape-design/components/box";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { ask, effective } from "../api";
import { EffectiveTable } from "../parts/effective";
import { Page, Ready } from "../parts/page";
import { asked, ResourceField, WhoField } from "../parts/question";
import { useInstance } from "../state";
import { t } from "../texts";
import { useAddress } from "../address";

const x = t.whatCan;

/** What somebody can do, in general or to one resource. */
export default function WhatCan() {
  const instance = useInstance();
  const query = useAddress({ type: "User" });
  const { get, set } = query;
  const q = asked(get);
  const narrow = get("narrow") === "1";
  const ready = q.subject && (!narrow || q.resource);
  const loaded = useQuery({
    queryKey: [instance, "what-can", q.subject, narrow && q.resource],
    queryFn: async ({ signal }) => {
      const all = await effective(instance, q.subject!, signal);
      if (!narrow) return all;
      const on = await ask(instance, "actions", { subject: q.subject, resource: q.resource, page: { limit: 1000 } }, signal);
      const names = new Set(on.results.map((r) => r.name));
      return all.filter((r) => names.has(r.action) && (!r.resource || (r.resource.type === q.resource!.type && r.resource.id === q.resource!.id)));
    },
    enabled: !!ready,
  });
  return (
    <Page title={x.title} description={x.text}>
      <Container>
        <SpaceBetween size="m">
          <WhoField {...query} />
          <Checkbox checked={narrow} onChange={(e) => set({ narrow: e.detail.checked ? "1" : "" })}>
            {x.narrow}
          </Checkbox>
          {narrow && <ResourceField {...query} />}
        </SpaceBetween>
      </Container>
      {!ready ? (
        <Box color="text-body-secondary" textAlign="center" padding="l">
          {t.check.fill}
        </Box>
      ) : (
        <Ready of={loaded}>
          {(data) => (
            <SpaceBetween size="s">
              {narrow && <Header variant="h2">{x.onResource}</Header>}
              <EffectiveTable rows={data} />
            </SpaceBetween>
          )}
        </Ready>
      )}
    </Page>
  );
}
