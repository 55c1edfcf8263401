import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Multiselect from "@cloudscape-design/components/multiselect";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs, { type TabsProps } from "@cloudscape-design/components/tabs";
import Textarea from "@cloudscape-design/components/textarea";
import Toggle from "@cloudscape-design/components/toggle";
import { type ReactNode, useMemo } from "react";
import { diff, type Editable, type Field, granularOf, rulesOf } from "../profile";
import { useModules } from "../query";
import { useShared } from "../state";
import { t } from "../texts";
import { Failed } from "./failed";
import { HierarchyPicker } from "./hierarchy-picker";
import { Matrix } from "./matrix";
import { AgentRows, Applications, Rules, TagRows } from "./rows";

const x = t.editor;

export type Problems = Partial<Record<string, string>>;

interface Props {
  value: Editable;
  saved: Editable;
  onChange: (value: Editable) => void;
  problems: Problems;
  onProblem: (field: Field, problem: string | undefined) => void;
  /** Shown in the details tab below the description. */
  details: ReactNode;
  detailsChanged?: boolean;
  more?: TabsProps.Tab[];
  tab: string;
  onTab: (tab: string) => void;
  disabled?: boolean;
}

const tabOf: Record<Field, string> = {
  Description: "details",
  Permissions: "permissions",
  AllowedAccessControlTags: "reach",
  TagRestrictedResources: "reach",
  HierarchyRestrictedResources: "reach",
  AllowedAccessControlHierarchyGroupId: "reach",
  Applications: "tools",
  AllowedFlowModules: "tools",
  AllowedAIAgents: "tools",
  GranularAccessControlConfiguration: "rows",
};

/** The tab that shows a field, to open it when the field is wrong. */
export const tabFor = (field: string) => tabOf[field as Field] ?? "details";

