import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { type ReactNode, useEffect, useState } from "react";
import { useParams, useSearchParams } from "react-router";
import { ApiError, ask, call, look, type Named, read, type Subject, type UserRow } from "../api";
import { useDraft } from "../drafts";
import { Blast } from "../parts/blast";
import { EffectiveTable } from "../parts/effective";
import { Events } from "../parts/events";
import { Failed } from "../parts/failed";
import { flat } from "../hierarchy";
import { Items } from "../parts/diff";
import { HierarchyPicker, useGroups } from "../parts/hierarchy-picker";
import { Page, Ready } from "../parts/page";
import { ProfilesPicker } from "../parts/pickers";
import { TagRows } from "../parts/rows";
import { groupPath, ProfileLinks, SubjectLink, TagList } from "../parts/show";
import { Leaving, Unsaved } from "../parts/unsaved";
import type { Tags } from "../profile";
import { useCan, useInstance, useLoad, useShared, useUnsaved } from "../state";
import { t } from "../texts";

const x = t.user;

interface ApiUser {
  Id: string;
  Arn: string;
  Username: string;
  IdentityInfo?: { FirstName?: string; LastName?: string; Email?: string };
  SecurityProfileIds: string[];
  HierarchyGroupId?: string;
  Tags?: Tags;
}

/** Only what is not saved: the rest is what the user has by then. */
interface Draft {
  profiles?: Named[];
  group?: string;
  tags?: Tags;
}

/** A user with the names of what it refers to. */
async function whole(instance: string, id: string, signal: AbortSignal): Promise<ApiUser & { row?: UserRow }> {
  const [{ User }, { Rows }] = await Promise.all([
    look<{ User: ApiUser }>("DescribeUser", { InstanceId: instance, UserId: id }, signal),
    read<{ Rows: UserRow[] }>(instance, "users", { UserId: id, Limit: 1 }, signal),
  ]);
  return { ...User, row: Rows[0] };
}

export default function User() {
  const { id } = useParams();
  const instance = useInstance();
  const loaded = useLoad((signal) => whole(instance, id!, signal), [instance, id]);
  const [first, setFirst] = useState<Awaited<ReturnType<typeof whole>> | null>(null);
  useEffect(() => {
    if (loaded.data) setFirst(loaded.data);
  }, [loaded.data]);
  if (!first || (first.Id !== id && loaded.loading))
    return (
      <Page title={t.users.one} crumbs={[{ text: t.users.title, href: `#/instances/${instance}/users` }]}>
        <Ready of={loaded}>{() => null}</Ready>
      </Page>
    );
  return <UserView key={first.Id} user={first} reload={loaded.reload} error={loaded.error} />;
}

