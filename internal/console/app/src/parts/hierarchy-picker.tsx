import Box from "@cloudscape-design/components/box";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useId, useMemo, useState } from "react";
import { flat, type GroupNode, search } from "../hierarchy";
import { useGroups } from "../query";
import { t } from "../texts";
import { Failed } from "./failed";

const x = t.picker;

interface Props {
  value: string;
  onChange: (id: string) => void;
  /** The first choice, if there is one. */
  own?: string;
  none?: string;
  disabled?: boolean;
  label: string;
  /** The current group. A user who may not view it cannot remove it. */
  current?: string;
}

/** A tree of radio buttons. A user who may not view the groups gets none, because choosing would remove a hidden one. */
export function HierarchyPicker({ value, onChange, own, none, disabled: off, label, current }: Props) {
  const loaded = useGroups();
  const [text, setText] = useState("");
  const [closed, setClosed] = useState<Record<string, boolean>>({});
  const name = useId();
  const roots = useMemo(() => search(loaded.data?.roots ?? [], text), [loaded.data, text]);
  const known = useMemo(() => new Set(flat(loaded.data?.roots ?? []).map((g) => g.id)), [loaded.data]);
  const hidden = !!current && !!loaded.data && !loaded.data.truncated && !known.has(current);
  const disabled = off || hidden;
  if (!loaded.data && loaded.error)
    return (
      <SpaceBetween size="xs">
        <Failed error={loaded.error} retry={() => void loaded.refetch()} />
        {(value || current) && <Box color="text-body-secondary">{x.hidden}</Box>}
      </SpaceBetween>
    );

  const choice = (id: string, text: string) => (
    <label className="choice">
      <input type="radio" name={name} checked={value === id} onChange={() => onChange(id)} disabled={disabled} />
      {text}
    </label>
  );
  const branch = (n: GroupNode) => (
    <li key={n.id}>
      <span className="choice-row">
        {n.children.length > 0 ? (
          <button type="button" className="disclose small" aria-expanded={!closed[n.id]} aria-label={x.below(n.name)} onClick={() => setClosed((c) => ({ ...c, [n.id]: !c[n.id] }))}>
            <span aria-hidden="true" className={closed[n.id] ? "caret" : "caret open"} />
          </button>
        ) : (
          <span className="caret-space" />
        )}
        {choice(n.id, n.name)}
      </span>
      {n.children.length > 0 && !closed[n.id] && <ul>{n.children.map(branch)}</ul>}
    </li>
  );

  return (
    <SpaceBetween size="xs">
      {loaded.error && <Failed error={loaded.error} retry={() => void loaded.refetch()} />}
      {flat(loaded.data?.roots ?? []).length > 12 && !disabled && (
        <Input type="search" value={text} onChange={(e) => setText(e.detail.value)} placeholder={x.search} ariaLabel={x.search} clearAriaLabel={t.clear} />
      )}
      {hidden && <Box color="text-body-secondary">{x.hidden}</Box>}
      <fieldset className="tree">
        <legend className="hidden">{label}</legend>
        <ul>
          {own && <li>{choice("", own)}</li>}
          {none && <li>{choice("", none)}</li>}
          {roots.map(branch)}
          {value && loaded.data && !known.has(value) && <li>{choice(value, x.gone(value))}</li>}
        </ul>
      </fieldset>
      {loaded.data?.truncated && <Box color="text-body-secondary">{x.truncated}</Box>}
    </SpaceBetween>
  );
}
