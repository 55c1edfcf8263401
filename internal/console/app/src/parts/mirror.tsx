import Alert from "@cloudscape-design/components/alert";
import type { Mirror } from "../answers_gen";
import { useRead } from "../query";
import { t } from "../texts";
import { When } from "./show";

const x = t.mirror;

/** What an instance is a mirror of, and when it was refreshed. */
export function MirrorBanner({ of }: { of: Mirror }) {
  return (
    <Alert type={of.Incomplete ? "warning" : "info"} header={x.title(of.Source)}>
      {of.Incomplete && <div>{x.incomplete}</div>}
      {of.Refreshed && (
        <div>
          {x.refreshed} <When time={of.Refreshed} />
        </div>
      )}
      <div>{x.text}</div>
    </Alert>
  );
}

/** Says in a mirror, before somebody edits, that nothing can be saved. */
export function MirrorNote() {
  const { data } = useRead("mirror");
  if (!data?.Mirror) return null;
  return (
    <Alert type="info" header={x.title(data.Mirror.Source)}>
      <div>{x.text}</div>
      <div>{x.edit}</div>
    </Alert>
  );
}
