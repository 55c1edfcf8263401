import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { FieldChange, HistoryAnswer, HistoryChange, HistoryEvent } from "../answers_gen";
import { read } from "../api";
import { type Names, touched } from "../history";
import { useCan, useInstance } from "../state";
import { t } from "../texts";
import { Items } from "./diff";
import { Failed } from "./failed";
import { SubjectLink, When, Who } from "./show";

const x = t.history;

/** Reads the next changes. The server searches far back in steps; a page takes several, so that it is rarely empty. */
async function searchBack(instance: string, what: object, before: number, signal: AbortSignal): Promise<HistoryAnswer> {
  const found: HistoryAnswer = { Events: [], Names: {}, Next: before, Searched: null, Revision: 0 };
  for (let step = 0; step < 10 && found.Events.length < 20; step++) {
    const page = await read(instance, "history", { ...what, ...(found.Next ? { Before: found.Next } : {}), Limit: 25 }, signal);
    found.Events.push(...page.Events);
    Object.assign(found.Names, page.Names);
    found.Next = page.Next;
    found.Searched = page.Searched;
    if (!page.Next) break;
  }
  return found;
}

/** The changes of one resource or of all, newest first, with the values before and after. */
export function Events({ type, id }: { type?: string; id?: string }) {
  const instance = useInstance();
  const loaded = useInfiniteQuery({
    queryKey: [instance, "history", type, id],
    queryFn: ({ pageParam, signal }) => searchBack(instance, { ...(type ? { Type: type } : {}), ...(id ? { Id: id } : {}) }, pageParam, signal),
    initialPageParam: 0,
    getNextPageParam: (last) => last.Next || undefined,
    placeholderData: undefined, // the changes of something else
  });
  const { error, hasNextPage, fetchNextPage, refetch } = loaded;
  const pages = loaded.data?.pages ?? [];
  const events = pages.flatMap((p) => p.Events);
  const names: Names = Object.assign({}, ...pages.map((p) => p.Names));
  const busy = loaded.isPending || loaded.isFetchingNextPage;
  return (
    <SpaceBetween size="s">
      {error && <Failed error={error} retry={() => void (loaded.data ? fetchNextPage() : refetch())} />}
      <ol className="events">
        {events.map((e) => (
          <li key={`${e.Revision} ${e.Id}`} data-revision={e.Revision}>
            <Event event={e} called={names} />
          </li>
        ))}
      </ol>
      {busy && !error && <StatusIndicator type="loading">{t.loading}</StatusIndicator>}
      {!busy && !error && events.length === 0 && !hasNextPage && (
        <Box textAlign="center" padding="l">
          {x.none}
        </Box>
      )}
      {!busy && hasNextPage && (
        <SpaceBetween direction="horizontal" size="s" alignItems="center">
          <Button onClick={() => void fetchNextPage()}>{x.older}</Button>
          <Box color="text-body-secondary">
            {x.searched} <When time={pages.at(-1)!.Searched} />
          </Box>
        </SpaceBetween>
      )}
    </SpaceBetween>
  );
}

function Event({ event, called }: { event: HistoryEvent; called: Names }) {
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
        <ChangeView key={i} change={c} revision={event.Revision} called={called} />
      ))}
      {names > 3 && (
        <ExpandableSection headerText={t.more(event.ChangesTotal - 3)} variant="inline">
          {event.Changes.slice(3).map((c, i) => (
            <ChangeView key={i} change={c} revision={event.Revision} called={called} />
          ))}
          {hidden > 0 && <Box color="text-body-secondary">{x.notShown(hidden)}</Box>}
        </ExpandableSection>
      )}
    </>
  );
}

function ChangeView({ change: c, revision, called }: { change: HistoryChange; revision: number; called: Names }) {
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
      {c.Fields.length > 0 && c.Action === "update" && <Fields fields={c.Fields} names={called} />}
      {c.Fields.length > 0 && c.Action !== "update" && (
        <ExpandableSection headerText={x.fields(c.Fields.length)} variant="footer">
          <Fields fields={c.Fields} names={called} />
        </ExpandableSection>
      )}
    </div>
  );
}

export function Fields({ fields, names = {} }: { fields: FieldChange[]; names?: Names }) {
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
          const { removed, added } = touched(f.Before, f.After, names);
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
