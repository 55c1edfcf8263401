// Controls with rows of text fields: tags, applications, AI agents, data-table rules. Each keeps incomplete rows and
// reports a problem instead of dropping them.
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import TokenGroup from "@cloudscape-design/components/token-group";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { AIAgent, Application, AttributeRule } from "../answers_gen";
import type { Tags } from "../profile";
import { t } from "../texts";

export interface Control<T> {
  value: T;
  /** Called with a problem if the value cannot be sent yet. */
  onChange: (value: T, problem?: string) => void;
  disabled?: boolean;
}

const x = t.rows;

/** Keeps rows in the control's own state; starts again when the value changes elsewhere. */
function useRows<T, R>(value: T, read: (value: T) => R[], write: (rows: R[]) => T, check: (rows: R[]) => string | undefined, onChange: Control<T>["onChange"]) {
  const [rows, setRows] = useState(() => read(value));
  const sent = useRef(JSON.stringify(write(rows)));
  useEffect(() => {
    if (JSON.stringify(value) !== sent.current) {
      sent.current = JSON.stringify(value);
      setRows(read(value));
    }
  }, [value]);
  const change = (next: R[]) => {
    setRows(next);
    const out = write(next);
    sent.current = JSON.stringify(out);
    onChange(out, check(next));
  };
  return {
    rows,
    set: (i: number, row: Partial<R>) => change(rows.map((r, j) => (i === j ? { ...r, ...row } : r))),
    add: (row: R) => change([...rows, row]),
    remove: (i: number) => change(rows.filter((_, j) => j !== i)),
  };
}

function RowList({ children, add, label, disabled, full, none }: { children: ReactNode[]; add: () => void; label: string; disabled?: boolean; full: boolean; none: string }) {
  return (
    <SpaceBetween size="xs">
      {children.length === 0 && <span className="secondary">{none}</span>}
      {children}
      {!disabled && (
        <Button iconName="add-plus" onClick={add} disabled={full}>
          {label}
        </Button>
      )}
    </SpaceBetween>
  );
}

const twice = (keys: string[]) => keys.find((k, i) => k !== "" && keys.indexOf(k) !== i);

export function TagRows({ value, onChange, disabled, max, label }: Control<Tags> & { max: number; label: string }) {
  const r = useRows(
    value,
    (v: Tags) => Object.entries(v).map(([key, value]) => ({ key, value })),
    (rows) => Object.fromEntries(rows.filter((r) => r.key !== "").map((r) => [r.key, r.value])),
    (rows) => {
      if (rows.some((r) => r.key === "" && r.value !== "")) return x.keyRequired;
      const two = twice(rows.map((r) => r.key));
      return two === undefined ? undefined : x.twice(two);
    },
    onChange,
  );
  return (
    <RowList add={() => r.add({ key: "", value: "" })} label={x.addTag} disabled={disabled} full={r.rows.length >= max} none={x.noTags}>
      {r.rows.map((row, i) => (
        <div className="row" key={i}>
          <Input value={row.key} onChange={(e) => r.set(i, { key: e.detail.value })} placeholder={x.key} ariaLabel={`${label}: ${x.key} ${i + 1}`} disabled={disabled} />
          <Input value={row.value} onChange={(e) => r.set(i, { value: e.detail.value })} placeholder={x.value} ariaLabel={`${label}: ${x.value} ${i + 1}`} disabled={disabled} />
          {!disabled && <Button iconName="close" variant="icon" ariaLabel={x.remove(row.key || String(i + 1))} onClick={() => r.remove(i)} />}
        </div>
      ))}
    </RowList>
  );
}

/** A list of texts, added with Enter or by leaving the field. */
export function Texts({ value, onChange, disabled, max, label, placeholder }: Control<string[]> & { max: number; label: string; placeholder?: string }) {
  const [text, setText] = useState("");
  const add = () => {
    const list = text
      .split(/[\s,]+/)
      .map((s) => s.trim())
      .filter((s) => s !== "" && !value.includes(s));
    if (list.length) onChange([...value, ...list]);
    setText("");
  };
  return (
    <SpaceBetween size="xxs">
      {!disabled && value.length < max && (
        <Input
          value={text}
          onChange={(e) => setText(e.detail.value)}
          onKeyDown={(e) => {
            if (e.detail.key === "Enter") {
              e.preventDefault();
              add();
            }
          }}
          onBlur={add}
          placeholder={placeholder ?? x.typeAndEnter}
          ariaLabel={label}
        />
      )}
      {value.length > 0 && (
        <TokenGroup
          items={value.map((v) => ({ label: v, dismissLabel: x.remove(v), disabled }))}
          onDismiss={(e) => onChange(value.filter((_, i) => i !== e.detail.itemIndex))}
          readOnly={disabled}
        />
      )}
    </SpaceBetween>
  );
}

const thirdParty = "THIRD_PARTY_APPLICATION";

