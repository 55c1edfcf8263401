import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import type { ApiError } from "../api";
import { t } from "../texts";

/** An error in the server's words, with the missing permission if there is one. */
export function Failed({ error, retry }: { error: ApiError; retry?: () => void }) {
  const { Permission, Message, Members, RequestId } = error.body;
  const denied = error.status === 403;
  // The server does not distinguish between hidden and missing, and neither does the page.
  const hidden = denied && Message.endsWith("or it does not exist");
  const header = error.offline ? t.errors.offline : hidden ? t.errors.hidden : denied ? t.errors.denied : error.status === 404 ? t.errors.notFound : error.status >= 500 ? t.errors.server : t.errors.wrong;
  return (
    <Alert type={error.offline ? "warning" : "error"} header={header} action={retry && <Button onClick={retry}>{t.retry}</Button>}>
      {Permission && (
        <Box>
          {hidden ? t.errors.needed : t.errors.missing} <b className="mono">{Permission}</b>
        </Box>
      )}
      <Box color="inherit">{error.offline ? t.errors.offlineText : Message}</Box>
      {Members && Members.length > 0 && <Box color="inherit">{t.errors.members(Members.join(", "))}</Box>}
      {RequestId && error.status >= 500 && <Box color="inherit">{t.errors.request(RequestId)}</Box>}
    </Alert>
  );
}
