import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useState } from "react";
import { useParams } from "react-router";
import { type AgentRow, type ApiError, ask, call, type Named, type ProfileAnswer, read, searchable } from "../api";
import { useDraft } from "../drafts";
import { Diff, Items } from "../parts/diff";
import { EffectiveTable } from "../parts/effective";
import { Events } from "../parts/events";
import { Failed } from "../parts/failed";
import { Page, Ready } from "../parts/page";
import { ProfilesPicker } from "../parts/pickers";
import { Leaving, Unsaved } from "../parts/unsaved";
import { diff, type Editable, empty } from "../profile";
import { useCan, useInstance, useLoad, useShared, useUnsaved } from "../state";
import { t } from "../texts";

const x = t.agent;

export default function Agent() {
  const { arn } = useParams();
  return <View key={arn} arn={arn!} />;
}

function View({ arn }: { arn: string }) {
  const instance = useInstance();
  const can = useCan();
  const { notify } = useShared();
  const loaded = useLoad(
    async (signal) => {
      // The end of the ARN is what tells agents apart.
      const { Rows } = await read<{ Rows: AgentRow[] }>(instance, "agents", { ...searchable(arn.slice(-25)), Limit: 100 }, signal);
      return Rows.find((a) => a.Arn === arn)?.SecurityProfiles ?? [];
    },
    [instance, arn],
  );
  const before = loaded.data ?? [];
  const { kept, keep } = useDraft<{ profiles: Named[] }>(arn);
  const [chosen, setChosen] = useState<Named[] | null>(kept?.profiles ?? null);
  const [cameBack, setCameBack] = useState(kept?.time);
  const profiles = chosen ?? before;
  const [reviewing, setReviewing] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const added = profiles.filter((p) => !before.some((o) => o.Id === p.Id));
  const removed = before.filter((p) => !profiles.some((o) => o.Id === p.Id));
  const dirty = !!loaded.data && added.length + removed.length > 0;
  const blocker = useUnsaved(dirty);
  useEffect(() => {
    if (!loaded.data) return;
    keep(dirty ? { profiles } : null);
    if (!dirty) setCameBack(undefined);
  }, [keep, loaded.data, dirty, profiles]);
  const discard = () => {
    setChosen(null);
    setCameBack(undefined);
  };
  const effective = useLoad((signal) => ask<{ results: Parameters<typeof EffectiveTable>[0]["rows"] }>(instance, "effective", { subject: { type: "ai_agent", id: arn } }, signal), [instance, arn, loaded.data]);

  const save = async () => {
    setBusy(true);
    setError(null);
    const entity = { InstanceId: instance, EntityType: "AI_AGENT", EntityArn: arn };
    try {
      // What comes first, so that the agent is not without in between.
      for (let i = 0; i < added.length; i += 10) await call("AssociateSecurityProfiles", { ...entity, SecurityProfiles: added.slice(i, i + 10).map(({ Id }) => ({ Id })) });
      for (let i = 0; i < removed.length; i += 10) await call("DisassociateSecurityProfiles", { ...entity, SecurityProfiles: removed.slice(i, i + 10).map(({ Id }) => ({ Id })) });
      notify({ type: "success", header: t.user.saved(t.users.profiles) });
      setReviewing(false);
      loaded.reload();
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
                <ProfilesPicker value={profiles} onChange={setChosen} label={t.users.profiles} disabled={!can("QConnectAIAgents.Edit")} />
              </FormField>
            </Container>
            <Ready of={effective}>{(data) => <EffectiveTable rows={data.results} />}</Ready>
            <Container header={<Header variant="h2">{t.history.title}</Header>}>
              <Events type="AIAgent" id={arn} />
            </Container>
          </SpaceBetween>
        )}
      </Ready>
      {reviewing && <Review before={before} after={profiles} busy={busy} error={error} save={() => void save()} close={() => setReviewing(false)} />}
      <Leaving blocker={blocker} leave={() => keep(null)} />
    </Page>
  );
}

/** More profiles than these are not read to compare what they grant. */
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

function Review({ before, after, busy, error, save, close }: { before: Named[]; after: Named[]; busy: boolean; error: ApiError | null; save: () => void; close: () => void }) {
  const instance = useInstance();
  const names = (a: Named[], b: Named[]) => a.filter((p) => !b.some((o) => o.Id === p.Id)).map((p) => p.Name || p.Id);
  const loaded = useLoad(
    async (signal) => {
      const ids = [...new Set([...before, ...after].map((p) => p.Id))];
      if (ids.length > compared) return null;
      const all = await Promise.all(ids.map((id) => read<ProfileAnswer>(instance, "profile", { SecurityProfileId: id }, signal)));
      const of = (list: Named[]) => together(all.map((a) => a.Profile).filter((p) => list.some((o) => o.Id === p.SecurityProfileId)));
      return diff(of(before), of(after));
    },
    [instance],
  );
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
            <Button variant="primary" loading={busy} onClick={save}>
              {t.save}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {error && <Failed error={error} />}
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