function UserView({ user, reload, error }: { user: Awaited<ReturnType<typeof whole>>; reload: () => void; error?: ApiError }) {
  const instance = useInstance();
  const can = useCan();
  const [params, setParams] = useSearchParams();
  const names = user.row?.SecurityProfiles ?? user.SecurityProfileIds.map((Id) => ({ Id, Name: "" }));
  const { kept, keep } = useDraft<Draft>(user.Id);
  const [profiles, setProfiles] = useState<Named[]>(kept?.profiles ?? names);
  const [group, setGroup] = useState(kept?.group ?? user.HierarchyGroupId ?? "");
  const [tags, setTags] = useState<Tags>(kept?.tags ?? user.Tags ?? {});
  const [cameBack, setCameBack] = useState(kept?.time);
  const [problem, setProblem] = useState<string>();
  // Rows that are half typed are the control's own: discarding begins it anew.
  const [round, setRound] = useState(0);
  const [reviewing, setReviewing] = useState(false);
  const ids = profiles.map((p) => p.Id);
  const profilesDirty = [...ids].sort().join() !== [...user.SecurityProfileIds].sort().join();
  const groupDirty = group !== (user.HierarchyGroupId ?? "");
  const tagsDirty = JSON.stringify(Object.entries(tags).sort()) !== JSON.stringify(Object.entries(user.Tags ?? {}).sort());
  const dirty = profilesDirty || groupDirty || tagsDirty || !!problem;
  const blocker = useUnsaved(dirty);
  useEffect(() => {
    keep(dirty ? { ...(profilesDirty ? { profiles } : {}), ...(groupDirty ? { group } : {}), ...(tagsDirty ? { tags } : {}) } : null);
    if (!dirty) setCameBack(undefined);
  }, [keep, dirty, profilesDirty, groupDirty, tagsDirty, profiles, group, tags]);
  const discard = () => {
    setProfiles(names);
    setGroup(user.HierarchyGroupId ?? "");
    setTags(user.Tags ?? {});
    setProblem(undefined);
    setRound(round + 1);
    setCameBack(undefined);
  };
  const toEdit = () => setParams({ tab: "edit" }, { replace: true });
  const missing = (permission: string) => (can(permission) ? undefined : t.missing(permission));
  const effective = useLoad((signal) => ask<{ results: Parameters<typeof EffectiveTable>[0]["rows"] }>(instance, "effective", { subject: { type: "user", id: user.Id } }, signal), [instance, user]);
  const name = `${user.IdentityInfo?.FirstName ?? ""} ${user.IdentityInfo?.LastName ?? ""}`.trim();

  return (
    <Page
      title={user.Username}
      description={name}
      crumbs={[{ text: t.users.title, href: `#/instances/${instance}/users` }]}
      actions={<Button href={`#/instances/${instance}/explore/check?who=${user.Id}&name=${encodeURIComponent(user.Username)}`}>{x.check}</Button>}
    >
      {error && <Failed error={error} retry={reload} />}
      {dirty && (
        <Unsaved
          fields={[...(profilesDirty ? [t.users.profiles] : []), ...(tagsDirty ? [t.users.tags] : []), ...(groupDirty ? [t.users.group] : [])]}
          cameBack={cameBack}
          discard={discard}
          actions={params.get("tab") !== "edit" && <Button onClick={toEdit}>{x.toEdit}</Button>}
        />
      )}
      <Container>
        <KeyValuePairs
          columns={4}
          items={[
            { label: t.users.profiles, value: <ProfileLinks profiles={names} /> },
            { label: t.users.group, value: groupPath(user.row?.HierarchyGroup) },
            { label: t.users.tags, value: <TagList tags={user.Tags} /> },
            { label: x.email, value: user.IdentityInfo?.Email || "-" },
          ]}
        />
      </Container>
      <Tabs
        activeTabId={params.get("tab") ?? "effective"}
        onChange={(e) => setParams({ tab: e.detail.activeTabId }, { replace: true })}
        ariaLabel={x.label}
        tabs={[
          { id: "effective", label: x.effective, content: <Ready of={effective}>{(data) => <EffectiveTable rows={data.results} />}</Ready> },
          {
            id: "edit",
            label: x.edit,
            content: (
              <div className="columns">
                <Container
                  header={
                    <Header
                      variant="h2"
                      description={x.profilesText}
                      actions={
                        <Button variant="primary" onClick={() => setReviewing(true)} disabled={!profilesDirty || ids.length === 0 || !can("Users.EditPermission")} disabledReason={missing("Users.EditPermission")}>
                          {t.profile.review}
                        </Button>
                      }
                    >
                      {t.users.profiles}
                    </Header>
                  }
                >
                  <FormField stretch errorText={ids.length === 0 ? x.oneProfile : ids.length > 10 ? x.tenProfiles : undefined}>
                    <ProfilesPicker value={profiles} onChange={setProfiles} label={t.users.profiles} disabled={!can("Users.EditPermission")} />
                  </FormField>
                </Container>
                <Part
                  title={t.users.tags}
                  user={user}
                  after={{ tags, group: user.HierarchyGroupId ?? "" }}
                  dirty={tagsDirty && !problem}
                  refused={setProblem}
                  save={async () => {
                    const gone = Object.keys(user.Tags ?? {}).filter((k) => !(k in tags));
                    if (gone.length) await call("UntagResource", { resourceArn: user.Arn, tagKeys: gone });
                    const put = Object.fromEntries(Object.entries(tags).filter(([k, v]) => user.Tags?.[k] !== v));
                    if (Object.keys(put).length) await call("TagResource", { resourceArn: user.Arn, tags: put });
                  }}
                  done={reload}
                >
                  <FormField stretch errorText={problem}>
                    <TagRows
                      key={round}
                      value={tags}
                      max={50}
                      label={t.users.tags}
                      disabled={!can("Users.Edit")}
                      onChange={(v, p) => {
                        setTags(v);
                        setProblem(p);
                      }}
                    />
                  </FormField>
                </Part>
                <Part
                  title={t.users.group}
                  user={user}
                  after={{ tags: user.Tags ?? {}, group }}
                  dirty={groupDirty}
                  save={() => call("UpdateUserHierarchy", { InstanceId: instance, UserId: user.Id, ...(group ? { HierarchyGroupId: group } : {}) })}
                  done={reload}
                >
                  <HierarchyPicker value={group} onChange={setGroup} none={x.noGroup} label={t.users.group} disabled={!can("Users.Edit")} />
                </Part>
              </div>
            ),
          },
          { id: "history", label: t.history.title, content: <Events type="User" id={user.Id} /> },
        ]}
      />
      {reviewing && (
        <ReviewProfiles
          user={user}
          before={names}
          after={profiles}
          close={(saved) => {
            setReviewing(false);
            if (saved) reload();
          }}
        />
      )}
      <Leaving blocker={blocker} leave={() => keep(null)} />
    </Page>
  );
}

