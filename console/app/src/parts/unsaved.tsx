import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { useUnsaved } from "../state";
import { t } from "../texts";

/** Asks before a page with unsaved changes is left. */
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
