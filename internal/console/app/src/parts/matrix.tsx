import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Toggle from "@cloudscape-design/components/toggle";
import { type ReactNode, useMemo, useState } from "react";
import type { Permission } from "../answers_gen";
import { actionLabel, columns, dependants, filter, type Group, inSight, isOld, kindsOf, lacks, matrix, needed, type Row, setAll, state } from "../catalogue";
import { useShared } from "../state";
import { t } from "../texts";
import { SensitiveMark } from "./permission";

const x = t.matrix;

interface Props {
  granted: string[];
  /** What is saved, to mark what is not. */
  saved?: string[];
  onChange?: (granted: string[]) => void;
}

/** The permission matrix: groups, resources, a column for each kind of action. */
export function Matrix({ granted: list, saved, onChange }: Props) {
  const { catalogue } = useShared();
  const [text, setText] = useState("");
  const [only, setOnly] = useState(!onChange);
  const [open, setOpen] = useState<Record<string, boolean>>({});
  // What the last change of a box requires or breaks, until the next change.
  const [last, setLast] = useState<{ name: string; needs: string[]; breaks: string[] } | null>(null);
  const granted = useMemo(() => new Set(list), [list]);
  const before = useMemo(() => new Set(saved ?? list), [saved, list]);
  const groups = useMemo(() => matrix(catalogue.Permissions, [...list, ...(saved ?? [])]), [catalogue, list, saved]);
  // Rows stay while the user works in them: what was granted when last saved counts as granted here.
  const shown = useMemo(() => filter(groups, text, only ? new Set([...granted, ...before]) : null), [groups, text, only, granted, before]);
  const missing = useMemo(() => lacks(catalogue.Permissions, granted), [catalogue, granted]);
  const searching = text.trim() !== "";
  // The groups of a narrow profile start expanded, those of a broad one collapsed.
  const [begin] = useState(() => {
    const held = groups.filter((g) => g.permissions.some((p) => granted.has(p.Name))).map((g) => g.name);
    return new Set(held.length <= 3 ? held : []);
  });

  const change = (next: Set<string>, name?: string) => {
    onChange?.([...next].sort());
    if (!name) return setLast(null);
    const needs = next.has(name) ? needed(catalogue.Permissions, [name], next) : [];
    const breaks = next.has(name) ? [] : dependants(catalogue.Permissions, [name], next);
    setLast(needs.length || breaks.length ? { name, needs, breaks } : null);
  };
  const toggle = (p: Permission, on: boolean) => {
    const next = new Set(granted);
    if (on) next.add(p.Name);
    else next.delete(p.Name);
    change(next, p.Name);
  };
  const addAll = (names: string[]) => change(new Set([...granted, ...names]));

  // Next to the box that was selected: the top of the page may be far away.
  const offer = (
    <div className="offer" role="status">
        {last && last.needs.length > 0 && (
          <Alert
            type="info"
            action={
              <Button
                onClick={() => {
                  addAll(last.needs);
                  focusBox(last.name);
                }}
              >
                {x.add(last.needs.length)}
              </Button>
            }
          >
            {x.needs(last.name, last.needs.join(", "))}
          </Alert>
        )}
        {last && last.breaks.length > 0 && (
          <Alert
            type="info"
            action={
              <Button
                onClick={() => {
                  const next = new Set(granted);
                  for (const b of last.breaks) next.delete(b);
                  change(next);
                  focusBox(last.name);
                }}
              >
                {x.removeToo(last.breaks.length)}
              </Button>
            }
          >
            {x.breaks(last.name, last.breaks.join(", "))}
          </Alert>
        )}
    </div>
  );

  return (
    <SpaceBetween size="s">
      <div className="filters">
        <div className="grow">
          <Input type="search" value={text} onChange={(e) => setText(e.detail.value)} placeholder={x.search} ariaLabel={x.search} clearAriaLabel={t.clear} />
        </div>
        <Toggle checked={only} onChange={(e) => setOnly(e.detail.checked)}>
          {x.only}
        </Toggle>
        <Box color="text-body-secondary">{x.count(granted.size)}</Box>
      </div>
      <Legend of={shown.flatMap(inSight)} />
      <div aria-live="polite">
        {!last && missing.length > 0 && (
          <Alert
            type="warning"
            action={
              onChange && (
                <Button
                  onClick={() =>
                    addAll(
                      needed(
                        catalogue.Permissions,
                        missing.map((m) => m.permission),
                        granted,
                      ),
                    )
                  }
                >
                  {x.addAll}
                </Button>
              )
            }
          >
            {x.lacks(
              missing
                .slice(0, 5)
                .map((m) => x.lack(m.permission, m.needs.join(", ")))
                .join("; "),
              missing.length - 5,
            )}
          </Alert>
        )}
      </div>
      {shown.length === 0 && (
        <Box textAlign="center" padding="l">
          {only && !searching ? x.nothing : x.noMatch}
        </Box>
      )}
      {shown.map((g) => {
        const whole = groups.find((o) => o.name === g.name)!;
        return (
          <GroupTable
            key={g.name}
            group={g}
            whole={whole}
            granted={granted}
            before={before}
            open={searching || (open[g.name] ?? (only || shown.length < 3 || begin.has(g.name)))}
            setOpen={(v) => setOpen((o) => ({ ...o, [g.name]: v }))}
            offer={last && whole.permissions.some((p) => p.Name === last.name) ? offer : null}
            toggle={onChange && toggle}
            all={onChange && ((permissions, on) => change(setAll(permissions, granted, on)))}
          />
        );
      })}
    </SpaceBetween>
  );
}

