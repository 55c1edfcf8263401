// Pickers: the server searches by name; nothing loads whole lists.
import Autosuggest, { type AutosuggestProps } from "@cloudscape-design/components/autosuggest";
import Multiselect from "@cloudscape-design/components/multiselect";
import Select from "@cloudscape-design/components/select";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import type { Named } from "../answers_gen";
import { type ApiError, look, read, searchable } from "../api";
import { type Choice, theOne } from "../choice";
import { pathOf } from "../hierarchy";
import { useRead } from "../query";
import { useInstance, useShared, useStill } from "../state";
import { t } from "../texts";

const x = t.pickers;

/** Profiles whose names match a text; none while the list is that of an earlier text, which would change under the pointer. */
function useProfiles(text: string) {
  const still = useStill(text);
  const loaded = useRead("profiles", { ...searchable(still), PageSize: 50 });
  const current = still === text;
  return { rows: current ? (loaded.data?.Rows ?? []) : [], data: loaded.data, list: listState(loaded, current) };
}

/** What a list says below its options; current is whether they belong to the text. */
function listState(loaded: { error: ApiError | null; isFetching: boolean }, current: boolean) {
  const missing = loaded.error?.body.Permission;
  const status = loaded.error ? "error" : "finished";
  return {
    statusType: !current || loaded.isFetching ? ("loading" as const) : (status as "error" | "finished"),
    loadingText: t.loading,
    errorText: missing ? t.missing(missing) : loaded.error?.message,
    empty: x.none,
  };
}

export function ProfilePicker({ value, onChange, any, label }: { value: string; onChange: (id: string) => void; any: string; label: string }) {
  const [text, setText] = useState("");
  const { rows, data, list } = useProfiles(text);
  const [names, setNames] = useState<Record<string, string>>({});
  useEffect(() => setNames((n) => ({ ...n, ...Object.fromEntries((data?.Rows ?? []).map((r) => [r.Id, r.Name])) })), [data]);
  return (
    <Select
      selectedOption={value ? { value, label: names[value] ?? value } : { value: "", label: any }}
      options={[{ value: "", label: any }, ...rows.map((r) => ({ value: r.Id, label: r.Name }))]}
      onChange={(e) => onChange(e.detail.selectedOption.value ?? "")}
      filteringType="manual"
      onLoadItems={(e) => setText(e.detail.filteringText)}
      filteringAriaLabel={label}
      filteringPlaceholder={x.search}
      {...list}
      ariaLabel={label}
    />
  );
}

export function ProfilesPicker({ value, onChange, label, disabled }: { value: Named[]; onChange: (profiles: Named[]) => void; label: string; disabled?: boolean }) {
  const [text, setText] = useState("");
  const { rows, list } = useProfiles(text);
  const option = (p: Named) => ({ value: p.Id, label: p.Name || p.Id });
  return (
    <Multiselect
      selectedOptions={value.map(option)}
      options={rows.map(option)}
      onChange={(e) => onChange(e.detail.selectedOptions.map((o) => ({ Id: o.value!, Name: o.label ?? "" })))}
      filteringType="manual"
      onLoadItems={(e) => setText(e.detail.filteringText)}
      filteringAriaLabel={label}
      filteringPlaceholder={x.search}
      {...list}
      ariaLabel={label}
      placeholder={x.profiles}
      disabled={disabled}
      deselectAriaLabel={(o) => t.rows.remove(o.label ?? "")}
    />
  );
}

type Find = (instance: string, text: string, signal: AbortSignal) => Promise<(Choice & { description?: string })[]>;

const users: Find = async (instance, text, signal) =>
  (await read(instance, "users", { ...searchable(text), Limit: 20 }, signal)).Rows.map((u) => ({
    id: u.Id,
    label: u.Username,
    description: `${u.FirstName} ${u.LastName}`.trim(),
  }));

const agents: Find = async (instance, text, signal) =>
  (await read(instance, "agents", { ...searchable(text), Limit: 20 }, signal)).Rows.map((a) => ({ id: a.Arn, label: a.Arn }));

const profiles: Find = async (instance, text, signal) =>
  (await read(instance, "profiles", { ...searchable(text), PageSize: 20 }, signal)).Rows.map((p) => ({ id: p.Id, label: p.Name }));

/** The input of a search by name: names that start with one letter, or contain two or more. */
const byName = (InstanceId: string, text: string) => ({
  InstanceId,
  MaxResults: 20,
  ...(text ? { SearchCriteria: { StringCondition: { FieldName: "name", Value: text.slice(0, 25), ComparisonType: text.length < 2 ? ("STARTS_WITH" as const) : ("CONTAINS" as const) } } } : {}),
});

const choice = (id = "", label = "", description?: string) => ({ id, label, description });