export function Applications({ value, onChange, disabled }: Control<Application[]>) {
  const r = useRows(
    value,
    (v: Application[]) => v,
    (rows) => rows,
    (rows) => {
      if (rows.some((a) => a.Namespace === "")) return x.namespaceRequired;
      if (rows.some((a) => a.ApplicationPermissions.length === 0)) return x.permissionRequired;
      const two = twice(rows.map((a) => a.Namespace));
      return two === undefined ? undefined : x.twice(two);
    },
    onChange,
  );
  const types = [
    { value: thirdParty, label: x.thirdParty },
    { value: "MCP", label: x.mcp },
  ];
  return (
    <RowList
      add={() => r.add({ Namespace: "", ApplicationPermissions: ["ACCESS"], Type: thirdParty })}
      label={x.addApplication}
      disabled={disabled}
      full={r.rows.length >= 10}
      none={x.noApplications}
    >
      {r.rows.map((row, i) => (
        <div className="row top" key={i}>
          <FormField label={x.type}>
            <Select
              options={types}
              selectedOption={types.find((o) => o.value === row.Type) ?? { value: row.Type, label: row.Type }}
              onChange={(e) => {
                const Type = e.detail.selectedOption.value!;
                r.set(i, { Type, ApplicationPermissions: Type === thirdParty ? ["ACCESS"] : row.ApplicationPermissions.filter((p) => p !== "ACCESS") });
              }}
              disabled={disabled}
            />
          </FormField>
          <FormField label={x.namespace}>
            <Input value={row.Namespace} onChange={(e) => r.set(i, { Namespace: e.detail.value })} disabled={disabled} ariaLabel={`${x.namespace} ${i + 1}`} />
          </FormField>
          <FormField label={row.Type === "MCP" ? x.tools : x.permissions} stretch>
            <Texts
              value={row.ApplicationPermissions}
              onChange={(ApplicationPermissions) => r.set(i, { ApplicationPermissions })}
              max={50}
              disabled={disabled}
              label={`${row.Type === "MCP" ? x.tools : x.permissions} ${i + 1}`}
              placeholder={row.Type === "MCP" ? x.toolHint : "ACCESS"}
            />
          </FormField>
          {!disabled && <Button iconName="close" variant="icon" ariaLabel={x.remove(row.Namespace || String(i + 1))} onClick={() => r.remove(i)} />}
        </div>
      ))}
    </RowList>
  );
}

export function AgentRows({ value, onChange, disabled }: Control<AIAgent[]>) {
  const r = useRows(
    value,
    (v: AIAgent[]) => v,
    (rows) => rows,
    (rows) => {
      if (rows.some((a) => a.Arn === "")) return x.arnRequired;
      const two = twice(rows.map((a) => a.Arn));
      return two === undefined ? undefined : x.twice(two);
    },
    onChange,
  );
  return (
    <RowList add={() => r.add({ Type: "THIRD_PARTY", Arn: "" })} label={x.addAgent} disabled={disabled} full={r.rows.length >= 100} none={x.noAgents}>
      {r.rows.map((row, i) => (
        <div className="row" key={i}>
          <div className="grow">
            <Input value={row.Arn} onChange={(e) => r.set(i, { Arn: e.detail.value })} placeholder="arn:aws:app-integrations:…:application/…" ariaLabel={`${x.agent} ${i + 1}`} disabled={disabled} />
          </div>
          {!disabled && <Button iconName="close" variant="icon" ariaLabel={x.remove(row.Arn || String(i + 1))} onClick={() => r.remove(i)} />}
        </div>
      ))}
    </RowList>
  );
}

export function Rules({ value, onChange, disabled }: Control<AttributeRule[]>) {
  const r = useRows(
    value,
    (v: AttributeRule[]) => v.map((rule) => ({ attribute: rule.AttributeName, values: [rule.Values[0] ?? "", rule.Values[1] ?? ""], more: rule.Values.slice(2) })),
    (rows) => rows.map((row) => ({ AccessType: "ALLOW", AttributeName: row.attribute, Values: [...row.values, ...row.more].filter((v) => v !== "") })),
    (rows) => {
      if (rows.some((row) => row.attribute === "")) return x.attributeRequired;
      if (rows.some((row) => row.values.every((v) => v === ""))) return x.valueRequired;
      const two = twice(rows.map((row) => row.attribute));
      return two === undefined ? undefined : x.twice(two);
    },
    onChange,
  );
  return (
    <RowList add={() => r.add({ attribute: "", values: ["", ""], more: [] })} label={x.addRule} disabled={disabled} full={r.rows.length >= 5} none={x.noRules}>
      {r.rows.map((row, i) => (
        <div className="row top" key={i}>
          <FormField label={x.attribute}>
            <Input value={row.attribute} onChange={(e) => r.set(i, { attribute: e.detail.value })} disabled={disabled} ariaLabel={`${x.attribute} ${i + 1}`} />
          </FormField>
          {row.values.map((v, j) => (
            <FormField key={j} label={j === 0 ? x.isValue : x.orValue}>
              <Input
                value={v}
                onChange={(e) => r.set(i, { values: row.values.map((o, k) => (k === j ? e.detail.value : o)) })}
                disabled={disabled}
                ariaLabel={`${x.attribute} ${i + 1}, ${x.value} ${j + 1}`}
              />
            </FormField>
          ))}
          {!disabled && <Button iconName="close" variant="icon" ariaLabel={x.remove(row.attribute || String(i + 1))} onClick={() => r.remove(i)} />}
        </div>
      ))}
    </RowList>
  );
}
