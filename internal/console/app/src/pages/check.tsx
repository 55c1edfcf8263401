import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { ApiError, ask } from "../api";
import { useGroupNames } from "../names";
import { Explanation } from "../parts/explanation";
import { Failed } from "../parts/failed";
import { Page, Ready } from "../parts/page";
import { isId } from "../parts/pickers";
import { asTest } from "../policy-test";
import { asked, ResourceField, WhatField, WhoField } from "../parts/question";
import { useInstance } from "../state";
import { t } from "../texts";
import { useAddress } from "../address";

const x = t.check;

export default function Check() {
  const instance = useInstance();
  const query = useAddress({ type: "User" });
  const { get, set } = query;
  const q = asked(get);
  const ready = q.subject && q.action && q.resource;
  // A user who may ask but not view every profile gets the answer without the explanation, and is told why.
  const loaded = useQuery({
    queryKey: [instance, "check", q],
    queryFn: async ({ signal }) => {
      const body = { subject: q.subject, action: q.action, resource: q.resource };
      const surface = q.surface ? { surface: q.surface } : {};
      try {
        return { answer: await ask(instance, "evaluation", { ...body, context: { explain: true, ...surface } }, signal), refusal: null };
      } catch (e) {
        if (!(e instanceof ApiError) || e.status !== 403) throw e;
        return { answer: await ask(instance, "evaluation", { ...body, context: surface }, signal), refusal: e };
      }
    },
    enabled: !!ready,
  });
  const who = get("name") || get("who");
  const type = get("type") || "User";
  const on = get("on_name") || get("on") || (type === "DataTableRow" ? get("attributes").replace(/&/g, ", ") : "");
  const question = x.question(who, get("what"), type === "Instance" ? "" : `${t.types[type] ?? type} ${on}`);

  // The answer contains ids, as the question did; the page shows names.
  const { explanation, profiles = [] } = loaded.data?.answer.context ?? {};
  const nameGroups = useGroupNames([explanation ?? "", ...profiles.flatMap((p) => (p.failed ?? []).flatMap((f) => [f.want, f.have ?? ""]))]);
  const named = (text: string) => {
    let out = nameGroups(text);
    if (get("name") && get("who")) out = out.replaceAll(get("who"), get("name"));
    if (get("on_name") && get("on")) out = out.replaceAll(get("on"), get("on_name"));
    return out;
  };
  // Groups of different parents may have one name.
  const resource = type === "HierarchyGroup" ? get("on") : get("on_name") || get("on") || (type === "DataTableRow" ? "row" : "");
  const attributes = Object.fromEntries(new URLSearchParams(get("attributes")));
  const asCase = { user: who, onBehalfOf: get("kind") === "ai_agent" ? get("assisting") : "", permission: get("what"), type, resource, attributes, surface: get("surface") };
  const pages: Record<string, string> = { User: "users", SecurityProfile: "profiles" };
  return (
    <Page title={x.title} description={x.text}>
      <Container>
        <SpaceBetween size="m">
          <WhoField {...query} />
          <WhatField {...query} />
          <ResourceField {...query} />
          <SpaceBetween direction="horizontal" size="m">
            <FormField label={x.surface}>
              <Select
                options={["", "reports"].map((value) => ({ value, label: x.surfaces[value] }))}
                selectedOption={{ value: get("surface"), label: x.surfaces[get("surface")] ?? get("surface") }}
                onChange={(e) => set({ surface: e.detail.selectedOption.value ?? "" })}
                ariaLabel={x.surface}
              />
            </FormField>
            {get("kind") === "ai_agent" && (
              <FormField label={x.assisting}>
                <Input value={get("assisting")} onChange={(e) => set({ assisting: e.detail.value })} placeholder={x.assistingHint} ariaLabel={x.assisting} />
              </FormField>
            )}
          </SpaceBetween>
        </SpaceBetween>
      </Container>
      {!ready ? (
        <Box color="text-body-secondary" textAlign="center" padding="l">
          {x.fill}
        </Box>
      ) : (
        <Ready of={loaded}>
          {(data) => (
            <SpaceBetween size="m">
              <div role="status" data-decision={data.answer.decision}>
                <Alert
                  type={data.answer.decision ? "success" : "error"}
                  header={data.answer.decision ? x.allowed : x.denied}
                  action={
                    <SpaceBetween direction="horizontal" size="xs">
                      <CopyToClipboard copyButtonText={x.copyTest} copySuccessText={x.copied} copyErrorText={x.notCopied} textToCopy={asTest(asCase, data.answer)} />
                      <Button href={`#/instances/${instance}/explore/who-can?what=${encodeURIComponent(get("what"))}&type=${type}&on=${encodeURIComponent(get("on"))}&on_name=${encodeURIComponent(get("on_name"))}`}>
                        {x.whoElse}
                      </Button>
                    </SpaceBetween>
                  }
                >
                  {named(data.answer.context.explanation ?? `${question}: ${data.answer.context.reason}`)}
                </Alert>
              </div>
              {!data.answer.decision && (
                <SpaceBetween direction="horizontal" size="xs">
                  {(data.answer.context.profiles ?? [])
                    .filter((f) => f.grants && f.name)
                    .map((f) => (
                      <Button key={f.profile} href={`#/instances/${instance}/profiles/${f.profile}?tab=reach`}>
                        {x.open(f.name)}
                      </Button>
                    ))}
                  {pages[type] && isId(get("on")) && <Button href={`#/instances/${instance}/${pages[type]}/${get("on")}${type === "User" ? "?tab=edit" : ""}`}>{x.open(on)}</Button>}
                  {get("kind") !== "ai_agent" && isId(get("who")) && who !== on && <Button href={`#/instances/${instance}/users/${get("who")}?tab=edit`}>{x.open(who)}</Button>}
                </SpaceBetween>
              )}
              {data.refusal && (
                <div>
                  <Box padding={{ bottom: "xs" }}>{x.noWhy}</Box>
                  <Failed error={data.refusal} />
                </div>
              )}
              {data.answer.context.profiles && (
                <Container header={<Header variant="h2" description={x.treeText}>{x.why}</Header>}>
                  {data.answer.context.profiles.length > 0 ? <Explanation evaluation={data.answer} named={named} question={question} action={get("what")} /> : <Box>{data.answer.context.reason}</Box>}
                </Container>
              )}
              {data.answer.context.hints && data.answer.context.hints.length > 0 && (
                <Container header={<Header variant="h2">{x.hints}</Header>}>
                  <ul>
                    {data.answer.context.hints.map((h) => (
                      <li key={h}>{h}</li>
                    ))}
                  </ul>
                </Container>
              )}
            </SpaceBetween>
          )}
        </Ready>
      )}
    </Page>
  );
}
