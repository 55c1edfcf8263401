import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import { useMemo } from "react";
import type { Catalogue, Permission } from "../answers_gen";
import { useShared } from "../state";
import { t } from "../texts";

const x = t.matrix;

const maps = new WeakMap<Catalogue, Map<string, Permission>>();

/** The permissions of the catalogue, by name. */
export function usePermissions(): ReadonlyMap<string, Permission> {
  const { catalogue } = useShared();
  return useMemo(() => {
    const known = maps.get(catalogue) ?? new Map(catalogue.Permissions.map((p) => [p.Name, p]));
    maps.set(catalogue, known);
    return known;
  }, [catalogue]);
}

/** The kind of a sensitive permission, with its meaning for screen readers. */
export function SensitiveMark({ kind }: { kind: string }) {
  return (
    <Badge color="red">
      {x.marks[kind] ?? kind}
      <span className="hidden">. {x.why[kind]}</span>
    </Badge>
  );
}

/** A permission: its label, its name and whether it is sensitive. */
export function PermissionText({ name }: { name: string }) {
  const known = usePermissions().get(name);
  return (
    <>
      {known && known.Label !== name ? (
        <>
          {known.Label} <span className="mono secondary">{name}</span>
        </>
      ) : (
        name
      )}
      {known?.Sensitive && (
        <>
          {" "}
          <SensitiveMark kind={known.Sensitive} />
        </>
      )}
    </>
  );
}

/** Warns that a change grants sensitive permissions, and says what each of them allows. */
export function SensitiveAlert({ names, people }: { names: string[]; people?: string }) {
  const permissions = usePermissions();
  const list = names.map((n) => permissions.get(n)).filter((p) => p !== undefined).filter((p) => p.Sensitive);
  if (list.length === 0) return null;
  return (
    <div className="spaced">
      <Alert type="warning" header={people ?? t.review.sensitive(list.length)}>
        <ul className="plain" data-sensitive={list.map((p) => p.Name).join(" ")}>
          {list.map((p) => (
            <li key={p.Name}>
              <b>{p.Label}</b> <SensitiveMark kind={p.Sensitive} /> {x.does[p.Sensitive]}
            </li>
          ))}
        </ul>
      </Alert>
    </div>
  );
}