/** The button that was pressed is gone, so the focus returns to its box. */
const focusBox = (name: string) => document.querySelector<HTMLElement>(`[data-permission="${CSS.escape(name)}"] input`)?.focus();

function GroupTable(props: {
  group: Group;
  whole: Group;
  granted: Set<string>;
  before: Set<string>;
  open: boolean;
  setOpen: (open: boolean) => void;
  offer: ReactNode;
  toggle?: (p: Permission, on: boolean) => void;
  all?: (permissions: Permission[], on: boolean) => void;
}) {
  const { group, whole, granted, before, open, setOpen, offer, toggle, all } = props;
  // A "select all" box applies to what is shown: nobody should grant what a search hides.
  const sight = inSight(group);
  const part = sight.length < whole.permissions.length;
  const whether = state(sight, granted);
  const held = whole.permissions.filter((p) => granted.has(p.Name)).length;
  const changed = whole.permissions.filter((p) => granted.has(p.Name) !== before.has(p.Name)).length;
  const id = `group-${group.name.replace(/\W+/g, "-")}`;
  return (
    <div className="matrix" role="group" aria-labelledby={id}>
      <div className="matrix-head">
        <button type="button" className="disclose" aria-expanded={open} onClick={() => setOpen(!open)} id={id}>
          <span aria-hidden="true" className={open ? "caret open" : "caret"} />
          {group.name}
          <span className="count">{x.held(held, whole.permissions.length)}</span>
          {changed > 0 && <span className="changed-mark">{x.changed(changed)}</span>}
        </button>
        {all && (
          <Checkbox checked={whether === true} indeterminate={whether === null} onChange={(e) => all(sight, e.detail.checked)} ariaLabel={part ? x.allShownOf(group.name) : x.allOf(group.name)}>
            {part ? x.allShown : x.all}
          </Checkbox>
        )}
      </div>
      {offer}
      {open && (
        <div className="scroll" tabIndex={0} role="region" aria-labelledby={id}>
          <table>
            <thead>
              <tr>
                <th scope="col">{x.resource}</th>
                {all && <th scope="col">{x.all}</th>}
                {columns.map((c) => (
                  <th scope="col" key={c}>
                    {x.columns[c]}
                  </th>
                ))}
                <th scope="col">{x.more}</th>
              </tr>
            </thead>
            <tbody>
              {group.rows.map((row) => (
                <MatrixRow
                  key={row.resource}
                  row={row}
                  held={row.all
                    .filter((p) => granted.has(p.Name))
                    .map((p) => p.Name)
                    .join()}
                  saved={row.all
                    .filter((p) => before.has(p.Name))
                    .map((p) => p.Name)
                    .join()}
                  granted={granted}
                  before={before}
                  toggle={toggle}
                  all={all}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

interface RowProps {
  row: Row;
  /** What is and was granted in the row, which renders again only when that changes. */
  held: string;
  saved: string;
  granted: Set<string>;
  before: Set<string>;
  toggle?: (p: Permission, on: boolean) => void;
  all?: (permissions: Permission[], on: boolean) => void;
}

function MatrixRow({ row, granted, before, toggle, all }: RowProps) {
  const whether = state(row.all, granted);
  const cell = (p: Permission, text?: string) => (
    <Cell key={p.Name} p={p} on={granted.has(p.Name)} was={before.has(p.Name)} text={text} toggle={toggle} />
  );
  return (
    <tr>
      <th scope="row">
        {row.label} <Marks permissions={row.all} granted={granted} />
      </th>
      {all && (
        <td>
          {row.all.length > 1 && (
            <Checkbox checked={whether === true} indeterminate={whether === null} onChange={(e) => all(row.all, e.detail.checked)} ariaLabel={x.allOf(row.label)} />
          )}
        </td>
      )}
      {columns.map((c) => (
        <td key={c}>{row.cells[c] && cell(row.cells[c])}</td>
      ))}
      <td>
        <div className="more">{row.more.map((p) => cell(p, actionLabel(p)))}</div>
      </td>
    </tr>
  );
}

function Cell({ p, on, was, text, toggle }: { p: Permission; on: boolean; was: boolean; text?: string; toggle?: (p: Permission, on: boolean) => void }) {
  const classes = ["cell", on !== was ? "changed" : "", p.Sensitive ? "sensitive" : "", p.Sensitive && on ? "granted" : ""].filter(Boolean).join(" ");
  const notes = [p.Sensitive && x.why[p.Sensitive], p.Restriction && x.restricts, isOld(p) && x.old].filter(Boolean);
  const sign = p.Sensitive && (
    <span className="sign" aria-hidden="true" title={x.why[p.Sensitive]}>
      {x.signs[p.Sensitive]}
    </span>
  );
  if (!toggle) {
    return (
      <span className={classes} data-permission={p.Name}>
        <span aria-hidden="true" className={on ? "tick" : "no-tick"} />
        <span className="hidden">{[x.is(p.Name, on), ...notes].join(". ")}</span>
        {text}
        {sign}
      </span>
    );
  }
  // The accessible name starts with the visible text, for speech input.
  const name = text && text !== p.Name ? `${text}, ${p.Name}` : p.Name;
  return (
    <span className={classes} title={p.Name} data-permission={p.Name}>
      <Checkbox checked={on} onChange={(e) => toggle(p, e.detail.checked)} ariaLabel={[name, ...notes].join(". ")}>
        {text}
      </Checkbox>
      {sign}
    </span>
  );
}

/** The legend of the signs and badges that are shown. */
function Legend({ of }: { of: Permission[] }) {
  const entries: [ReactNode, string, string][] = kindsOf(of).map((k) => [
    <span className="sign" aria-hidden="true">
      {x.signs[k]}{" "}
    </span>,
    x.marks[k] ?? k,
    x.does[k] ?? "",
  ]);
  if (of.some((p) => p.Restriction)) entries.push([null, x.restriction, x.restricts]);
  if (of.some(isOld)) entries.push([null, x.legacy, x.old]);
  if (entries.length === 0) return null;
  return (
    <dl className="legend" aria-label={x.legend}>
      {entries.map(([sign, name, text]) => (
        <div key={name}>
          <dt>
            {sign}
            {name}
          </dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

/** The kinds of sensitive permissions that the row grants, not those that it could. */
function Marks({ permissions, granted }: { permissions: Permission[]; granted: Set<string> }) {
  return (
    <>
      {kindsOf(permissions.filter((p) => granted.has(p.Name))).map((k) => (
        <span key={k}>
          <SensitiveMark kind={k} />{" "}
        </span>
      ))}
      {permissions.some((p) => p.Restriction) && (
        <span title={x.restricts}>
          <Badge color="blue">
            {x.restriction}
            <span className="hidden">. {x.restricts}</span>
          </Badge>
        </span>
      )}
      {permissions.some(isOld) && (
        <span title={x.old}>
          <Badge>
            {x.legacy}
            <span className="hidden">. {x.old}</span>
          </Badge>
        </span>
      )}
      {permissions.some((p) => p.Status === "unrecognised") && <Badge>{x.unknown}</Badge>}
    </>
  );
}