export const finders: Partial<Record<string, Find>> = {
  user: users,
  ai_agent: agents,
  User: users,
  SecurityProfile: profiles,
  Queue: async (instance, text, signal) => ((await look("SearchQueues", byName(instance, text), signal)).Queues ?? []).map((r) => choice(r.QueueId, r.Name)),
  RoutingProfile: async (instance, text, signal) =>
    ((await look("SearchRoutingProfiles", byName(instance, text), signal)).RoutingProfiles ?? []).map((r) => choice(r.RoutingProfileId, r.Name)),
  // Groups with the same name are told apart by the groups above them.
  HierarchyGroup: async (instance, text, signal) =>
    ((await look("SearchUserHierarchyGroups", byName(instance, text), signal)).UserHierarchyGroups ?? []).map((r) => choice(r.Id, r.Name, pathOf(r).slice(0, -1).join(" / "))),
  HoursOfOperation: async (instance, text, signal) =>
    ((await look("SearchHoursOfOperations", byName(instance, text), signal)).HoursOfOperations ?? []).map((r) => choice(r.HoursOfOperationId, r.Name)),
  ContactFlowModule: async (instance, text, signal) =>
    ((await look("SearchContactFlowModules", byName(instance, text), signal)).ContactFlowModules ?? []).map((r) => choice(r.Id, r.Name)),
  DataTable: async (instance, text, signal) => ((await look("SearchDataTables", byName(instance, text), signal)).DataTables ?? []).map((r) => choice(r.Id, r.Name)),
  QuickConnect: async (instance, text, signal) =>
    ((await look("SearchQuickConnects", byName(instance, text), signal)).QuickConnects ?? []).map((r) => choice(r.QuickConnectId, r.Name)),
};

/** Reports whether a text is an id or ARN rather than a name. */
export const isId = (text: string) => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$|^arn:/.test(text);

/** Finds something by name, or accepts a typed id. */
export function Finder({ type, value, label, onChange, ariaLabel, placeholder }: { type: string; value: string; label: string; onChange: (choice: Choice) => void; ariaLabel: string; placeholder?: string }) {
  const instance = useInstance();
  const [text, setText] = useState(label || value);
  useEffect(() => setText(label || value), [label, value]);
  const still = useStill(text);
  const chosen = still === label && value !== "";
  const find = finders[type];
  const wanted = chosen ? "" : still.trim();
  const loaded = useQuery({ queryKey: [instance, "find", type, wanted], queryFn: ({ signal }) => find!(instance, wanted, signal), enabled: !!find });
  // A typed name means the one thing with that name; only text that matches nothing is taken for an id.
  const resolve = async (typed: string) => {
    const text = typed.trim();
    const found = find && text && !isId(text) ? await find(instance, text, new AbortController().signal).catch(() => []) : [];
    const hit = theOne(found, text);
    onChange(hit ? { id: hit.id, label: hit.label } : { id: text, label: text });
  };
  // The list of an earlier text would change under the pointer.
  const current = still === text;
  const options: AutosuggestProps.Option[] = (current ? (loaded.data ?? []) : []).map((c) => ({ value: c.label, label: c.label, description: c.description, labelTag: undefined, tags: undefined, filteringTags: [c.id] }));
  return (
    <Autosuggest
      value={text}
      onChange={(e) => {
        setText(e.detail.value);
        if (!find) onChange({ id: e.detail.value, label: e.detail.value });
      }}
      onSelect={(e) => {
        const [id] = e.detail.selectedOption?.filteringTags ?? [];
        const hit = loaded.data?.find((c) => c.id === id);
        if (hit) onChange({ id: hit.id, label: hit.label });
        else void resolve(e.detail.value);
      }}
      onBlur={() => {
        if (text !== label && text !== value) void resolve(text);
      }}
      options={options}
      filteringType="manual"
      enteredTextLabel={x.use}
      {...listState(loaded, current)}
      ariaLabel={ariaLabel}
      placeholder={placeholder ?? x.search}
    />
  );
}

export function PermissionPicker({ value, onChange, label }: { value: string; onChange: (name: string) => void; label: string }) {
  const { catalogue } = useShared();
  const options = useMemo(() => {
    const groups = new Map<string, { value: string; label: string; description: string }[]>();
    for (const p of catalogue.Permissions) groups.set(p.Group, [...(groups.get(p.Group) ?? []), { value: p.Name, label: p.Name, description: p.Label }]);
    return [...groups].sort(([a], [b]) => a.localeCompare(b, "en")).map(([label, options]) => ({ label, options }));
  }, [catalogue]);
  return (
    <Select
      selectedOption={value ? { value, label: value } : null}
      options={options}
      onChange={(e) => onChange(e.detail.selectedOption.value ?? "")}
      filteringType="auto"
      filteringAriaLabel={label}
      virtualScroll
      placeholder={x.permission}
      ariaLabel={label}
    />
  );
}
