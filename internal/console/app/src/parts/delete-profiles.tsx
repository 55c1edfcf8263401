import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";
import type { Named } from "../answers_gen";
import { ApiError, call } from "../api";
import { useRead } from "../query";
import { useInstance, useShared } from "../state";
import { t } from "../texts";
import { Ready } from "./page";
import { SubjectLink } from "./show";

const x = t.deleting;

/** Shows which of the profiles are in use before anything is deleted; deletes the others. */
export function DeleteProfiles({ profiles, close }: { profiles: Named[]; close: (changed: boolean) => void }) {
  const instance = useInstance();
  const { notify } = useShared();
  const [done, setDone] = useState<Record<string, true | ApiError>>({});
  const [busy, setBusy] = useState(false);
  const loaded = useRead("blockers", { SecurityProfileIds: profiles.map((p) => p.Id) });
  const free = (loaded.data?.Blockers ?? []).filter((b) => b.Users + b.Agents === 0 && done[b.Id] !== true);
  const changed = Object.values(done).includes(true);

  const run = async () => {
    setBusy(true);
    const results = { ...done };
    for (const b of free) {
      try {
        await call("DeleteSecurityProfile", { InstanceId: instance, SecurityProfileId: b.Id });
        results[b.Id] = true;
      } catch (e) {
        results[b.Id] = e as ApiError;
      }
      setDone({ ...results });
    }
    setBusy(false);
    const n = Object.values(results).filter((r) => r === true).length;
    if (n === profiles.length) {
      notify({ type: "success", header: x.done(n) });
      close(true);
    }
  };

  return (
    <Modal
      visible
      size="large"
      header={x.title(profiles.length)}
      onDismiss={() => close(changed)}
      closeAriaLabel={t.close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={() => close(changed)}>
              {changed ? t.close : t.cancel}
            </Button>
            <Button variant="primary" disabled={free.length === 0} loading={busy} onClick={() => void run()}>
              {x.action(free.length)}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <Ready of={loaded}>
        {(data) => (
          <SpaceBetween size="m">
            {data.Blockers.some((b) => b.Users + b.Agents > 0) && <Alert type="warning">{x.blocked}</Alert>}
            <Table
              variant="embedded"
              wrapLines
              items={data.Blockers}
              trackBy="Id"
              columnDefinitions={[
                { id: "name", header: t.profiles.name, isRowHeader: true, cell: (b) => b.Name || b.Id },
                {
                  id: "state",
                  header: x.state,
                  cell: (b) => {
                    const r = done[b.Id];
                    if (r === true) return <StatusIndicator type="success">{x.gone}</StatusIndicator>;
                    if (r) return <StatusIndicator type="error">{r.body.Permission ? t.missing(r.body.Permission) : r.message}</StatusIndicator>;
                    if (b.Users + b.Agents === 0) return <StatusIndicator type="pending">{x.free}</StatusIndicator>;
                    return <StatusIndicator type="stopped">{x.held(b.Users, b.Agents)}</StatusIndicator>;
                  },
                },
                {
                  id: "sample",
                  header: x.by,
                  cell: (b) => (
                    <SpaceBetween direction="horizontal" size="xs">
                      {b.Sample.map((s) => (
                        <SubjectLink key={s.Id} type={s.Type} id={s.Id} name={s.Name} />
                      ))}
                      {b.Users + b.Agents > b.Sample.length && <>{t.more(b.Users + b.Agents - b.Sample.length)}</>}
                    </SpaceBetween>
                  ),
                },
              ]}
            />
          </SpaceBetween>
        )}
      </Ready>
    </Modal>
  );
}
