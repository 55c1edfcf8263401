import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import type { ProfileAnswer } from "../answers_gen";
import { ApiError, call } from "../api";
import { changed, decide, diff, type Editable, editable, type Field, merge, same } from "../profile";
import { useInstance } from "../state";
import { t } from "../texts";
import { Blast } from "./blast";
import { Diff } from "./diff";
import { ConflictModal } from "./conflict";
import { Failed } from "./failed";
import { SensitiveAlert } from "./permission";

const x = t.review;

interface Props {
  id: string;
  name: string;
  base: Editable;
  etag: string;
  value: Editable;
  nameOf: (field: Field, value: string) => string;
  close: () => void;
  /** Called with the ETag of the saved version. */
  saved: (etag: string | null) => void;
  /** Called when the server rejects the change; the error names the members, if it can. */
  refused: (e: ApiError) => void;
  /** Called after another user's changes were merged, with the result. */
  merged: (current: ProfileAnswer, value: Editable) => void;
}

/** Shows what a change would do and for whom before it is saved, and resolves conflicts. */
export function Review(props: Props) {
  const { id, name, base, etag, value, nameOf, close, saved, refused, merged } = props;
  const instance = useInstance();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [blocked, setBlocked] = useState(false);
  const [conflict, setConflict] = useState<ProfileAnswer | null>(null);
  const diffs = useMemo(() => diff(base, value), [base, value]);
  const parameters = useMemo(() => ({ InstanceId: instance, SecurityProfileId: id, ...changed(base, value) }), [instance, id, base, value]);

  const save = async (match: string) => {
    setBusy(true);
    setError(null);
    try {
      const { headers } = await call("UpdateSecurityProfile", parameters, { "If-Match": match });
      saved(headers.get("ETag"));
    } catch (e) {
      const err = e as ApiError;
      const current = err.status === 412 ? err.answer.Current : undefined;
      // Its tags were changed, which this does not touch: there is nothing to overwrite.
      if (current && current.ETag !== match && same(base, editable(current.Profile))) return save(current.ETag);
      if (current) setConflict(current);
      else {
        setError(err);
        if (err.body.Members?.length) refused(err);
      }
    }
    setBusy(false);
  };

  if (conflict) {
    return (
      <ProfileConflict
        base={base}
        mine={value}
        current={conflict}
        nameOf={nameOf}
        close={close}
        go={(v) => {
          setConflict(null);
          merged(conflict, v);
        }}
      />
    );
  }
  return (
    <Modal
      visible
      size="max"
      header={x.title(name)}
      onDismiss={close}
      closeAriaLabel={t.close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              {x.back}
            </Button>
            <Button variant="primary" loading={busy} disabled={blocked || diffs.length === 0} onClick={() => void save(etag)}>
              {t.save}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="l">
        {error && <Failed error={error} />}
        <div className="columns">
          <section>
            <Header variant="h2">{x.changes}</Header>
            <SpaceBetween size="s">
              <SensitiveAlert names={diffs.find((d) => d.field === "Permissions")?.added ?? []} />
              <Diff diffs={diffs} nameOf={nameOf} />
            </SpaceBetween>
          </section>
          <section>
            <Header variant="h2" description={x.affectedText}>
              {x.affected}
            </Header>
            <Blast
              operation="UpdateSecurityProfile"
              parameters={parameters}
              refused={(e) => {
                setBlocked(true);
                refused(e);
              }}
            />
          </section>
        </div>
      </SpaceBetween>
    </Modal>
  );
}

function ProfileConflict({ base, mine, current, nameOf, close, go }: { base: Editable; mine: Editable; current: ProfileAnswer; nameOf: Props["nameOf"]; close: () => void; go: (value: Editable) => void }) {
  const theirs = useMemo(() => editable(current.Profile), [current]);
  const { merged, conflicts } = useMemo(() => merge(base, mine, theirs), [base, mine, theirs]);
  const value = (field: Field, v: string) => (v === "" ? x.nothingThere : nameOf(field, v));
  return (
    <ConflictModal
      header={x.conflict(t.profiles.one)}
      by={current.LastModified.By}
      time={current.LastModified.Time}
      theirs={<Diff diffs={diff(base, theirs)} nameOf={nameOf} />}
      mine={<Diff diffs={diff(base, mine)} nameOf={nameOf} />}
      clashes={conflicts.map((c) => ({
        kind: c.field,
        label: c.item ? `${t.fields[c.field]}: ${c.item}` : t.fields[c.field],
        mine: value(c.field, c.mine),
        theirs: value(c.field, c.theirs),
        base: value(c.field, c.base),
      }))}
      close={close}
      drop={() => go(theirs)}
      merge={(sides) => go(conflicts.reduce((v, c, i) => decide(v, c, mine, theirs, sides[i]), merged))}
    />
  );
}
