// Small parts used in many places. React escapes everything that users wrote.
import Badge from "@cloudscape-design/components/badge";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import type { By, Named } from "../answers_gen";
import type { Tags } from "../profile";
import { useInstance } from "../state";
import { t } from "../texts";

const when = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });

export const number = new Intl.NumberFormat("en");

export function When({ time }: { time: string | undefined | null }) {
  const date = time ? new Date(time) : undefined;
  if (!date || Number.isNaN(date.getTime())) return <>-</>;
  return (
    <time dateTime={time!} title={exact.format(date)}>
      {when.format(date)}
    </time>
  );
}

export function Who({ by }: { by: By | null | undefined }) {
  const instance = useInstance();
  if (!by) return <>-</>;
  if (by.Kind === "user" && by.Id) return <Link href={`#/instances/${instance}/users/${by.Id}`}>{by.Name || by.Id}</Link>;
  return <>{by.Kind === "operator" ? t.operator : by.Name || by.Id || t.unknown}</>;
}

export function TagList({ tags }: { tags: Tags | null | undefined }) {
  const list = Object.entries(tags ?? {});
  if (list.length === 0) return <>-</>;
  return (
    <SpaceBetween direction="horizontal" size="xxs">
      {list.map(([k, v]) => (
        <Badge key={k}>{v === "" ? k : `${k}: ${v}`}</Badge>
      ))}
    </SpaceBetween>
  );
}

export function ProfileLink({ profile }: { profile: Named }) {
  const instance = useInstance();
  if (!profile.Name) return <span title={profile.Id}>{t.hiddenProfile}</span>;
  return <Link href={`#/instances/${instance}/profiles/${profile.Id}`}>{profile.Name}</Link>;
}

export function ProfileLinks({ profiles }: { profiles: Named[] }) {
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {profiles.map((p) => (
        <ProfileLink key={p.Id} profile={p} />
      ))}
    </SpaceBetween>
  );
}

export function SubjectLink({ type, id, name }: { type: string; id: string; name?: string }) {
  const instance = useInstance();
  const agent = type === "ai_agent" || type === "agent" || type === "AIAgent";
  return <Link href={`#/instances/${instance}/${agent ? "agents" : "users"}/${encodeURIComponent(id)}`}>{name || id}</Link>;
}

/** A link in a message with a coloured background, where the usual link colour is unreadable. */
export function FlashLink({ href, children }: { href: string; children: ReactNode }) {
  return (
    <Link href={href} color="inverted">
      {children}
    </Link>
  );
}

/** A group with those above it. */
export function groupPath(g: { Name: string; Path: string[] } | null | undefined): string {
  if (!g) return "-";
  return (g.Path.at(-1) === g.Name ? g.Path : [...g.Path, g.Name]).join(" / ");
}

export function Mono({ children }: { children: ReactNode }) {
  return <span className="mono">{children}</span>;
}
