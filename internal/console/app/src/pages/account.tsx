import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { type ApiError, own } from "../api";
import { Failed } from "../parts/failed";
import { Page } from "../parts/page";
import { When } from "../parts/show";
import { useShared } from "../state";
import { t } from "../texts";

const x = t.account;

export default function Account() {
  const { session, notify, signOut } = useShared();
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);

  const change = async () => {
    setTried(true);
    setError(null);
    if (!old || !next || next !== again) return;
    setBusy(true);
    try {
      await own("password", { OldPassword: old, NewPassword: next });
      notify({ type: "success", header: x.changed });
      setOld("");
      setNext("");
      setAgain("");
      setTried(false);
    } catch (e) {
      setError(e as ApiError);
    }
    setBusy(false);
  };

  return (
    <Page title={x.title}>
      <div className="columns">
        <Container header={<Header variant="h2">{x.session}</Header>}>
          <SpaceBetween size="m">
            <KeyValuePairs
              columns={2}
              items={[
                { label: t.signIn.username, value: session.User?.Username ?? t.operator },
                { label: x.method, value: x.methods[session.Method] ?? session.Method },
                { label: x.idle, value: x.minutes(Math.round(session.Idle / 60)) },
                { label: x.expires, value: <When time={session.Expires} /> },
              ]}
            />
            {session.Permissions && (
              <ExpandableSection headerText={x.permissions(session.Permissions.length)}>
                <Box color="text-body-secondary">
                  <span className="mono">{session.Permissions.join(", ") || "-"}</span>
                </Box>
              </ExpandableSection>
            )}
            {session.User && (
              <Link href={`#/instances/${session.Instance!.Id}/explore/what-can?who=${session.User.Id}&name=${encodeURIComponent(session.User.Username)}`}>{x.mine}</Link>
            )}
            <SpaceBetween direction="horizontal" size="xs">
              <Button onClick={() => void signOut(false)}>{x.signOut}</Button>
              <Button onClick={() => void signOut(true)}>{x.everywhere}</Button>
            </SpaceBetween>
          </SpaceBetween>
        </Container>
        {session.Kind === "user" && session.Method === "password" && (
          <form
            onSubmit={(e) => {
              e.preventDefault();
              void change();
            }}
          >
            <Container
              header={<Header variant="h2" description={x.passwordText}>{x.password}</Header>}
              footer={
                <Button formAction="submit" loading={busy}>
                  {x.change}
                </Button>
              }
            >
              <SpaceBetween size="m">
                {error && <Failed error={error} />}
                <input className="hidden" type="text" autoComplete="username" value={session.User?.Username ?? ""} readOnly tabIndex={-1} aria-hidden="true" />
                <FormField label={x.old} errorText={tried && !old ? x.required : undefined}>
                  <Input type="password" value={old} onChange={(e) => setOld(e.detail.value)} autoComplete="current-password" />
                </FormField>
                <FormField label={x.next} errorText={tried && !next ? x.required : undefined}>
                  <Input type="password" value={next} onChange={(e) => setNext(e.detail.value)} autoComplete="new-password" />
                </FormField>
                <FormField label={x.again} errorText={tried && next !== again ? x.differ : undefined}>
                  <Input type="password" value={again} onChange={(e) => setAgain(e.detail.value)} autoComplete="new-password" />
                </FormField>
              </SpaceBetween>
            </Container>
          </form>
        )}
      </div>
    </Page>
  );
}
