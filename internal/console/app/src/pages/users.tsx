import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CollectionPreferences from "@cloudscape-design/components/collection-preferences";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import Pagination from "@cloudscape-design/components/pagination";
import Table from "@cloudscape-design/components/table";
import { useEffect, useState } from "react";
import type { UserRow } from "../answers_gen";
import { searchable } from "../api";
import { Failed } from "../parts/failed";
import { Page } from "../parts/page";
import { Finder, ProfilePicker } from "../parts/pickers";
import { groupPath, number, ProfileLinks, TagList } from "../parts/show";
import { useRead } from "../query";
import { useInstance, useKept, useStill } from "../state";
import { t } from "../texts";
import { useAddress } from "../address";

const x = t.users;

export default function Users() {
  const instance = useInstance();
  const { get, set } = useAddress({});
  const [text, setText] = useState(get("search"));
  const [preferences, setPreferences] = useKept("users", { pageSize: 25, visible: ["username", "name", "profiles", "group", "tags"] });
  const [tagText, setTagText] = useState(get("tag"));
  const still = useStill(text);
  const stillTag = useStill(tagText);
  useEffect(() => {
    if (still !== get("search")) set({ search: still });
  }, [still]);
  useEffect(() => {
    if (stillTag !== get("tag")) set({ tag: stillTag });
  }, [stillTag]);
  const search = get("search");
  const profile = get("profile");
  const group = get("group");
  const tag = get("tag").trim();
  const [key, ...value] = tag.split("=");
  // Pages are reached by cursors; the cursors of earlier pages are kept, to go back.
  const [tokens, setTokens] = useState<string[]>([""]);
  const [page, setPage] = useState(1);
  useEffect(() => {
    setTokens([""]);
    setPage(1);
  }, [search, profile, group, tag, preferences.pageSize]);
  const loaded = useRead("users", {
    ...searchable(search),
    ...(profile ? { SecurityProfileId: profile } : {}),
    ...(group ? { HierarchyGroupId: group } : {}),
    ...(key ? { Tag: { Key: key, ...(value.length ? { Value: value.join("=") } : {}) } } : {}),
    ...(tokens[page - 1] ? { NextToken: tokens[page - 1] } : {}),
    Limit: preferences.pageSize,
  });
  const data = loaded.data;
  // Only the first page has the total.
  const [total, setTotal] = useState<number>();
  useEffect(() => {
    if (data && !tokens[page - 1]) setTotal(data.Total);
  }, [data]);
  const known = total === undefined ? undefined : Math.max(1, Math.ceil(total / preferences.pageSize));
  // Earlier results do not answer a request that was rejected.
  const refused = loaded.error?.status === 400;
  const clear = () => {
    setText("");
    setTagText("");
    set({ search: "", profile: "", group: "", group_name: "", tag: "" });
  };

  const columns = [
    { id: "username", header: x.username, isRowHeader: true, cell: (u: UserRow) => <Link href={`#/instances/${instance}/users/${u.Id}`}>{u.Username}</Link> },
    { id: "name", header: x.name, cell: (u: UserRow) => `${u.FirstName} ${u.LastName}`.trim() || "-" },
    { id: "profiles", header: x.profiles, minWidth: 180, cell: (u: UserRow) => <ProfileLinks profiles={u.SecurityProfiles} /> },
    { id: "group", header: x.group, minWidth: 180, cell: (u: UserRow) => groupPath(u.HierarchyGroup) },
    { id: "tags", header: x.tags, cell: (u: UserRow) => <TagList tags={u.Tags} /> },
  ];

  return (
    <Page title={x.title} description={x.text}>
      {loaded.error && <Failed error={loaded.error} retry={() => void loaded.refetch()} />}
      {loaded.error?.status !== 403 && (
        <Table
          variant="container"
          stickyHeader
          wrapLines
          items={refused ? [] : (data?.Rows ?? [])}
          trackBy="Id"
          loading={loaded.isFetching && !data}
          loadingText={t.loading}
          ariaLabels={{ tableLabel: x.title }}
          columnDefinitions={columns}
          columnDisplay={columns.map((c) => ({ id: c.id, visible: preferences.visible.includes(c.id) }))}
          header={
            <Header counter={total !== undefined && !refused ? `(${number.format(total)})` : undefined} actions={<Button iconName="refresh" ariaLabel={t.refresh} onClick={() => void loaded.refetch()} />}>
              {x.title}
            </Header>
          }
          filter={
            <div className="filters">
              <div className="grow">
                <Input type="search" value={text} onChange={(e) => setText(e.detail.value)} placeholder={x.search} ariaLabel={x.search} clearAriaLabel={t.clear} />
              </div>
              <ProfilePicker value={profile} onChange={(p) => set({ profile: p })} any={x.anyProfile} label={x.byProfile} />
              <div className="medium">
                <Finder
                  type="HierarchyGroup"
                  value={group}
                  label={get("group_name")}
                  onChange={(g) => set({ group: g.id, group_name: g.label === g.id ? "" : g.label })}
                  ariaLabel={x.byGroup}
                  placeholder={x.byGroup}
                />
              </div>
              <Input value={tagText} onChange={(e) => setTagText(e.detail.value)} placeholder={x.byTag} ariaLabel={x.byTag} />
              {(search || profile || group || tag) && <Button onClick={clear}>{x.clear}</Button>}
            </div>
          }
          pagination={
            <Pagination
              currentPageIndex={page}
              pagesCount={Math.max(page, tokens.length) + (data?.NextToken && page >= tokens.length ? 1 : 0)}
              openEnd={!!data?.NextToken && page >= tokens.length && (known === undefined || known > page + 1)}
              onChange={(e) => {
                const to = e.detail.currentPageIndex;
                if (to <= tokens.length) return setPage(to);
                if (!data?.NextToken || loaded.isFetching) return;
                setTokens([...tokens, data.NextToken]);
                setPage(tokens.length + 1);
              }}
              ariaLabels={t.pagination}
            />
          }
          preferences={
            <CollectionPreferences
              title={t.preferences.title}
              confirmLabel={t.confirm}
              cancelLabel={t.cancel}
              preferences={{ pageSize: preferences.pageSize, visibleContent: preferences.visible }}
              pageSizePreference={{ title: t.preferences.pageSize, options: [10, 25, 50, 100].map((value) => ({ value, label: t.preferences.rows(value) })) }}
              visibleContentPreference={{ title: t.preferences.columns, options: [{ label: x.title, options: columns.map((c) => ({ id: c.id, label: c.header, editable: c.id !== "username" })) }] }}
              onConfirm={(e) => setPreferences({ pageSize: e.detail.pageSize ?? 25, visible: [...(e.detail.visibleContent ?? preferences.visible)] })}
            />
          }
          empty={
            <Box textAlign="center" padding="l">
              {x.none}
            </Box>
          }
        />
      )}
    </Page>
  );
}
