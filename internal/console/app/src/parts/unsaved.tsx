import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import type { useUnsaved } from "../state";
import { t } from "../texts";
import { When } from "./show";

/** Shown on every tab of a page with unsaved changes; for a restored draft it says when it was typed. */
export function Unsaved({ fields, cameBack, discard, actions }: { fields: string[]; cameBack?: string; discard: () => void; actions?: ReactNode }) {
  return (
    <div className="unsaved" role="status">
      <Alert
        type="info"
        header={cameBack ? t.unsaved.restored : t.unsaved.changes(fields.length)}
        action={
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={discard}>{cameBack ? t.unsaved.discard : t.unsaved.drop}</Button>
            {actions}
          </SpaceBetween>
        }
      >
        {cameBack && (
          <>
            {t.unsaved.restoredText} <When time={cameBack} />.{" "}
          </>
        )}
        {fields.join(", ")}
      </Alert>
    </div>
  );
}

/** Asks for confirmation before the user leaves a page with unsaved changes. */
export function Leaving({ blocker, leave }: { blocker: ReturnType<typeof useUnsaved>; leave?: () => void }) {
  if (blocker.state !== "blocked") return null;
  return (
    <Modal
      visible
      header={t.unsaved.title}
      onDismiss={() => blocker.reset()}
      closeAriaLabel={t.unsaved.stay}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button
              variant="link"
              onClick={() => {
                leave?.();
                blocker.proceed();
              }}
            >
              {t.unsaved.leave}
            </Button>
            <Button variant="primary" onClick={() => blocker.reset()}>
              {t.unsaved.stay}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      {t.unsaved.text}
    </Modal>
  );
}
