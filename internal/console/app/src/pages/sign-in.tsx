import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useEffect, useState } from "react";
import type { Session, SignIn } from "../answers_gen";
import { ApiError, session as loadSession, signIn as send } from "../api";
import { t } from "../texts";

const onwards = "lanyard.onwards";

/** The sign-in provider returns to the first page, so the requested page is kept until then. */
function goOnLater() {
  try {
    if (!location.hash.startsWith("#/sign-in")) sessionStorage.setItem(onwards, location.hash.slice(1));
  } catch {
    // Without storage the first page is shown.
  }
}

/** Returns the page that was requested before single sign-on, once. */
export function goOn(): string {
  try {
    const to = sessionStorage.getItem(onwards) ?? "";
    sessionStorage.removeItem(onwards);
    return to;
  } catch {
    return "";
  }
}

interface Props {
  signIn: SignIn;
  done: (session: Session) => void;
}

export function SignInPage({ signIn, done }: Props) {
  useEffect(() => {
    document.title = `${t.signIn.title} - ${t.name}`;
  }, []);
  const error = new URLSearchParams(location.hash.split("?")[1]).get("error");
  return (
    <main className="sign-in">
      <Box textAlign="center" padding={{ bottom: "l" }}>
        <img src="./favicon.svg" alt="" width={48} height={48} />
        <Box variant="h1">{t.name}</Box>
        <Box color="text-body-secondary">{t.tagline}</Box>
      </Box>
      <Container header={<Header variant="h2">{t.signIn.title}</Header>}>
        <SpaceBetween size="m">
          {error && <Alert type="error">{t.signIn.oidcErrors[error] ?? t.signIn.oidcErrors.failed}</Alert>}
          <SignInForm signIn={signIn} done={done} />
        </SpaceBetween>
      </Container>
    </main>
  );
}

export function SignInForm({ signIn, done, intro, inDialog, username: known }: Props & { intro?: ReactNode; inDialog?: boolean; username?: string }) {
  const [kind, setKind] = useState("user");
  const [instance, setInstance] = useState("");
  const [username, setUsername] = useState(known ?? "");
  const [password, setPassword] = useState("");
  const [keyId, setKeyId] = useState("");
  const [secret, setSecret] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [tried, setTried] = useState(false);
  const user = kind === "user";
  const missing = (v: string, what: string) => (tried && v === "" ? t.signIn.required(what) : undefined);

  const submit = async () => {
    setTried(true);
    setProblem(null);
    if (user ? username === "" || password === "" || (signIn.InstanceNeeded && instance === "") : keyId === "" || secret === "") return;
    setBusy(true);
    try {
      done(
        await send(
          user
            ? { ...(signIn.InstanceNeeded ? { Instance: instance.trim() } : {}), Username: username, Password: password }
            : { AccessKeyId: keyId.trim(), SecretAccessKey: secret.trim() },
        ),
      );
    } catch (e) {
      const error = e as ApiError;
      setPassword("");
      setTried(false);
      if (error.body?.Code === "TooManyAttempts") setProblem(t.signIn.tooMany(error.body.RetryAfter ?? 0));
      else if (error.offline) setProblem(t.errors.offlineText);
      else setProblem(error.status === 401 ? (user ? t.signIn.refused : t.signIn.refusedKey) : error.message);
      setBusy(false);
    }
  };

  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        void submit();
      }}
    >
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            {signIn.OIDC &&
              (inDialog ? (
                <>
                  {/* In a new window, so that this page keeps what was typed. */}
                  <Button href={signIn.OIDC.Path} target="_blank" iconAlign="right" iconName="external">
                    {signIn.OIDC.Label}
                  </Button>
                  <Button onClick={() => loadSession().then(done, (e: ApiError) => setProblem(e.message))}>{t.signIn.afterOidc}</Button>
                </>
              ) : (
                <Button href={signIn.OIDC.Path} onClick={goOnLater}>
                  {signIn.OIDC.Label}
                </Button>
              ))}
            <Button variant="primary" formAction="submit" loading={busy}>
              {t.signIn.action}
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="m">
          {intro}
          {problem && <Alert type="error">{problem}</Alert>}
          <SegmentedControl
            label={t.signIn.as}
            selectedId={kind}
            onChange={(e) => {
              setKind(e.detail.selectedId);
              setTried(false);
              setProblem(null);
            }}
            options={[
              { id: "user", text: t.signIn.user },
              { id: "operator", text: t.signIn.key },
            ]}
          />
          {user ? (
            <SpaceBetween size="m">
              {signIn.InstanceNeeded && (
                <FormField label={t.signIn.instance} description={t.signIn.instanceText} errorText={missing(instance, t.signIn.instance)}>
                  <Input value={instance} onChange={(e) => setInstance(e.detail.value)} autoComplete="organization" name="instance" />
                </FormField>
              )}
              <FormField label={t.signIn.username} errorText={missing(username, t.signIn.username)}>
                <Input value={username} onChange={(e) => setUsername(e.detail.value)} autoComplete="username" name="username" autoFocus={!known} />
              </FormField>
              <FormField label={t.signIn.password} errorText={missing(password, t.signIn.password)}>
                <Input type="password" value={password} onChange={(e) => setPassword(e.detail.value)} autoComplete="current-password" name="password" autoFocus={!!known} />
              </FormField>
            </SpaceBetween>
          ) : (
            <SpaceBetween size="m">
              <FormField label={t.signIn.keyId} description={t.signIn.keyText} errorText={missing(keyId, t.signIn.keyId)}>
                <Input value={keyId} onChange={(e) => setKeyId(e.detail.value)} autoComplete="off" name="key" />
              </FormField>
              <FormField label={t.signIn.secret} errorText={missing(secret, t.signIn.secret)}>
                <Input type="password" value={secret} onChange={(e) => setSecret(e.detail.value)} autoComplete="off" name="secret" />
              </FormField>
            </SpaceBetween>
          )}
        </SpaceBetween>
      </Form>
    </form>
  );
}