interface Target {
  tags: Tags;
  group: string;
}

/** A part of the user by which others reach them, or not: reviewed before it is saved. */
function Part({ title, user, after, dirty, save, done, refused, children }: { title: string; user: ApiUser; after: Target; dirty: boolean; save: () => Promise<unknown>; done: () => void; refused?: (why: string) => void; children: ReactNode }) {
  const can = useCan();
  const [reviewing, setReviewing] = useState(false);
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <Button
              onClick={() => setReviewing(true)}
              disabled={!dirty || !can("Users.Edit")}
              disabledReason={can("Users.Edit") ? undefined : t.missing("Users.Edit")}
              ariaLabel={x.reviewOf(title)}
            >
              {t.profile.review}
            </Button>
          }
        >
          {title}
        </Header>
      }
    >
      {children}
      {reviewing && (
        <ReviewTarget
          title={title}
          user={user}
          after={after}
          save={save}
          refused={refused}
          close={(saved) => {
            setReviewing(false);
            if (saved) done();
          }}
        />
      )}
    </Container>
  );
}

interface Found {
  results: Subject[];
  page: { next_token: string };
}

/** Who can see the user now and who could with other tags and another group; the first 1,000 of each. */
async function watchers(instance: string, id: string, target: Target | null, signal: AbortSignal) {
  const resource = target ? { type: "User", id: "after", properties: { new: true, tags: target.tags, ...(target.group ? { hierarchy_group: target.group } : {}) } } : { type: "User", id };
  const all: Subject[] = [];
  let token = "";
  do {
    const page = await ask<Found>(instance, "who-can", { subject: { type: "user" }, action: { name: "Users.View" }, resource, page: { limit: 200, ...(token ? { token } : {}) } }, signal);
    all.push(...page.results);
    token = page.page.next_token;
  } while (token && all.length < 1000);
  return { all, more: token !== "" };
}

