import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useMemo, useRef, useState } from "react";
import { useNavigate, useParams, useSearchParams } from "react-router";
import type { ProfileAnswer } from "../answers_gen";
import { ApiError, read } from "../api";
import { useDraft } from "../drafts";
import { useNames } from "../names";
import { DeleteProfiles } from "../parts/delete-profiles";
import { Editor, type Problems, tabFor } from "../parts/editor";
import { Failed } from "../parts/failed";
import { Events } from "../parts/events";
import { Holders } from "../parts/holders";
import { MirrorNote } from "../parts/mirror";
import { focusHeadingSoon, Page, Ready } from "../parts/page";
import { Review } from "../parts/review";
import { TagRows } from "../parts/rows";
import { FlashLink, number, When, Who } from "../parts/show";
import { Leaving, Unsaved } from "../parts/unsaved";
import { diff, type Editable, editable, fieldOf, same, type Tags } from "../profile";
import { useProfile } from "../query";
import { useCan, useInstance, useShared, useUnsaved } from "../state";
import { mergeTags, sameTags, saveTags } from "../tags";
import { t } from "../texts";

const x = t.profile;

interface Draft {
  /** What the draft is based on, and its entity tag: another user may save in the meantime. */
  base: Editable;
  etag: string;
  value: Editable;
  tags?: Tags;
  savedTags?: Tags;
}

export default function ProfilePage() {
  const { id } = useParams();
  const instance = useInstance();
  return <Loader key={`${instance} ${id}`} id={id!} />;
}

function Loader({ id }: { id: string }) {
  const instance = useInstance();
  const loaded = useProfile(id);
  // If a refresh fails, the page keeps its data, because it has unsaved changes.
  const [first, setFirst] = useState<ProfileAnswer | null>(null);
  useEffect(() => {
    if (loaded.data && !first) setFirst(loaded.data);
  }, [loaded.data, first]);
  if (!first)
    return (
      <Page title={t.profiles.one} crumbs={[{ text: t.profiles.title, href: `#/instances/${instance}/profiles` }]}>
        <Ready of={loaded}>{() => null}</Ready>
      </Page>
    );
  return <ProfileEditor first={first} latest={loaded.data ?? first} reload={() => void loaded.refetch()} error={loaded.error} />;
}

