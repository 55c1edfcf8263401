import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { type ApiError, ask } from "../api";
import type { Affected, Difference, Effects, Grant, Granted, Thing as ThingOf } from "../questions_gen";
import { useGroupNames } from "../names";
import { useInstance } from "../state";
import { t } from "../texts";
import { Failed } from "./failed";
import { PermissionText, SensitiveAlert, usePermissions } from "./permission";
import { number, SubjectLink } from "./show";

const x = t.blast;

/** Who would gain or lose what, page by page. If the change itself is rejected, `refused` is told. */
export function Blast({ operation, parameters, refused }: { operation: string; parameters: object; refused?: (e: ApiError) => void }) {
  const instance = useInstance();
  const loaded = useInfiniteQuery({
    queryKey: [instance, "what-if", operation, parameters],
    queryFn: ({ pageParam: token, signal }) => ask(instance, "what-if", { operation, parameters, page: { limit: 25, ...(token ? { token } : {}) } }, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.page.next_token || undefined,
    placeholderData: undefined, // another change affects others
  });
  const { error, hasNextPage, fetchNextPage, refetch } = loaded;
  const pages = loaded.data?.pages ?? [];
  useEffect(() => {
    if (error && [400, 403, 404].includes(error.status)) refused?.(error);
  }, [error]);

  const nameGroups = useGroupNames(pages.flatMap(conditionsOf));
  const permissions = usePermissions();
  const sensitive = (d: Difference) => [...d.gains, ...d.changes.filter((c) => c.more)].map((e) => e.action).filter((a) => permissions.get(a)?.Sensitive);
  const groups = groupsOf(pages);
  const exposed = groups.filter((g) => sensitive(g.difference).length > 0);
  const first = pages[0];
  return (
    <SpaceBetween size="s">
      {error && <Failed error={error} retry={() => void (first ? fetchNextPage() : refetch())} />}
      {!first && !error && <Spinner />}
      {first && !!first.hidden && <Alert type="info">{x.hidden(first.hidden)}</Alert>}
      {first && first.affected === 0 && !first.hidden && <Alert type="success">{x.nobody}</Alert>}
      {first && first.affected > 0 && (
        <>
          <div className="figures" data-affected={first.affected}>
            <Figure n={first.affected} text={x.affected} />
            <Figure n={first.gaining} text={x.gaining} kind="added" />
            <Figure n={first.losing} text={x.losing} kind="removed" />
          </div>
          {/* People for whom the same changes are listed together. */}
          <SensitiveAlert names={[...new Set(exposed.flatMap((g) => sensitive(g.difference)))].sort()} people={x.sensitive(exposed.reduce((n, g) => n + g.people.length, 0), hasNextPage)} />
          {groups.map(({ key, difference, people }) => (
            <div className="blast" key={key}>
              <div className="names">
                {people.map((p) => (
                  <SubjectLink key={p.id} type={p.type} id={p.id} name={p.properties?.name} />
                ))}
              </div>
              <ExpandableSection
                variant="inline"
                defaultExpanded={difference.gains.length + difference.loses.length + difference.changes.length <= 8}
                headerText={x.summary(difference.gains.length, difference.loses.length, difference.changes.length)}
              >
                <Things sign="+" list={difference.gains} named={nameGroups} />
                <Things sign="-" list={difference.loses} named={nameGroups} />
                {difference.changes.map((c) => (
                  <div key={thing(c)} className="changed-line">
                    <Thing of={c} />: {c.more && c.less ? x.other : c.more ? x.moreReach : x.lessReach}
                    <div className="removed">
                      {x.before} {nameGroups(grants(c.before))}
                    </div>
                    <div className="added">
                      {x.after} {nameGroups(grants(c.after))}
                    </div>
                  </div>
                ))}
              </ExpandableSection>
            </div>
          ))}
          {hasNextPage && (
            <Button loading={loaded.isFetchingNextPage} onClick={() => void fetchNextPage()}>
              {x.more}
            </Button>
          )}
        </>
      )}
    </SpaceBetween>
  );
}

const conditionsOf = (page: Effects): string[] =>
  page.differences.flatMap((d) => [...d.gains.flatMap((e) => e.grants), ...d.loses.flatMap((e) => e.grants), ...d.changes.flatMap((c) => [...c.before, ...c.after])]).flatMap((g) => g.conditions);

function groupsOf(pages: Effects[]) {
  const groups = new Map<string, { key: string; difference: Difference; people: Affected[] }>();
  for (const page of pages)
    for (const r of page.results) {
      const difference = page.differences[r.difference];
      const key = JSON.stringify(difference);
      const group = groups.get(key) ?? { key, difference, people: [] };
      groups.set(key, group);
      group.people.push(r);
    }
  return [...groups.values()];
}

export const thing = (e: ThingOf) => (e.resource ? `${e.action} (${e.resource.type} ${e.resource.id})` : e.action);

export function grants(list: Grant[]): string {
  if (list.length === 0) return x.no;
  return list.map((g) => (g.conditions.length ? x.where(g.name || t.hiddenProfile, g.conditions.join(x.and)) : g.name || t.hiddenProfile)).join("; ");
}

/** A permission, or an action on one resource. */
function Thing({ of: e }: { of: ThingOf }) {
  return e.resource ? <b>{thing(e)}</b> : <PermissionText name={e.action} />;
}

function Things({ sign, list, named }: { sign: "+" | "-"; list: Granted[]; named: (text: string) => string }) {
  return (
    <>
      {list.map((e) => (
        <div key={thing(e)} className={sign === "+" ? "added" : "removed"}>
          <span aria-hidden="true">{sign === "+" ? "+" : "\u2212"} </span>
          <span className="hidden">{sign === "+" ? x.gains : x.loses} </span>
          <Thing of={e} />
          {e.grants.some((g) => g.conditions.length > 0) && <span className="secondary"> {named(grants(e.grants))}</span>}
        </div>
      ))}
    </>
  );
}

function Figure({ n, text, kind }: { n: number; text: string; kind?: string }) {
  return (
    <div>
      <div className={`figure ${kind ?? ""}`}>{number.format(n)}</div>
      <div className="secondary">{text}</div>
    </div>
  );
}
