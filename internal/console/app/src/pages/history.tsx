import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import { useEffect, useState } from "react";
import { ApiError, read } from "../api";
import { Events } from "../parts/events";
import { Failed } from "../parts/failed";
import { Page } from "../parts/page";
import { useInstance, useShared, useStill } from "../state";
import { t } from "../texts";
import { useAddress } from "../address";

const x = t.history;
const types = ["SecurityProfile", "User", "AIAgent", "HierarchyGroup", "Queue", "RoutingProfile", "HoursOfOperation", "ContactFlowModule", "QuickConnect", "DataTable", "Instance"];

export default function History() {
  const instance = useInstance();
  const { notify } = useShared();
  const { get, set } = useAddress({});
  const [id, setId] = useState(get("id"));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const still = useStill(id.trim());
  useEffect(() => {
    if (still !== get("id")) set({ id: still });
  }, [still]);
  const type = get("type");
  useEffect(() => setId(get("id")), [get("id")]);

  const exportAll = async () => {
    setBusy(true);
    setError(null);
    try {
      const records: unknown[] = [];
      let before = 0;
      do {
        const page = await read(instance, "history/export", { ...(type ? { Type: type } : {}), ...(still ? { Id: still } : {}), ...(before ? { Before: before } : {}), Limit: 100 });
        records.push(...page.Records);
        before = page.Next;
      } while (before && records.length < 10000);
      if (before) notify({ type: "warning", header: x.cut, content: x.cutText });
      const url = URL.createObjectURL(new Blob([JSON.stringify({ Records: records }, null, 2)], { type: "application/json" }));
      const a = document.createElement("a");
      a.href = url;
      a.download = `cloudtrail-${instance}.json`;
      a.click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    } catch (e) {
      setError(e as ApiError);
    }
    setBusy(false);
  };

  const options = [{ value: "", label: x.everything }, ...types.map((v) => ({ value: v, label: t.types[v] ?? v }))];
  return (
    <Page
      title={x.title}
      description={x.text}
      actions={
        <Button iconName="download" loading={busy} onClick={() => void exportAll()}>
          {x.export}
        </Button>
      }
    >
      {error && <Failed error={error} />}
      <div className="filters">
        <Select selectedOption={options.find((o) => o.value === type) ?? options[0]} options={options} onChange={(e) => set({ type: e.detail.selectedOption.value ?? "", id: "" })} ariaLabel={x.type} />
        {type && (
          <div className="grow">
            <Input type="search" value={id} onChange={(e) => setId(e.detail.value)} placeholder={x.id} ariaLabel={x.id} clearAriaLabel={t.clear} />
          </div>
        )}
      </div>
      <Container>
        <Events type={type || undefined} id={(type && get("id")) || undefined} />
      </Container>
    </Page>
  );
}