function ProfileEditor({ first, latest, reload, error }: { first: ProfileAnswer; latest: ProfileAnswer; reload: () => void; error: ApiError | null }) {
  const instance = useInstance();
  const can = useCan();
  const navigate = useNavigate();
  const { notify, refresh } = useShared();
  const [params, setParams] = useSearchParams();
  const profile = first.Profile;
  const id = profile.SecurityProfileId;

  const { kept, keep } = useDraft<Draft>(id, profile.SecurityProfileName);
  const [base, setBase] = useState<Editable>(kept?.base ?? editable(profile));
  const [etag, setEtag] = useState(kept?.etag ?? first.ETag);
  const [value, setValue] = useState<Editable>(kept?.value ?? base);
  const [cameBack, setCameBack] = useState(kept?.time);
  const [tags, setTags] = useState<Tags>(kept?.tags ?? profile.Tags ?? {});
  const [savedTags, setSavedTags] = useState<Tags>(kept?.savedTags ?? profile.Tags ?? {});
  const [problems, setProblems] = useState<Problems>({});
  // The editor itself keeps half-typed rows, so discarding remounts it.
  const [round, setRound] = useState(0);
  const [reviewing, setReviewing] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const [tagError, setTagError] = useState<ApiError | null>(null);
  const [restoreError, setRestoreError] = useState<ApiError | null>(null);
  const [savingTags, setSavingTags] = useState(false);

  const diffs = useMemo(() => diff(base, value), [base, value]);
  const dirty = diffs.length > 0 || Object.values(problems).some(Boolean);
  const tagsDirty = !sameTags(tags, savedTags);
  const blocker = useUnsaved(dirty || tagsDirty);
  const nameOf = useNames(base, value);
  const mayEdit = can("SecurityProfiles.Edit");

  useEffect(() => {
    keep(diffs.length > 0 || tagsDirty ? { base, etag, value, ...(tagsDirty ? { tags, savedTags } : {}) } : null);
    if (diffs.length === 0 && !tagsDirty) setCameBack(undefined);
  }, [keep, base, etag, value, diffs.length, tags, savedTags, tagsDirty]);

  // An earlier version is proposed as a change like any other.
  const restore = params.get("restore");
  const restored = useRef("");
  useEffect(() => {
    if (!restore || restored.current === restore) return;
    restored.current = restore;
    read(instance, "history/state", { Type: "SecurityProfile", Id: id, Revision: Number(restore) }).then(
      (s) => {
        if (s.Profile) setValue(editable(s.Profile));
        setParams({}, { replace: true });
        notify({ type: "info", header: x.restored(restore), content: x.restoredText });
      },
      (e) => setRestoreError(e as ApiError),
    );
  }, [restore, instance, id]);

  // Without unsaved changes the page shows the newest version. With them it ignores changes of tags only.
  useEffect(() => {
    if (latest === first) return;
    const now = editable(latest.Profile);
    if (same(now, base)) setEtag(latest.ETag);
    if (dirty) return;
    setBase(now);
    setValue(now);
    setEtag(latest.ETag);
    if (!tagsDirty) {
      setTags(latest.Profile.Tags ?? {});
      setSavedTags(latest.Profile.Tags ?? {});
    }
  }, [latest]);

  const tab = params.get("tab") ?? "permissions";
  const onTab = (to: string) => setParams(to === "permissions" ? {} : { tab: to }, { replace: true });
  const onProblem = (field: string, problem: string | undefined) => setProblems((all) => (all[field] === problem ? all : { ...all, [field]: problem }));
  const refused = (e: ApiError) => {
    const found = (e.body.Members ?? []).map(fieldOf);
    setProblems((all) => ({ ...all, ...Object.fromEntries(found.map((f) => [f, e.message])) }));
    if (found.length) onTab(tabFor(found[0]));
  };
  const typing = Object.entries(problems).filter(([, p]) => p);
  const review = () => {
    if (typing.length) {
      onTab(tabFor(typing[0][0]));
      notify({ type: "error", header: x.notYet, content: typing.map(([f, p]) => `${(t.fields as Record<string, string>)[f] ?? f}: ${p}`).join(" ") });
    } else setReviewing(true);
  };
  const discard = () => {
    setValue(base);
    setTags(latest.Profile.Tags ?? {});
    setSavedTags(latest.Profile.Tags ?? {});
    setProblems({});
    setRound(round + 1);
    setCameBack(undefined);
    reload();
  };
  const putTags = async () => {
    setSavingTags(true);
    setTagError(null);
    try {
      for (let now = latest; ; now = await read(instance, "profile", { SecurityProfileId: id })) {
        const theirs = now.Profile.Tags ?? {};
        if (!sameTags(theirs, savedTags)) {
          // Another user changed tags: they are merged, and saved only after the user has looked at them.
          const { tags: merged, clashes } = mergeTags(savedTags, tags, theirs);
          setSavedTags(theirs);
          setTags(merged);
          setRound(round + 1);
          notify({ type: "warning", header: t.review.conflict(x.tags), content: clashes.length ? x.tagsClash(clashes.map((k) => (k in theirs ? `${k} = ${theirs[k]}` : k)).join(", ")) : x.tagsMerged });
          break;
        }
        try {
          await saveTags(profile.SecurityProfileArn, savedTags, tags, now.ETag, (_, left) => setSavedTags(left));
          notify({ type: "success", header: x.tagsSaved });
          focusHeadingSoon();
          break;
        } catch (e) {
          if ((e as ApiError).status !== 412) throw e;
        }
      }
      reload();
    } catch (e) {
      setTagError(e as ApiError);
    }
    setSavingTags(false);
  };
  const missing = (permission: string) => (can(permission) ? undefined : t.missing(permission));

  return (
    <Page
      title={profile.SecurityProfileName}
      crumbs={[{ text: t.profiles.title, href: `#/instances/${instance}/profiles` }]}
      description={base.Description}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={() => setDeleting(true)} disabled={!can("SecurityProfiles.Delete")} disabledReason={missing("SecurityProfiles.Delete")}>
            {t.delete}
          </Button>
          <Button href={`#/instances/${instance}/profiles/new?from=${id}`} disabled={!can("SecurityProfiles.Create")} disabledReason={missing("SecurityProfiles.Create")}>
            {t.profiles.copy}
          </Button>
          <Button variant="primary" onClick={review} disabled={!dirty || !mayEdit} disabledReason={missing("SecurityProfiles.Edit")}>
            {x.review}
          </Button>
        </SpaceBetween>
      }
    >
      {error && <Failed error={error} retry={reload} />}
      {restoreError && <Failed error={restoreError} />}
      {latest.Profile.SecurityProfileId === id && latest.Warnings.length > 0 && (
        <Alert type="warning" header={x.warnings}>
          {latest.Warnings.map((text) => (
            <div key={text}>{text}</div>
          ))}
        </Alert>
      )}
      <MirrorNote />
      {!mayEdit && <Alert type="info">{x.readOnly("SecurityProfiles.Edit")}</Alert>}
      {(dirty || tagsDirty) && (
        <Unsaved
          fields={[...diffs.map((d) => t.fields[d.field]), ...(tagsDirty ? [x.tags] : [])]}
          cameBack={cameBack}
          discard={discard}
          actions={dirty && <Button onClick={review}>{x.review}</Button>}
        />
      )}
      <Container>
        <KeyValuePairs
          columns={4}
          items={[
            { label: x.holders, value: number.format(latest.Holders) },
            { label: x.permissions, value: number.format(value.Permissions.length) },
            { label: x.modified, value: <When time={latest.LastModified.Time} /> },
            { label: x.by, value: <Who by={latest.LastModified.By} /> },
          ]}
        />
      </Container>
      <Editor
        key={round}
        value={value}
        saved={base}
        onChange={setValue}
        problems={problems}
        onProblem={onProblem}
        tab={tab}
        onTab={onTab}
        disabled={!mayEdit}
        detailsChanged={tagsDirty}
        details={
          <Container
            header={
              <Header
                variant="h2"
                description={x.tagsText}
                actions={
                  <Button onClick={() => void putTags()} loading={savingTags} disabled={!tagsDirty || !!problems.Tags}>
                    {x.saveTags}
                  </Button>
                }
              >
                {x.tags}
              </Header>
            }
          >
            <SpaceBetween size="s">
              {tagError && <Failed error={tagError} />}
              <FormField stretch errorText={problems.Tags}>
                <TagRows
                  value={tags}
                  max={50}
                  label={x.tags}
                  disabled={!mayEdit}
                  onChange={(v, problem) => {
                    setTags(v);
                    onProblem("Tags", problem);
                  }}
                />
              </FormField>
              <KeyValuePairs
                columns={1}
                items={[
                  { label: t.profiles.id, value: <span className="mono">{id}</span> },
                  { label: "ARN", value: <span className="mono">{profile.SecurityProfileArn}</span> },
                ]}
              />
            </SpaceBetween>
          </Container>
        }
        more={[
          { id: "holders", label: x.holdersTab(latest.Holders), content: <Holders profile={id} /> },
          { id: "history", label: t.history.title, content: <Events type="SecurityProfile" id={id} key={latest.ETag} /> },
        ]}
      />
      {reviewing && (
        <Review
          id={id}
          name={profile.SecurityProfileName}
          base={base}
          etag={etag}
          value={value}
          nameOf={nameOf}
          close={() => setReviewing(false)}
          refused={refused}
          saved={(now) => {
            setReviewing(false);
            setBase(value);
            if (now) setEtag(now);
            setCameBack(undefined);
            setProblems({});
            notify({ type: "success", header: x.saved(profile.SecurityProfileName), content: <FlashLink href={`#/instances/${instance}/history?type=SecurityProfile&id=${id}`}>{x.seeHistory}</FlashLink> });
            focusHeadingSoon();
            reload();
            refresh();
          }}
          merged={(current, v) => {
            const now = editable(current.Profile);
            setBase(now);
            setEtag(current.ETag);
            setValue(v);
            reload();
            if (same(now, v)) setReviewing(false);
          }}
        />
      )}
      {deleting && (
        <DeleteProfiles
          profiles={[{ Id: id, Name: profile.SecurityProfileName }]}
          close={(gone) => {
            setDeleting(false);
            if (gone) void navigate(`/instances/${instance}/profiles`);
          }}
        />
      )}
      <Leaving blocker={blocker} leave={() => keep(null)} />
    </Page>
  );
}
