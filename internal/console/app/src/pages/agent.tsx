import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useParams } from "react-router";
import type { Named } from "../answers_gen";
import { type ApiError, call, read, searchable } from "../api";
import { useDraft } from "../drafts";
import { Diff, Items } from "../parts/diff";
import { EffectiveTable } from "../parts/effective";
import { Events } from "../parts/events";
import { Failed } from "../parts/failed";
import { focusHeadingSoon, Page, Ready } from "../parts/page";
import { ProfilesPicker } from "../parts/pickers";
import { Leaving, Unsaved } from "../parts/unsaved";
import { diff, type Editable, empty } from "../profile";
import { useEffective } from "../query";
import { useCan, useInstance, useShared, useUnsaved } from "../state";
import { t } from "../texts";

const x = t.agent;

/** The profiles to add and to remove. */
interface Change {
  add: Named[];
  remove: Named[];
}

const without = (a: Named[], b: Named[]) => a.filter((p) => !b.some((o) => o.Id === p.Id));
const sameNamed = (a: Named[], b: Named[]) => without(a, b).length + without(b, a).length === 0;
const changeFrom = (before: Named[], to: Named[]): Change => ({ add: without(to, before), remove: without(before, to) });

function apply(before: Named[], { add, remove }: Change) {
  const added = without(add, before);
  const removed = before.filter((p) => remove.some((o) => o.Id === p.Id));
  return { profiles: [...without(before, removed), ...added], added, removed };
}

async function heldBy(instance: string, arn: string, signal?: AbortSignal): Promise<Named[]> {
  // Agents differ in the end of their ARNs.
  const { Rows } = await read(instance, "agents", { ...searchable(arn.slice(-25)), Limit: 100 }, signal);
  return Rows.find((a) => a.Arn === arn)?.SecurityProfiles ?? [];
}

const agentTitle = (arn: string) => `${t.agents.one} ${arn.split("/").slice(1).join("/")}`;

export default function Agent() {
  const { arn } = useParams();
  return <View key={arn} arn={arn!} />;
}

function View({ arn }: { arn: string }) {
  const instance = useInstance();
  const can = useCan();
  const { notify } = useShared();
  const held = (signal?: AbortSignal) => heldBy(instance, arn, signal);
  const loaded = useQuery({ queryKey: [instance, "agent", arn], queryFn: ({ signal }) => held(signal) });
  // What was read last, which may have been just before saving.
  const [before, setBefore] = useState<Named[]>([]);
  useEffect(() => {
    if (loaded.data) setBefore(loaded.data);
  }, [loaded.data]);
  // Kept as additions and removals, because that is how they are saved: other users' changes stay.
  const { kept, keep } = useDraft<Change>(arn, agentTitle(arn));
  const [change, setChange] = useState<Change>({ add: kept?.add ?? [], remove: kept?.remove ?? [] });
  const [cameBack, setCameBack] = useState(kept?.time);
  const [reviewing, setReviewing] = useState(false);
  const [moved, setMoved] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const { profiles, added, removed } = apply(before, change);
  const dirty = !!loaded.data && added.length + removed.length > 0;
  const blocker = useUnsaved(dirty);
  useEffect(() => {
    if (!loaded.data) return;
    keep(dirty ? { add: added, remove: removed } : null);
    if (!dirty) setCameBack(undefined);
  }, [keep, loaded.data, dirty, change, before]);
  const discard = () => {
    setChange({ add: [], remove: [] });
    setCameBack(undefined);
  };
  const effective = useEffective({ type: "ai_agent", id: arn });

  const save = async () => {
    setBusy(true);
    setError(null);
    const entity = { InstanceId: instance, EntityType: "AI_AGENT" as const, EntityArn: arn };
    try {
      // If another user has changed it since the review, it is reviewed again.
      const now = await held();
      if (!sameNamed(now, before)) {
        setBefore(now);
        setMoved(true);
        setBusy(false);
        return;
      }
      // Additions come first, so that the agent always has a profile.
      for (let i = 0; i < added.length; i += 10) await call("AssociateSecurityProfiles", { ...entity, SecurityProfiles: added.slice(i, i + 10).map(({ Id }) => ({ Id })) });
      for (let i = 0; i < removed.length; i += 10) await call("DisassociateSecurityProfiles", { ...entity, SecurityProfiles: removed.slice(i, i + 10).map(({ Id }) => ({ Id })) });
      notify({ type: "success", header: t.user.saved(t.users.profiles) });
      focusHeadingSoon();
      setReviewing(false);
      setChange({ add: [], remove: [] });
      void loaded.refetch();
      void effective.refetch();
    } catch (e) {
      setError(e as ApiError);
    }
    setBusy(false);
  };

  return (
    <Page title={arn} crumbs={[{ text: t.agents.title, href: `#/instances/${instance}/agents` }]}>
      <Ready of={loaded}>
        {() => (
          <SpaceBetween size="m">
            {dirty && <Unsaved fields={[t.users.profiles]} cameBack={cameBack} discard={discard} />}
            <Container
              header={
                <Header
                  variant="h2"
                  description={x.text}
                  actions={
                    <Button
                      variant="primary"
                      onClick={() => {
                        setError(null);
                        setMoved(false);
                        setReviewing(true);
                      }}
                      disabled={!dirty || !can("QConnectAIAgents.Edit")}
                      disabledReason={can("QConnectAIAgents.Edit") ? undefined : t.missing("QConnectAIAgents.Edit")}
                    >
                      {t.profile.review}
                    </Button>
                  }
                >
                  {t.users.profiles}
                </Header>
              }
            >
              <FormField stretch>
                <ProfilesPicker value={profiles} onChange={(to) => setChange(changeFrom(before, to))} label={t.users.profiles} disabled={!can("QConnectAIAgents.Edit")} />
              </FormField>
            </Container>
            <Ready of={effective}>{(data) => <EffectiveTable rows={data} />}</Ready>
            <Container header={<Header variant="h2">{t.history.title}</Header>}>
              <Events type="AIAgent" id={arn} />
            </Container>
          </SpaceBetween>
        )}
      </Ready>
      {reviewing && <Review before={before} after={profiles} moved={moved} busy={busy} error={error} save={() => void save()} close={() => setReviewing(false)} />}
      <Leaving blocker={blocker} leave={() => keep(null)} />
    </Page>
  );
}

