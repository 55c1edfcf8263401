import Box from "@cloudscape-design/components/box";
import type { ReactNode } from "react";
import type { Field, FieldDiff } from "../profile";
import { t } from "../texts";
import { PermissionText } from "./permission";

/** Differences by field: what is added and what is removed. */
export function Diff({ diffs, nameOf = (_, v) => v }: { diffs: FieldDiff[]; nameOf?: (field: Field, value: string) => string }) {
  const shown = (field: Field, v: string) => (field === "Permissions" ? <PermissionText name={v} /> : nameOf(field, v));
  if (diffs.length === 0) return <Box color="text-body-secondary">{t.review.nothing}</Box>;
  return (
    <table className="diff">
      <thead className="hidden">
        <tr>
          <th scope="col">{t.review.field}</th>
          <th scope="col">{t.review.change}</th>
        </tr>
      </thead>
      <tbody>
        {diffs.map((d) => (
          <tr key={d.field} data-field={d.field}>
            <th scope="row">{t.fields[d.field]}</th>
            <td>
              <Items sign="-" list={d.removed.map((v) => shown(d.field, v))} />
              <Items sign="+" list={d.added.map((v) => shown(d.field, v))} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Items({ sign, list }: { sign: "+" | "-"; list: ReactNode[] }) {
  return (
    <>
      {list.map((v, i) => (
        <div key={i} className={sign === "+" ? "added" : "removed"}>
          <span aria-hidden="true">{sign === "+" ? "+" : "\u2212"} </span>
          <span className="hidden">{sign === "+" ? t.review.added : t.review.removed} </span>
          {v}
        </div>
      ))}
    </>
  );
}
