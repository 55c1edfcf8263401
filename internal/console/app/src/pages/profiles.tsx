import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CollectionPreferences from "@cloudscape-design/components/collection-preferences";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import Pagination from "@cloudscape-design/components/pagination";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { useEffect, useState } from "react";
import { useNavigate } from "react-router";
import { useAddress } from "../address";
import type { ProfileRow } from "../answers_gen";
import { searchable } from "../api";
import { DeleteProfiles } from "../parts/delete-profiles";
import { Failed } from "../parts/failed";
import { Page } from "../parts/page";
import { number, TagList, When, Who } from "../parts/show";
import { useRead } from "../query";
import { useCan, useInstance, useKept, useStill } from "../state";
import { t } from "../texts";

const x = t.profiles;

export default function Profiles() {
  const instance = useInstance();
  const can = useCan();
  const navigate = useNavigate();
  const { get, set } = useAddress({ sort: "Name", page: "1" });
  const [preferences, setPreferences] = useKept("profiles", { pageSize: 25, visible: ["name", "holders", "reach", "permissions", "modified", ...(innerWidth < 1000 ? [] : ["by"])] });
  const [selected, setSelected] = useState<ProfileRow[]>([]);
  const [deleting, setDeleting] = useState<ProfileRow[] | null>(null);
  const [text, setText] = useState(get("search"));
  const [value, setValue] = useState(get("value"));
  const still = useStill(text);
  const stillValue = useStill(value);
  useEffect(() => {
    if (still !== get("search")) set({ search: still, page: "1" });
  }, [still]);
  useEffect(() => {
    if (stillValue !== get("value")) set({ value: stillValue, page: "1" });
  }, [stillValue]);

  const [search, key, tagValue, sort, descending, page] = ["search", "key", "value", "sort", "descending", "page"].map(get);
  const loaded = useRead("profiles", {
    ...searchable(search),
    ...(key ? { Tag: { Key: key, ...(tagValue ? { Value: tagValue } : {}) } } : {}),
    Sort: sort,
    Descending: descending === "1",
    Page: Math.max(1, Number(page) || 1),
    PageSize: preferences.pageSize,
  });
  const data = loaded.data;
  const rows = data?.Rows ?? [];

  const columns: (TableProps.ColumnDefinition<ProfileRow> & { id: string })[] = [
    {
      id: "name",
      header: x.name,
      sortingField: "Name",
      isRowHeader: true,
      minWidth: 165,
      cell: (r) => (
        <>
          <Link href={`#/instances/${instance}/profiles/${r.Id}`}>{r.Name}</Link>
          {r.Description && <div className="secondary small">{r.Description}</div>}
        </>
      ),
    },
    { id: "holders", header: x.holders, sortingField: "Holders", minWidth: 84, cell: (r) => number.format(r.Holders) },
    {
      id: "reach",
      header: x.reach,
      minWidth: 132,
      cell: (r) => (
        <SpaceBetween direction="horizontal" size="xxs">
          {r.TagRestricted && <Badge color="blue">{x.byTag}</Badge>}
          {r.HierarchyRestricted && <Badge color="blue">{x.byHierarchy}</Badge>}
          {!r.TagRestricted && !r.HierarchyRestricted && <Box color="text-body-secondary">{x.everything}</Box>}
        </SpaceBetween>
      ),
    },
    {
      id: "permissions",
      header: x.permissions,
      minWidth: 112,
      cell: (r) => (
        <>
          {number.format(r.Permissions)} {r.Sensitive > 0 && <Badge color="red">{x.sensitive(r.Sensitive)}</Badge>}
        </>
      ),
    },
    { id: "tags", header: x.tags, minWidth: 120, cell: (r) => <TagList tags={r.Tags} /> },
    { id: "modified", header: x.modified, sortingField: "Modified", minWidth: 118, cell: (r) => <When time={r.LastModified.Time} /> },
    { id: "by", header: x.by, minWidth: 92, cell: (r) => <Who by={r.LastModified.By} /> },
    { id: "id", header: x.id, minWidth: 120, cell: (r) => <span className="mono">{r.Id}</span> },
  ];
  const missing = (permission: string) => (can(permission) ? undefined : t.missing(permission));

  return (
    <Page title={x.title} description={x.text}>
      {loaded.error && <Failed error={loaded.error} retry={() => void loaded.refetch()} />}
      {loaded.error?.status !== 403 && (
        <Table
          variant="container"
          stickyHeader
          resizableColumns={false}
          wrapLines
          items={rows}
          trackBy="Id"
          loading={loaded.isFetching && !data}
          loadingText={t.loading}
          selectionType="multi"
          selectedItems={selected}
          onSelectionChange={(e) => setSelected(e.detail.selectedItems)}
          ariaLabels={{ selectionGroupLabel: x.select, allItemsSelectionLabel: () => x.selectAll, itemSelectionLabel: (_, r) => r.Name, tableLabel: x.title }}
          columnDefinitions={columns}
          columnDisplay={columns.map((c) => ({ id: c.id, visible: preferences.visible.includes(c.id) }))}
          sortingColumn={columns.find((c) => c.sortingField === sort)}
          sortingDescending={descending === "1"}
          onSortingChange={(e) => set({ sort: e.detail.sortingColumn.sortingField ?? "Name", descending: e.detail.isDescending ? "1" : "", page: "1" })}
          header={
            <Header
              counter={data ? `(${number.format(data.Total)})` : undefined}
              actions={
                <SpaceBetween direction="horizontal" size="xs">
                  <Button iconName="refresh" ariaLabel={t.refresh} onClick={() => void loaded.refetch()} />
                  <Button
                    disabled={selected.length === 0 || !can("SecurityProfiles.Delete")}
                    disabledReason={missing("SecurityProfiles.Delete")}
                    onClick={() => setDeleting(selected)}
                  >
                    {t.delete}
                  </Button>
                  <Button
                    disabled={selected.length !== 1 || !can("SecurityProfiles.Create")}
                    disabledReason={missing("SecurityProfiles.Create")}
                    onClick={() => void navigate(`/instances/${instance}/profiles/new?from=${selected[0].Id}`)}
                  >
                    {x.copy}
                  </Button>
                  <Button variant="primary" href={`#/instances/${instance}/profiles/new`} disabled={!can("SecurityProfiles.Create")} disabledReason={missing("SecurityProfiles.Create")}>
                    {x.create}
                  </Button>
                </SpaceBetween>
              }
            >
              {x.title}
            </Header>
          }
          filter={
            <div className="filters">
              <div className="grow">
                <Input type="search" value={text} onChange={(e) => setText(e.detail.value)} placeholder={x.search} ariaLabel={x.search} clearAriaLabel={t.clear} />
              </div>
              <Select
                selectedOption={key ? { value: key, label: key } : { value: "", label: x.anyTag }}
                onChange={(e) => {
                  setValue("");
                  set({ key: e.detail.selectedOption.value ?? "", value: "", page: "1" });
                }}
                options={[{ value: "", label: x.anyTag }, ...(data?.TagKeys ?? []).map((k) => ({ value: k, label: k }))]}
                ariaLabel={x.tagKey}
              />
              {key && <Input value={value} onChange={(e) => setValue(e.detail.value)} placeholder={x.tagValue} ariaLabel={x.tagValue} />}
            </div>
          }
          pagination={
            <Pagination
              currentPageIndex={data?.Page ?? 1}
              pagesCount={Math.max(1, data?.Pages ?? 1)}
              onChange={(e) => set({ page: String(e.detail.currentPageIndex) })}
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
              visibleContentPreference={{
                title: t.preferences.columns,
                options: [{ label: x.title, options: columns.map((c) => ({ id: c.id, label: c.header as string, editable: c.id !== "name" })) }],
              }}
              onConfirm={(e) => setPreferences({ pageSize: e.detail.pageSize ?? 25, visible: [...(e.detail.visibleContent ?? preferences.visible)] })}
            />
          }
          empty={
            <Box textAlign="center" color="inherit" padding="l">
              <b>{search || key ? x.noMatch : x.none}</b>
              {(search || key) && (
                <Box padding={{ top: "s" }}>
                  <Button
                    onClick={() => {
                      setText("");
                      setValue("");
                      set({ search: "", key: "", value: "", page: "1" });
                    }}
                  >
                    {x.clearFilters}
                  </Button>
                </Box>
              )}
            </Box>
          }
        />
      )}
      {deleting && (
        <DeleteProfiles
          profiles={deleting}
          close={(changed) => {
            setDeleting(null);
            if (changed) {
              setSelected([]);
              void loaded.refetch();
            }
          }}
        />
      )}
    </Page>
  );
}
