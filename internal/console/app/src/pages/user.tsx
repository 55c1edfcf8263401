import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useParams, useSearchParams } from "react-router";
import type { HistoryEvent, UserRow } from "../answers_gen";
import { type ApiError, ask, call, grantedBy, lookTagged, read } from "../api";
import type { Allowed, WhoCan } from "../questions_gen";
import { useDraft } from "../drafts";
import { Blast } from "../parts/blast";
import { ConflictModal } from "../parts/conflict";
import { EffectiveTable } from "../parts/effective";
import { Events } from "../parts/events";
import { Failed } from "../parts/failed";
import { flat } from "../hierarchy";
import { Items } from "../parts/diff";
import { HierarchyPicker } from "../parts/hierarchy-picker";
import { MirrorNote } from "../parts/mirror";
import { focusHeadingSoon, Page, Ready } from "../parts/page";
import { ProfilesPicker } from "../parts/pickers";
import { TagRows } from "../parts/rows";
import { groupPath, ProfileLinks, SubjectLink, TagList } from "../parts/show";
import { Leaving, Unsaved } from "../parts/unsaved";
import type { Tags } from "../profile";
import { useEffective, useGroups } from "../query";
import { useCan, useInstance, useShared, useUnsaved } from "../state";
import { saveTags, tagged } from "../tags";
import { t } from "../texts";
import type { Operations } from "../operations";
import { itemsOf, mergeUser, type Part, parts, samePart, sameUser, takeMine, type UserState } from "../user";

const x = t.user;

/** Only what is not saved, and what it is based on. Everything else is read again. */
interface Draft extends Partial<UserState> {
  base: Partial<UserState>;
  etag: string;
}

type ApiUser = NonNullable<Operations["DescribeUser"][1]["User"]>;

interface Whole extends ApiUser {
  Id: string;
  Arn: string;
  Username: string;
  SecurityProfileIds: string[];
  etag: string;
  row?: UserRow;
}

/** Reads a user, with the names of what it refers to. */
async function whole(instance: string, id: string, signal?: AbortSignal): Promise<Whole> {
  const [{ data, etag }, { Rows }] = await Promise.all([
    lookTagged("DescribeUser", { InstanceId: instance, UserId: id }, signal),
    read(instance, "users", { UserId: id, Limit: 1 }, signal),
  ]);
  return { Id: id, Arn: "", Username: "", SecurityProfileIds: [], ...data.User, etag, row: Rows[0] };
}

const stateOf = (user: Whole): UserState => ({
  profiles: user.SecurityProfileIds.map((Id) => ({ Id, Name: user.row?.SecurityProfiles.find((p) => p.Id === Id)?.Name ?? "" })),
  group: user.HierarchyGroupId ?? "",
  tags: user.Tags ?? {},
});

/** The last change of the user, if the viewer may view it. */
async function lastChange(instance: string, id: string): Promise<HistoryEvent | undefined> {
  return read(instance, "history", { Type: "User", Id: id, Limit: 1 }).then(
    (h) => h.Events[0],
    () => undefined,
  );
}

export default function User() {
  const { id } = useParams();
  const instance = useInstance();
  const loaded = useQuery({ queryKey: [instance, "user", id], queryFn: ({ signal }) => whole(instance, id!, signal) });
  const user = loaded.data;
  if (!user || loaded.isPlaceholderData)
    return (
      <Page title={t.users.one} crumbs={[{ text: t.users.title, href: `#/instances/${instance}/users` }]}>
        <Ready of={loaded}>{() => null}</Ready>
      </Page>
    );
  return <UserView key={user.Id} user={user} reload={() => void loaded.refetch()} error={loaded.error} />;
}

const labels: Record<Part, string> = { profiles: t.users.profiles, tags: t.users.tags, group: t.users.group };