/** A control for every parameter of UpdateSecurityProfile. */
export function Editor({ value, saved, onChange, problems, onProblem, details, detailsChanged, more = [], tab, onTab, disabled }: Props) {
  const { catalogue } = useShared();
  const changed = useMemo(() => new Set<string>(diff(saved, value).map((d) => d.field)), [saved, value]);
  const put = <F extends Field>(field: F, v: Editable[F], problem?: string) => {
    onChange({ ...value, [field]: v });
    onProblem(field, problem);
  };
  const mark = (fields: Field[], also = false) => (
    <>
      {(also || fields.some((f) => changed.has(f))) && <Badge color="blue">{x.changed}</Badge>}
      {fields.some((f) => problems[f]) && <Badge color="red">{x.problem}</Badge>}
    </>
  );
  const label = (id: string, fields: Field[], also = false) => (
    <span className="tab-label">
      {x.tabs[id]} {mark(fields, also)}
    </span>
  );
  const title = (field: Field) => (
    <>
      {t.fields[field]} {changed.has(field) && <Badge color="blue">{x.changed}</Badge>}
    </>
  );
  const own = value.HierarchyRestrictedResources.length > 0;

  return (
    <Tabs
      activeTabId={tab}
      onChange={(e) => onTab(e.detail.activeTabId)}
      ariaLabel={x.label}
      tabs={[
        {
          id: "permissions",
          label: label("permissions", ["Permissions"]),
          content: (
            <FormField stretch errorText={problems.Permissions}>
              <Matrix granted={value.Permissions} saved={saved.Permissions} onChange={disabled ? undefined : (v) => put("Permissions", v)} />
            </FormField>
          ),
        },
        {
          id: "reach",
          label: label("reach", ["AllowedAccessControlTags", "TagRestrictedResources", "HierarchyRestrictedResources", "AllowedAccessControlHierarchyGroupId"]),
          content: (
            <div className="columns">
              <Container header={<Header variant="h2" description={x.tagsText}>{x.tags}</Header>}>
                <SpaceBetween size="l">
                  <FormField label={title("TagRestrictedResources")} description={x.restrictedText} errorText={problems.TagRestrictedResources}>
                    <Multiselect
                      options={[...new Set([...catalogue.TagRestrictable, ...value.TagRestrictedResources])].map((v) => ({ value: v, label: t.restricted[v] ?? v }))}
                      selectedOptions={value.TagRestrictedResources.map((v) => ({ value: v, label: t.restricted[v] ?? v }))}
                      onChange={(e) => put("TagRestrictedResources", e.detail.selectedOptions.map((o) => o.value!))}
                      placeholder={x.chooseTypes}
                      ariaLabel={t.fields.TagRestrictedResources}
                      disabled={disabled}
                      deselectAriaLabel={(o) => t.rows.remove(o.label ?? "")}
                    />
                  </FormField>
                  <FormField label={title("AllowedAccessControlTags")} description={x.accessTagsText} errorText={problems.AllowedAccessControlTags} stretch>
                    <TagRows value={value.AllowedAccessControlTags} onChange={(v, p) => put("AllowedAccessControlTags", v, p)} max={4} label={t.fields.AllowedAccessControlTags} disabled={disabled} />
                  </FormField>
                  {(Object.keys(value.AllowedAccessControlTags).length === 0) !== (value.TagRestrictedResources.length === 0) && <Alert type="warning">{x.half}</Alert>}
                </SpaceBetween>
              </Container>
              <Container header={<Header variant="h2" description={x.hierarchyText}>{x.hierarchy}</Header>}>
                <SpaceBetween size="l">
                  <FormField errorText={problems.HierarchyRestrictedResources} label={title("HierarchyRestrictedResources")}>
                    <Toggle
                      checked={own}
                      disabled={disabled}
                      onChange={(e) => {
                        onChange({ ...value, HierarchyRestrictedResources: e.detail.checked ? catalogue.HierarchyRestrictable : [], ...(e.detail.checked ? {} : { AllowedAccessControlHierarchyGroupId: "" }) });
                        onProblem("HierarchyRestrictedResources", undefined);
                        onProblem("AllowedAccessControlHierarchyGroupId", undefined);
                      }}
                    >
                      {x.restrictUsers}
                    </Toggle>
                  </FormField>
                  {(own || value.AllowedAccessControlHierarchyGroupId) && (
                    <FormField label={title("AllowedAccessControlHierarchyGroupId")} description={x.groupText} errorText={problems.AllowedAccessControlHierarchyGroupId} stretch>
                      <HierarchyPicker
                        value={value.AllowedAccessControlHierarchyGroupId}
                        onChange={(v) => put("AllowedAccessControlHierarchyGroupId", v)}
                        own={x.own}
                        label={t.fields.AllowedAccessControlHierarchyGroupId}
                        disabled={disabled}
                      />
                    </FormField>
                  )}
                  {!own && value.AllowedAccessControlHierarchyGroupId && <Alert type="warning">{x.groupAlone}</Alert>}
                </SpaceBetween>
              </Container>
            </div>
          ),
        },
        {
          id: "tools",
          label: label("tools", ["Applications", "AllowedFlowModules", "AllowedAIAgents"]),
          content: (
            <SpaceBetween size="l">
              <Container header={<Header variant="h2" description={x.applicationsText}>{title("Applications")}</Header>}>
                <FormField stretch errorText={problems.Applications}>
                  <Applications value={value.Applications} onChange={(v, p) => put("Applications", v, p)} disabled={disabled} />
                </FormField>
              </Container>
              <Container header={<Header variant="h2" description={x.modulesText}>{title("AllowedFlowModules")}</Header>}>
                <FormField stretch errorText={problems.AllowedFlowModules}>
                  <Modules value={value.AllowedFlowModules} onChange={(v) => put("AllowedFlowModules", v)} disabled={disabled} />
                </FormField>
              </Container>
              <Container header={<Header variant="h2" description={x.agentsText}>{title("AllowedAIAgents")}</Header>}>
                <FormField stretch errorText={problems.AllowedAIAgents}>
                  <AgentRows value={value.AllowedAIAgents} onChange={(v, p) => put("AllowedAIAgents", v, p)} disabled={disabled} />
                </FormField>
              </Container>
            </SpaceBetween>
          ),
        },
        {
          id: "rows",
          label: label("rows", ["GranularAccessControlConfiguration"]),
          content: (
            <Container header={<Header variant="h2" description={x.rowsText}>{title("GranularAccessControlConfiguration")}</Header>}>
              <FormField stretch errorText={problems.GranularAccessControlConfiguration}>
                <Rules value={rulesOf(value.GranularAccessControlConfiguration)} onChange={(v, p) => put("GranularAccessControlConfiguration", granularOf(v), p)} disabled={disabled} />
              </FormField>
            </Container>
          ),
        },
        {
          id: "details",
          label: label("details", ["Description"], detailsChanged),
          content: (
            <div className="columns">
              <Container header={<Header variant="h2">{x.tabs.details}</Header>}>
                <FormField label={title("Description")} constraintText={x.descriptionText(value.Description.length)} errorText={problems.Description} stretch>
                  <Textarea
                    value={value.Description}
                    onChange={(e) => put("Description", e.detail.value, e.detail.value.length > 250 ? x.tooLong : undefined)}
                    ariaLabel={t.fields.Description}
                    disabled={disabled}
                    rows={3}
                  />
                </FormField>
              </Container>
              {details}
            </div>
          ),
        },
        ...more,
      ]}
    />
  );
}

function Modules({ value, onChange, disabled }: { value: Editable["AllowedFlowModules"]; onChange: (v: Editable["AllowedFlowModules"]) => void; disabled?: boolean }) {
  const loaded = useModules();
  const modules = loaded.data ?? [];
  const option = (id: string) => ({ value: id, label: modules.find((m) => m.Id === id)?.Name ?? id, description: id });
  return (
    <SpaceBetween size="xs">
      {loaded.error && <Failed error={loaded.error} retry={() => void loaded.refetch()} />}
      <Multiselect
        options={modules.map((m) => option(m.Id))}
        selectedOptions={value.map((m) => option(m.FlowModuleId))}
        onChange={(e) => onChange(e.detail.selectedOptions.map((o) => ({ Type: "MCP", FlowModuleId: o.value! })))}
        placeholder={x.chooseModules}
        ariaLabel={t.fields.AllowedFlowModules}
        filteringType="auto"
        statusType={loaded.isFetching ? "loading" : "finished"}
        empty={<Box>{x.noModules}</Box>}
        disabled={disabled}
        deselectAriaLabel={(o) => t.rows.remove(o.label ?? "")}
      />
    </SpaceBetween>
  );
}
