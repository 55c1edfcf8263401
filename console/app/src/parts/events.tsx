import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useEffect, useState } from "react";
import { ApiError, type Change, type FieldChange, type HistoryEvent, read } from "../api";
import { useCan, useInstance } from "../state";
import { t } from "../texts";
import { Items } from "./diff";
import { Failed } from "./failed";
import { SubjectLink, When, Who } from "./show";

const x = t.history;

interface Answer {
  Events: HistoryEvent[];
  Next: number;
  Searched: string;
}

/** The changes of one resource or of all, newest first, with what was before and after. */
export function Events({ type, id }: { type?: string; id?: string }) {
  const instance = useInstance();
  const [events, setEvents] = useState<HistoryEvent[]>([]);
  const [next, setNext] = useState<number | null>(null);
  const [searched, setSearched] = useState("");
  const [busy, setBusy] = useState(true);
  const [error, setError] = useState<ApiError | null>(null);

  const load = async (before: number, signal?: AbortSignal) => {
    setBusy(true);
    setError(null);
    try {
      let from = before;
      // Looking far back goes in steps; a few of them at once, so that a page is seldom empty.
      for (let step = 0, got = 0; step < 10 && got < 20; step++) {
        const page = await read<Answer>(instance, "history", { ...(type ? { Type: type } : {}), ...(id ? { Id: id } : {}), ...(from ? { Before: from } : {}), Limit: 25 }, signal);
        setEvents((all) => (step === 0 && before === 0 ? page.Events : [...all, ...page.Events]));
        setNext(page.Next);
        setSearched(page.Searched);
        got += page.Events.length;
        from = page.Next;
        if (!from) break;
      }
    } catch (e) {
      if (signal?.aborted) return;
      setError(e as ApiError);
    }
    setBusy(false);
  };
  useEffect(() => {
    const abort = new AbortController();
    setEvents([]);
    void load(0, abort.signal);
    return () => abort.abort();
  }, [instance, type, id]);

  return (
    <SpaceBetween size="s">
      {error && <Failed error={error} retry={() => void load(next ?? 0)} />}
      <ol className="events">
        {events.map((e) => (
          <li key={`${e.Revision} ${e.Id}`} data-revision={e.Revision}>
            <Event event={e} />
          </li>
        ))}
      </ol>
      {busy && <StatusIndicator type="loading">{t.loading}</StatusIndicator>}
      {!busy && !error && events.length === 0 && !next && (
        <Box textAlign="center" padding="l">
          {x.none}
        </Box>
      )}
      {!busy && !!next && (
        <SpaceBetween direction="horizontal" size="s" alignItems="center">
          <Button onClick={() => void load(next)}>{x.older}</Button>
          <Box color="text-body-secondary">
            {x.searched} <When time={searched} />
          </Box>
        </SpaceBetween>
      )}
    </SpaceBetween>
  );
}

function Event({ event }: { event: HistoryEvent }) {
  const names = event.Changes.length;
  const hidden = event.ChangesTotal - names;
  return (
    <>
      <div className="event-head">
        <b>{event.Operation}</b>
        {event.Refused && <Badge color="red">{x.refused(event.Refused)}</Badge>}
        <span>
          <Who by={event.By} />, <When time={event.Time} />
        </span>
        <span className="secondary" title={event.From.UserAgent}>
          {event.From.Console ? x.fromConsole : x.fromApi} {event.From.SourceIP}, {x.revision(event.Revision)}
        </span>
      </div>
      {event.Changes.slice(0, 3).map((c, i) => (
        <ChangeView key={i} change={c} revision={event.Revision} />
      ))}
      {names > 3 && (
        <ExpandableSection headerText={t.more(event.ChangesTotal - 3)} variant="inline">
          {event.Changes.slice(3).map((c, i) => (
            <ChangeView key={i} change={c} revision={event.Revision} />
          ))}
          {hidden > 0 && <Box color="text-body-secondary">{x.notShown(hidden)}</Box>}
        </ExpandableSection>
      )}
    </>
  );
}

function ChangeView({ change: c, revision }: { change: Change; revision: number }) {
  const instance = useInstance();
  const can = useCan();
  const profile = c.Type === "SecurityProfile";
  const name = c.Name || c.Id;
  return (
    <div className="event-change">
      <SpaceBetween direction="horizontal" size="s">
        <span>
          {x.actions[c.Action] ?? c.Action} {t.types[c.Type] ?? c.Type}{" "}
          {profile && c.Action !== "delete" ? (
            <Link href={`#/instances/${instance}/profiles/${c.Id}`}>{name}</Link>
          ) : (c.Type === "User" || c.Type === "AIAgent") && c.Action !== "delete" ? (
            <SubjectLink type={c.Type === "User" ? "user" : "ai_agent"} id={c.Id} name={name} />
          ) : (
            <b>{name}</b>
          )}
        </span>
        {c.Action !== "delete" && (
          <Link href={`#/instances/${instance}/history/${c.Type}/${encodeURIComponent(c.Id)}/${revision}`} ariaLabel={x.stateOf(name, revision)}>
            {x.state}
          </Link>
        )}
        {c.Action === "update" && profile && can("SecurityProfiles.Edit") && (
          <Link href={`#/instances/${instance}/profiles/${c.Id}?restore=${revision - 1}`} ariaLabel={x.undoOf(name, revision)}>
            {x.undo}
          </Link>
        )}
      </SpaceBetween>
      {c.Fields.length > 0 && c.Action === "update" && <Fields fields={c.Fields} />}
      {c.Fields.length > 0 && c.Action !== "update" && (
        <ExpandableSection headerText={x.fields(c.Fields.length)} variant="footer">
          <Fields fields={c.Fields} />
        </ExpandableSection>
      )}
    </div>
  );
}

export function Fields({ fields }: { fields: FieldChange[] }) {
  return (
    <table className="diff">
      <thead className="hidden">
        <tr>
          <th scope="col">{t.review.field}</th>
          <th scope="col">{t.review.change}</th>
        </tr>
      </thead>
      <tbody>
        {fields.map((f) => {
          const lists = f.Added || f.Removed;
          const removed = lists ? f.Removed ?? [] : show(f.Before);
          const added = lists ? f.Added ?? [] : show(f.After);
          return (
            <tr key={f.Field}>
              <th scope="row">{(t.fields as Record<string, string>)[f.Field] ?? f.Field}</th>
              <td>
                <Items sign="-" list={removed} />
                <Items sign="+" list={added} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** A value as people read it: texts as they are, the rest as it is sent. */
export function show(v: unknown): string[] {
  if (v === null || v === undefined || v === "") return [];
  if (typeof v === "string") return [v];
  if (Array.isArray(v)) return v.flatMap(show);
  if (typeof v === "object") {
    const entries = Object.entries(v);
    if (entries.every(([, value]) => typeof value === "string")) return entries.map(([k, value]) => `${k} = ${value}`);
    return [JSON.stringify(v)];
  }
  return [String(v)];
}
