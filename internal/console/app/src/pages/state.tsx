import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import { useParams } from "react-router";
import { useNames } from "../names";
import { Diff } from "../parts/diff";
import { Fields } from "../parts/events";
import { Page, Ready } from "../parts/page";
import { diff, editable, empty, type Field } from "../profile";
import { useProfile, useRead } from "../query";
import { useCan, useInstance } from "../state";
import { t } from "../texts";

const x = t.state;

/** A resource as it was after a change, and what has changed since if it is a profile. */
export default function State() {
  const { type, id, revision } = useParams();
  const instance = useInstance();
  const can = useCan();
  const profile = type === "SecurityProfile";
  const then = useRead("history/state", { Type: type, Id: id, Revision: Number(revision) });
  const now = useProfile(profile ? id! : null);
  const was = then.data?.Profile && editable(then.data.Profile);
  const is = now.data && editable(now.data.Profile);
  const known = useNames(was, is ?? undefined);
  const nameOf = (field: Field, value: string) => {
    const name = known(field, value);
    return name === value ? (then.data?.Names?.[value] ?? value) : name;
  };
  const name = then.data?.Profile?.SecurityProfileName ?? (then.data?.State?.Name as string | undefined) ?? (then.data?.State?.Username as string | undefined) ?? id!;
  return (
    <Page
      title={x.title(name, revision!)}
      crumbs={[{ text: t.history.title, href: `#/instances/${instance}/history?type=${type}&id=${encodeURIComponent(id!)}` }]}
      actions={
        was &&
        is && (
          <Button
            variant="primary"
            href={`#/instances/${instance}/profiles/${id}?restore=${revision}`}
            disabled={!can("SecurityProfiles.Edit") || diff(is, was).length === 0}
            disabledReason={can("SecurityProfiles.Edit") ? x.same : t.missing("SecurityProfiles.Edit")}
          >
            {x.restore}
          </Button>
        )
      }
    >
      <Ready of={then}>
        {(data) => (
          <>
            {data.Deleted && <Alert type="info">{x.deleted}</Alert>}
            {was && (
              <div className="columns">
                <Container header={<Header variant="h2">{x.then}</Header>}>
                  <Diff diffs={diff(empty(), was)} nameOf={nameOf} />
                </Container>
                <Container header={<Header variant="h2" description={x.sinceText}>{x.since}</Header>}>{is ? <Diff diffs={diff(was, is)} nameOf={nameOf} /> : <Alert type="info">{x.gone}</Alert>}</Container>
              </div>
            )}
            {data.State && (
              <Container header={<Header variant="h2">{x.then}</Header>}>
                <Fields fields={Object.entries(data.State).map(([Field, After]) => ({ Field, Before: null, After }))} names={data.Names} />
              </Container>
            )}
          </>
        )}
      </Ready>
    </Page>
  );
}