function UserView({ user, reload: reloadUser, error }: { user: Whole; reload: () => void; error: ApiError | null }) {
  const instance = useInstance();
  const can = useCan();
  const [params, setParams] = useSearchParams();
  const now = stateOf(user);
  const { kept, keep } = useDraft<Draft>(user.Id, user.Username);
  // What the changes are based on, and its entity tag: another user may save in the meantime.
  const [base, setBase] = useState<UserState>({ ...now, ...kept?.base });
  const [value, setValue] = useState<UserState>(() => ({ ...now, ...(kept && Object.fromEntries(parts.filter((p) => kept[p]).map((p) => [p, kept[p]]))) }));
  const [etag, setEtag] = useState(kept && !parts.every((p) => !kept.base?.[p] || samePart(p, { ...now, ...kept.base }, now)) ? kept.etag : user.etag);
  const [cameBack, setCameBack] = useState(kept?.time);
  const [problem, setProblem] = useState<string>();
  // The control itself keeps half-typed rows, so discarding remounts it.
  const [round, setRound] = useState(0);
  const [reviewing, setReviewing] = useState<Part | null>(null);
  const [conflict, setConflict] = useState<{ current: Whole; last?: HistoryEvent } | null>(null);
  const changed = parts.filter((p) => !samePart(p, base, value));
  const isDirty = (part: Part) => changed.includes(part);
  const dirty = changed.length > 0 || !!problem;
  const blocker = useUnsaved(dirty);
  const ids = value.profiles.map((p) => p.Id);
  const set = (part: Partial<UserState>) => setValue((v) => ({ ...v, ...part }));
  const pick = (of: UserState) => Object.fromEntries(changed.map((p) => [p, of[p]]));
  useEffect(() => {
    keep(changed.length ? { ...pick(value), base: pick(base), etag } : null);
    if (!dirty) setCameBack(undefined);
  }, [keep, dirty, base, value, etag]);
  // Unchanged parts follow the newest version. Changed parts keep their base, so that saving detects the conflict.
  useEffect(() => {
    const follow = (of: UserState) => ({ ...now, ...Object.fromEntries(changed.map((p) => [p, of[p]])) }) as UserState;
    if (changed.every((p) => samePart(p, base, now))) setEtag(user.etag);
    setBase(follow);
    setValue(follow);
  }, [user]);
  const discard = () => {
    setBase(now);
    setValue(now);
    setEtag(user.etag);
    setProblem(undefined);
    setRound(round + 1);
    setCameBack(undefined);
  };
  const toEdit = () => setParams({ tab: "edit" }, { replace: true });
  const missing = (permission: string) => (can(permission) ? undefined : t.missing(permission));
  const effective = useEffective({ type: "user", id: user.Id });
  const reload = () => {
    reloadUser();
    void effective.refetch();
  };
  const name = `${user.IdentityInfo?.FirstName ?? ""} ${user.IdentityInfo?.LastName ?? ""}`.trim();

  /** Saves one part if the user is still as reviewed; reports whether it did. */
  const save = async (part: Part): Promise<boolean> => {
    for (let match = etag; ; ) {
      try {
        const step = (left: string, tags: Tags) => {
          setEtag(left);
          setBase((b) => ({ ...b, tags }));
        };
        setEtag(await savers[part](instance, user, base, value, match, step));
        setBase((b) => ({ ...b, [part]: value[part] }));
        setReviewing(null);
        reload();
        return true;
      } catch (e) {
        if ((e as ApiError).status !== 412) throw e;
        const current = await whole(instance, user.Id);
        // Something that this page does not show has changed, so nothing would be overwritten.
        if (current.etag !== match && sameUser(stateOf(current), base)) {
          match = current.etag;
          continue;
        }
        setConflict({ current, last: await lastChange(instance, user.Id) });
        return false;
      }
    }
  };
  const settle = (v: UserState) => {
    if (!conflict) return;
    const theirs = stateOf(conflict.current);
    setBase(theirs);
    setValue(v);
    setEtag(conflict.current.etag);
    setConflict(null);
    setRound(round + 1);
    if (reviewing && samePart(reviewing, theirs, v)) setReviewing(null);
    reload();
  };

  const header = (part: Part, permission: string, description?: string) => (
    <Header
      variant="h2"
      description={description}
      actions={
        <Button
          variant={part === "profiles" ? "primary" : "normal"}
          onClick={() => setReviewing(part)}
          disabled={!isDirty(part) || (part === "profiles" && ids.length === 0) || (part === "tags" && !!problem) || !can(permission)}
          disabledReason={missing(permission)}
          ariaLabel={part === "profiles" ? undefined : x.reviewOf(labels[part])}
        >
          {t.profile.review}
        </Button>
      }
    >
      {labels[part]}
    </Header>
  );

  return (
    <Page
      title={user.Username}
      description={name}
      crumbs={[{ text: t.users.title, href: `#/instances/${instance}/users` }]}
      actions={<Button href={`#/instances/${instance}/explore/check?who=${user.Id}&name=${encodeURIComponent(user.Username)}`}>{x.check}</Button>}
    >
      <MirrorNote />
      {error && <Failed error={error} retry={reload} />}
      {dirty && (
        <Unsaved fields={changed.map((p) => labels[p])} cameBack={cameBack} discard={discard} actions={params.get("tab") !== "edit" && <Button onClick={toEdit}>{x.toEdit}</Button>} />
      )}
      <Container>
        <KeyValuePairs
          columns={4}
          items={[
            { label: t.users.profiles, value: <ProfileLinks profiles={now.profiles} /> },
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
          { id: "effective", label: x.effective, content: <Ready of={effective}>{(data) => <EffectiveTable rows={data} />}</Ready> },
          {
            id: "edit",
            label: x.edit,
            content: (
              <div className="columns">
                <Container header={header("profiles", "Users.EditPermission", x.profilesText)}>
                  <FormField stretch errorText={ids.length === 0 ? x.oneProfile : ids.length > 10 ? x.tenProfiles : undefined}>
                    <ProfilesPicker value={value.profiles} onChange={(profiles) => set({ profiles })} label={t.users.profiles} disabled={!can("Users.EditPermission")} />
                  </FormField>
                </Container>
                <Container header={header("tags", "Users.Edit")}>
                  <FormField stretch errorText={problem}>
                    <TagRows
                      key={round}
                      value={value.tags}
                      max={50}
                      label={t.users.tags}
                      disabled={!can("Users.Edit")}
                      onChange={(tags, p) => {
                        set({ tags });
                        setProblem(p);
                      }}
                    />
                  </FormField>
                </Container>
                <Container header={header("group", "Users.Edit")}>
                  <HierarchyPicker value={value.group} onChange={(group) => set({ group })} current={now.group} none={x.noGroup} label={t.users.group} disabled={!can("Users.Edit")} />
                </Container>
              </div>
            ),
          },
          { id: "history", label: t.history.title, content: <Events type="User" id={user.Id} key={user.etag} /> },
        ]}
      />
      {conflict ? (
        <UserConflict base={base} mine={value} conflict={conflict} close={() => setConflict(null)} settle={settle} />
      ) : (
        reviewing && <ReviewPart part={reviewing} user={user} base={base} value={value} save={save} refused={reviewing === "tags" ? setProblem : undefined} close={() => setReviewing(null)} />
      )}
      <Leaving blocker={blocker} leave={() => keep(null)} />
    </Page>
  );
}

