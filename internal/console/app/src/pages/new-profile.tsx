import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import type { ProfileAnswer } from "../answers_gen";
import { ApiError, call } from "../api";
import { useDraft } from "../drafts";
import { Editor, type Problems, tabFor } from "../parts/editor";
import { Failed } from "../parts/failed";
import { MirrorNote } from "../parts/mirror";
import { Page, Ready } from "../parts/page";
import { TagRows } from "../parts/rows";
import { Leaving, Unsaved } from "../parts/unsaved";
import { changed, type Editable, editable, empty, fieldOf, same, type Tags } from "../profile";
import { useProfile } from "../query";
import { useInstance, useShared, useUnsaved } from "../state";
import { sameTags } from "../tags";
import { t } from "../texts";

const x = t.newProfile;

/** Creates a profile from scratch or as a copy. */
export default function NewProfile() {
  const instance = useInstance();
  const [params] = useSearchParams();
  const from = params.get("from");
  const loaded = useProfile(from);
  // The data of the previous link stays until the new data arrives.
  const source = from && loaded.data?.Profile.SecurityProfileId === from ? loaded.data : null;
  if (from && !source)
    return (
      <Page title={x.title}>
        <Ready of={loaded}>{() => null}</Ready>
      </Page>
    );
  return <Form key={`${instance} ${from}`} from={source} />;
}

interface Draft {
  name: string;
  value: Editable;
  tags: Tags;
}

function Form({ from }: { from: ProfileAnswer | null }) {
  const instance = useInstance();
  const navigate = useNavigate();
  const { notify } = useShared();
  const [begin] = useState<Draft>(() => ({ name: "", value: from ? editable(from.Profile) : empty(), tags: from?.Profile.Tags ?? {} }));
  const { kept, keep } = useDraft<Draft>(from ? `new from ${from.Profile.SecurityProfileId}` : "new", from ? x.titleFrom(from.Profile.SecurityProfileName) : x.title);
  const [name, setName] = useState(kept?.name ?? begin.name);
  const [value, setValue] = useState(kept?.value ?? begin.value);
  const [tags, setTags] = useState(kept?.tags ?? begin.tags);
  const [cameBack, setCameBack] = useState(kept?.time);
  const [tab, setTab] = useState("permissions");
  const [problems, setProblems] = useState<Problems>({});
  // The editor itself keeps half-typed rows, so discarding remounts it.
  const [round, setRound] = useState(0);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const [made, setMade] = useState("");
  const dirty = !made && (name !== begin.name || !same(begin.value, value) || !sameTags(begin.tags, tags));
  const blocker = useUnsaved(dirty);
  useEffect(() => {
    keep(dirty ? { name, value, tags } : null);
    if (!dirty) setCameBack(undefined);
  }, [keep, dirty, name, value, tags]);
  useEffect(() => {
    if (made) void navigate(`/instances/${instance}/profiles/${made}`);
  }, [made]);
  const onProblem = (field: string, problem: string | undefined) => setProblems((all) => (all[field] === problem ? all : { ...all, [field]: problem }));

  const discard = () => {
    setName(begin.name);
    setValue(begin.value);
    setTags(begin.tags);
    setProblems({});
    setRound(round + 1);
    setCameBack(undefined);
  };
  const create = async () => {
    const wrong = name.trim() === "" ? x.nameRequired : undefined;
    onProblem("SecurityProfileName", wrong);
    const typing = Object.entries(problems).filter(([f, p]) => p && f !== "SecurityProfileName");
    if (wrong || typing.length) {
      if (!wrong) setTab(tabFor(typing[0][0]));
      return;
    }
    setBusy(true);
    setError(null);
    try {
      const { data } = await call("CreateSecurityProfile", {
        InstanceId: instance,
        SecurityProfileName: name,
        ...changed(empty(), value),
        ...(Object.keys(tags).length ? { Tags: tags } : {}),
      });
      notify({ type: "success", header: x.made(name) });
      setMade(data.SecurityProfileId ?? "");
    } catch (e) {
      const err = e as ApiError;
      setError(err);
      const found = (err.body.Members ?? []).map(fieldOf);
      if (err.body.Code === "DuplicateResourceException" && found.length === 0) found.push("SecurityProfileName");
      setProblems((all) => ({ ...all, ...Object.fromEntries(found.map((f) => [f, err.message])) }));
      const inTab = found.find((f) => f !== "SecurityProfileName" && f !== "Tags");
      if (inTab) setTab(tabFor(inTab));
    }
    setBusy(false);
  };

  return (
    <Page
      title={from ? x.titleFrom(from.Profile.SecurityProfileName) : x.title}
      crumbs={[{ text: t.profiles.title, href: `#/instances/${instance}/profiles` }]}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <Button href={`#/instances/${instance}/profiles`}>{t.cancel}</Button>
          <Button variant="primary" loading={busy} onClick={() => void create()}>
            {x.create}
          </Button>
        </SpaceBetween>
      }
    >
      <MirrorNote />
      {error && <Failed error={error} />}
      {cameBack && dirty && <Unsaved fields={[]} cameBack={cameBack} discard={discard} />}
      <Container>
        <FormField label={t.profiles.name} constraintText={x.nameText} errorText={problems.SecurityProfileName}>
          <Input
            value={name}
            onChange={(e) => {
              setName(e.detail.value);
              onProblem("SecurityProfileName", undefined);
            }}
            ariaLabel={t.profiles.name}
          />
        </FormField>
      </Container>
      <Editor
        key={round}
        value={value}
        saved={begin.value}
        onChange={setValue}
        problems={problems}
        onProblem={onProblem}
        tab={tab}
        onTab={setTab}
        details={
          <Container header={<Header variant="h2" description={t.profile.tagsText}>{t.profile.tags}</Header>}>
            <FormField stretch errorText={problems.Tags}>
              <TagRows
                value={tags}
                max={50}
                label={t.profile.tags}
                onChange={(v, problem) => {
                  setTags(v);
                  onProblem("Tags", problem);
                }}
              />
            </FormField>
          </Container>
        }
      />
      <Leaving blocker={blocker} leave={() => keep(null)} />
    </Page>
  );
}