/** How many profiles are read at most to compare what they grant. */
const compared = 20;

/** What profiles grant together. */
function together(profiles: Editable[]): Editable {
  return {
    ...empty(),
    Permissions: profiles.flatMap((p) => p.Permissions),
    Applications: profiles.flatMap((p) => p.Applications),
    AllowedFlowModules: profiles.flatMap((p) => p.AllowedFlowModules),
    AllowedAIAgents: profiles.flatMap((p) => p.AllowedAIAgents),
  };
}

function Review({ before, after, moved, busy, error, save, close }: { before: Named[]; after: Named[]; moved: boolean; busy: boolean; error: ApiError | null; save: () => void; close: () => void }) {
  const instance = useInstance();
  const names = (a: Named[], b: Named[]) => a.filter((p) => !b.some((o) => o.Id === p.Id)).map((p) => p.Name || t.hiddenProfile);
  const loaded = useQuery({
    queryKey: [instance, "grants", before, after],
    queryFn: async ({ signal }) => {
      const ids = [...new Set([...before, ...after].map((p) => p.Id))];
      if (ids.length > compared) return null;
      const all = await Promise.all(ids.map((id) => read(instance, "profile", { SecurityProfileId: id }, signal)));
      const of = (list: Named[]) => together(all.map((a) => a.Profile).filter((p) => list.some((o) => o.Id === p.SecurityProfileId)));
      return diff(of(before), of(after));
    },
  });
  return (
    <Modal
      visible
      size="large"
      header={t.review.title(t.agents.one)}
      onDismiss={close}
      closeAriaLabel={t.close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              {t.review.back}
            </Button>
            <Button variant="primary" loading={busy} disabled={names(before, after).length + names(after, before).length === 0} onClick={save}>
              {t.save}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {error && <Failed error={error} />}
        {moved && (
          <Alert type="warning" header={t.review.conflict(t.agents.one)}>
            {names(before, after).length + names(after, before).length > 0 ? x.moved : t.review.unchanged}
          </Alert>
        )}
        <Header variant="h2">{t.review.changes}</Header>
        <div>
          <Items sign="-" list={names(before, after)} />
          <Items sign="+" list={names(after, before)} />
        </div>
        <Header variant="h2" description={x.grantsText}>
          {x.grants}
        </Header>
        <Ready of={loaded}>{(diffs) => (diffs ? <Diff diffs={diffs} /> : <Box>{x.tooMany}</Box>)}</Ready>
      </SpaceBetween>
    </Modal>
  );
}