type Saver = (instance: string, user: Whole, base: UserState, value: UserState, match: string, step: (match: string, tags: Tags) => void) => Promise<string>;

/** How each part is saved over the version with an entity tag; returns the new entity tag. */
const savers: Record<Part, Saver> = {
  profiles: async (instance, user, _base, value, match) =>
    tagged(await call("UpdateUserSecurityProfiles", { InstanceId: instance, UserId: user.Id, SecurityProfileIds: value.profiles.map((p) => p.Id) }, { "If-Match": match }), match),
  group: async (instance, user, _base, { group }, match) =>
    tagged(await call("UpdateUserHierarchy", { InstanceId: instance, UserId: user.Id, ...(group ? { HierarchyGroupId: group } : {}) }, { "If-Match": match }), match),
  tags: (_instance, user, base, value, match, step) => saveTags(user.Arn, base.tags, value.tags, match, step),
};

/** Shows what a change of one part does to the user and to those who can see the user, and saves it. */
function ReviewPart({ part, user, base, value, save, refused, close }: { part: Part; user: Whole; base: UserState; value: UserState; save: (part: Part) => Promise<boolean>; refused?: (why: string) => void; close: () => void }) {
  const instance = useInstance();
  const { notify, refresh } = useShared();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const run = async () => {
    setBusy(true);
    setError(null);
    try {
      if (await save(part)) {
        notify({ type: "success", header: x.saved(labels[part]) });
        focusHeadingSoon();
        if (part === "profiles") refresh();
      }
    } catch (e) {
      setError(e as ApiError);
      if ((e as ApiError).status === 400) refused?.((e as ApiError).message); // it is shown at the field too
    }
    setBusy(false);
  };
  return (
    <Modal
      visible
      size="large"
      header={t.review.title(user.Username)}
      onDismiss={close}
      closeAriaLabel={t.close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
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
        <Differences parts={[part]} base={base} value={value} />
        {part === "profiles" ? (
          <>
            <Header variant="h2">{t.review.affected}</Header>
            <Blast operation="UpdateUserSecurityProfiles" parameters={{ InstanceId: instance, UserId: user.Id, SecurityProfileIds: value.profiles.map((p) => p.Id) }} />
          </>
        ) : (
          <Watchers user={user} after={{ ...base, [part]: value[part] }} />
        )}
      </SpaceBetween>
    </Modal>
  );
}

/** What is added and removed, by part. */
function Differences({ parts, base, value }: { parts: Part[]; base: UserState; value: UserState }) {
  const groups = useGroups(base.group !== value.group);
  const names = [...base.profiles, ...value.profiles];
  const groupName = (id: string) => flat(groups.data?.roots ?? []).find((g) => g.id === id)?.path.join(" / ") ?? id;
  const line = (part: Part, key: string, v: string) =>
    part === "profiles" ? names.find((p) => p.Id === key)?.Name || t.hiddenProfile : part === "tags" ? (v === "" ? key : `${key} = ${v}`) : groupName(v);
  return (
    <div>
      {parts.map((part) => {
        const [before, after] = [itemsOf(part, base), itemsOf(part, value)];
        const removed = [...before].filter(([k, v]) => after.get(k) !== v);
        const added = [...after].filter(([k, v]) => before.get(k) !== v);
        return (
          <div key={part} data-field={part}>
            <Items sign="-" list={removed.map(([k, v]) => line(part, k, v))} />
            <Items sign="+" list={added.map(([k, v]) => line(part, k, v))} />
            {part === "group" && removed.length > 0 && added.length === 0 && <Items sign="+" list={[x.noGroup]} />}
          </div>
        );
      })}
    </div>
  );
}

function UserConflict({ base, mine, conflict, close, settle }: { base: UserState; mine: UserState; conflict: { current: Whole; last?: HistoryEvent }; close: () => void; settle: (v: UserState) => void }) {
  const theirs = stateOf(conflict.current);
  const { merged, clashes } = mergeUser(base, mine, theirs);
  const groups = useGroups(clashes.some((c) => c.part === "group"));
  const shown = (part: Part, v?: string) => (v === undefined ? t.review.nothingThere : part === "group" ? flat(groups.data?.roots ?? []).find((g) => g.id === v)?.path.join(" / ") ?? v : v);
  return (
    <ConflictModal
      header={t.review.conflict(t.users.one)}
      by={conflict.last?.By}
      time={conflict.last?.Time}
      theirs={<Differences parts={parts} base={base} value={theirs} />}
      mine={<Differences parts={parts} base={base} value={mine} />}
      clashes={clashes.map((c) => ({
        kind: c.part,
        label: c.key ? `${labels[c.part]}: ${c.key}` : labels[c.part],
        mine: shown(c.part, c.mine),
        theirs: shown(c.part, c.theirs),
        base: shown(c.part, c.base),
      }))}
      close={close}
      drop={() => settle(theirs)}
      merge={(sides) => settle(clashes.reduce((v, c, i) => (sides[i] === "mine" ? takeMine(v, c) : v), merged))}
    />
  );
}

/** Who can see the user, now or with other tags and another group; the first 1,000. */
async function watchers(instance: string, id: string, target: UserState | null, signal: AbortSignal) {
  const resource = target ? { type: "User", id: "after", properties: { new: true, tags: target.tags, ...(target.group ? { hierarchy_group: target.group } : {}) } } : { type: "User", id };
  const all: Allowed[] = [];
  const names: Record<string, string> = {};
  let token = "";
  do {
    const page: WhoCan = await ask(instance, "who-can", { subject: { type: "user" }, action: { name: "Users.View" }, resource, page: { limit: 200, ...(token ? { token } : {}) } }, signal);
    all.push(...page.results);
    Object.assign(names, page.context.profiles);
    token = page.page.next_token;
  } while (token && all.length < 1000);
  return { all, names, more: token !== "" };
}

/** Who can see the user only after the change, and who no longer can. */
function Watchers({ user, after }: { user: Whole; after: UserState }) {
  const instance = useInstance();
  const load = async (signal: AbortSignal) => {
    const [now, then] = await Promise.all([watchers(instance, user.Id, null, signal), watchers(instance, user.Id, after, signal)]);
    if (now.more || then.more) return null; // incomplete lists cannot be compared
    const had = new Set(now.all.map((s) => s.id));
    const will = new Set(then.all.map((s) => s.id));
    return { names: then.names, gain: then.all.filter((s) => !had.has(s.id)), lose: now.all.filter((s) => !will.has(s.id)), stay: now.all.filter((s) => will.has(s.id)).length };
  };
  const loaded = useQuery({ queryKey: [instance, "watchers", user.Id, after.tags, after.group], queryFn: ({ signal }) => load(signal) });
  return (
    <>
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
                  + <SubjectLink type={s.type} id={s.id} name={s.properties?.name} /> {x.willSee(grantedBy(s, data.names).profiles.map((p) => p.Name || t.hiddenProfile).join(", "))}
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
    </>
  );
}
