// The parts of a question: who, what, which resource. They are in the address, so that a question is a link.
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import { t } from "../texts";
import type { Choice } from "../choice";
import { Finder, finders, PermissionPicker } from "./pickers";
import { TagRows } from "./rows";

const x = t.question;

export const subjectTypes = ["user", "ai_agent"];
export const resourceTypes = [
  "User",
  "SecurityProfile",
  "Queue",
  "RoutingProfile",
  "HierarchyGroup",
  "HoursOfOperation",
  "ContactFlowModule",
  "QuickConnect",
  "DataTable",
  "Instance",
  "DataTableRow",
  "Contact",
  "Application",
  "FlowModule",
  "AIAgent",
];

const stems: Record<string, string> = {
  Users: "User",
  SecurityProfiles: "SecurityProfile",
  Queues: "Queue",
  RoutingPolicies: "RoutingProfile",
  AgentGrouping: "HierarchyGroup",
  HoursOfOperation: "HoursOfOperation",
  ContactFlowModules: "ContactFlowModule",
  TransferDestinations: "QuickConnect",
  DataTables: "DataTableRow",
  ContactSearch: "Contact",
};

/** The resource type that a permission usually applies to. */
export const typeOf = (permission: string) => stems[permission.split(".")[0]] ?? "Instance";

/** Resource types with actions of their own, for which permissions do not apply. */
export const hasOwnActions = (type: string) => type === "Application" || type === "FlowModule" || type === "AIAgent";

export interface Query {
  get: (name: string) => string;
  set: (change: Record<string, string>) => void;
}

export function WhoField({ get, set }: Query) {
  const kind = get("kind") || "user";
  return (
    <div className="field-pair">
      <FormField label={x.who}>
        <Select
          options={subjectTypes.map((value) => ({ value, label: x.subjects[value] }))}
          selectedOption={{ value: kind, label: x.subjects[kind] }}
          onChange={(e) => set({ kind: e.detail.selectedOption.value === "user" ? "" : e.detail.selectedOption.value!, who: "", name: "" })}
          ariaLabel={x.kind}
        />
      </FormField>
      <FormField label={x.subjects[kind]} stretch>
        <Finder type={kind} value={get("who")} label={get("name")} onChange={(c: Choice) => set({ who: c.id, name: c.label })} ariaLabel={x.subjects[kind]} />
      </FormField>
    </div>
  );
}

export function WhatField({ get, set }: Query) {
  const type = get("type");
  return (
    <FormField label={x.what} stretch>
      {hasOwnActions(type) ? (
        <Input value={get("what")} onChange={(e) => set({ what: e.detail.value })} placeholder={x.ownActions[type]} ariaLabel={x.what} />
      ) : (
        <PermissionPicker
          value={get("what")}
          onChange={(what) => set(typeOf(what) !== type ? { what, type: typeOf(what), on: "", on_name: "" } : { what })}
          label={x.what}
        />
      )}
    </FormField>
  );
}

export function ResourceField({ get, set }: Query) {
  const type = get("type") || "User";
  return (
    <div className="field-pair">
      <FormField label={x.type}>
        <Select
          options={resourceTypes.map((value) => ({ value, label: t.types[value] ?? value }))}
          selectedOption={{ value: type, label: t.types[type] ?? type }}
          onChange={(e) => {
            const to = e.detail.selectedOption.value!;
            set({ type: to, on: "", on_name: "", ...(hasOwnActions(to) !== hasOwnActions(type) ? { what: "" } : {}) });
          }}
          ariaLabel={x.type}
        />
      </FormField>
      {type === "DataTableRow" ? (
        <FormField label={x.attributes} stretch>
          <TagRows
            value={Object.fromEntries(new URLSearchParams(get("attributes")))}
            onChange={(v) => set({ attributes: new URLSearchParams(v).toString() })}
            max={5}
            label={x.attributes}
          />
        </FormField>
      ) : type === "Instance" ? null : (
        <FormField label={t.types[type] ?? type} stretch>
          {finders[type] ? (
            <Finder type={type} value={get("on")} label={get("on_name")} onChange={(c: Choice) => set({ on: c.id, on_name: c.label })} ariaLabel={t.types[type] ?? type} />
          ) : (
            <Input value={get("on")} onChange={(e) => set({ on: e.detail.value })} placeholder={x.ids[type]} ariaLabel={t.types[type] ?? type} />
          )}
        </FormField>
      )}
    </div>
  );
}

/** The question in AuthZEN's terms; parts that are missing are undefined. */
export function asked(get: Query["get"]) {
  const type = get("type") || "User";
  const kind = get("kind") || "user";
  const resource =
    type === "Instance"
      ? { type, id: "" }
      : type === "DataTableRow"
        ? { type, id: get("on") || "row", properties: { attributes: Object.fromEntries(new URLSearchParams(get("attributes"))) } }
        : get("on")
          ? { type, id: get("on") }
          : null;
  return {
    subject: get("who") ? { type: kind, id: get("who"), ...(kind === "ai_agent" && get("assisting") ? { properties: { assisting: get("assisting") } } : {}) } : null,
    action: get("what") ? { name: get("what") } : null,
    resource,
    surface: get("surface"),
  };
}