function ReviewTarget({ title, user, after, save, refused, close }: { title: string; user: ApiUser; after: Target; save: () => Promise<unknown>; refused?: (why: string) => void; close: (saved: boolean) => void }) {
  const instance = useInstance();
  const { notify } = useShared();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const before = user.Tags ?? {};
  const line = (k: string, v: string) => (v === "" ? k : `${k} = ${v}`);
  const removed = Object.entries(before).filter(([k, v]) => after.tags[k] !== v);
  const added = Object.entries(after.tags).filter(([k, v]) => before[k] !== v);
  const groups = useGroups(after.group !== (user.HierarchyGroupId ?? ""));
  const nameOf = (id: string) => flat(groups.data?.roots ?? []).find((g) => g.id === id)?.path.join(" / ") ?? id;
  const loaded = useLoad(async (signal) => {
    const [now, then] = await Promise.all([watchers(instance, user.Id, null, signal), watchers(instance, user.Id, after, signal)]);
    if (now.more || then.more) return null; // who is missing from half a list says nothing
    const had = new Set(now.all.map((s) => s.id));
    const will = new Set(then.all.map((s) => s.id));
    return { gain: then.all.filter((s) => !had.has(s.id)), lose: now.all.filter((s) => !will.has(s.id)), stay: now.all.filter((s) => will.has(s.id)).length };
  }, [instance, user, JSON.stringify(after)]);

  const run = async () => {
    setBusy(true);
    setError(null);
    try {
      await save();
      notify({ type: "success", header: x.saved(title) });
      close(true);
    } catch (e) {
      setError(e as ApiError);
      if ((e as ApiError).status === 400) refused?.((e as ApiError).message); // it stands beside the field too
      setBusy(false);
    }
  };
  return (
    <Modal
      visible
      size="large"
      header={t.review.title(user.Username)}
      onDismiss={() => close(false)}
      closeAriaLabel={t.close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={() => close(false)}>
              {t.review.back}
            </Button>
            <Button variant="primary" loading={busy} onClick={() => void run()}>
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
          <Items sign="-" list={removed.map(([k, v]) => line(k, v))} />
          <Items sign="+" list={added.map(([k, v]) => line(k, v))} />
          {after.group !== (user.HierarchyGroupId ?? "") && (
            <>
              <Items sign="-" list={user.HierarchyGroupId ? [nameOf(user.HierarchyGroupId)] : []} />
              <Items sign="+" list={[after.group ? nameOf(after.group) : x.noGroup]} />
            </>
          )}
        </div>
        <Header variant="h2" description={x.watchersText}>
          {x.watchers(user.Username)}
        </Header>
        <Ready of={loaded}>
          {(data) =>
            data === null ? (
              <Box>{x.tooMany}</Box>
            ) : (
            <SpaceBetween size="xs">
              {data.gain.map((s) => (
                <div key={s.id} className="added">
                  + <SubjectLink type={s.type} id={s.id} name={s.properties?.name} /> {x.willSee(s.properties?.profile_name ?? "")}
                </div>
              ))}
              {data.lose.map((s) => (
                <div key={s.id} className="removed">
                  {"\u2212"} <SubjectLink type={s.type} id={s.id} name={s.properties?.name} /> {x.willNotSee}
                </div>
              ))}
              <Box color="text-body-secondary">{x.stay(data.stay)}</Box>
            </SpaceBetween>
            )
          }
        </Ready>
      </SpaceBetween>
    </Modal>
  );
}

function ReviewProfiles({ user, before, after, close }: { user: ApiUser; before: Named[]; after: Named[]; close: (saved: boolean) => void }) {
  const instance = useInstance();
  const { notify, refresh } = useShared();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const parameters = { InstanceId: instance, UserId: user.Id, SecurityProfileIds: after.map((p) => p.Id) };
  const added = after.filter((p) => !before.some((o) => o.Id === p.Id));
  const removed = before.filter((p) => !after.some((o) => o.Id === p.Id));
  const save = async () => {
    setBusy(true);
    setError(null);
    try {
      await call("UpdateUserSecurityProfiles", parameters);
      notify({ type: "success", header: x.saved(t.users.profiles) });
      refresh();
      close(true);
    } catch (e) {
      setError(e as ApiError);
    }
    setBusy(false);
  };
  return (
    <Modal
      visible
      size="large"
      header={t.review.title(user.Username)}
      onDismiss={() => close(false)}
      closeAriaLabel={t.close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={() => close(false)}>
              {t.review.back}
            </Button>
            <Button variant="primary" loading={busy} onClick={() => void save()}>
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
          {removed.map((p) => (
            <div key={p.Id} className="removed">
              {"\u2212"} {p.Name || p.Id}
            </div>
          ))}
          {added.map((p) => (
            <div key={p.Id} className="added">
              + {p.Name || p.Id}
            </div>
          ))}
        </div>
        <Header variant="h2">{t.review.affected}</Header>
        <Blast operation="UpdateUserSecurityProfiles" parameters={parameters} />
      </SpaceBetween>
    </Modal>
  );
}
