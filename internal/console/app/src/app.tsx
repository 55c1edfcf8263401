import Alert from "@cloudscape-design/components/alert";
import AppLayout from "@cloudscape-design/components/app-layout";
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Flashbar, { type FlashbarProps } from "@cloudscape-design/components/flashbar";
import { I18nProvider } from "@cloudscape-design/components/i18n";
import enMessages from "@cloudscape-design/components/i18n/messages/all.en";
import Modal from "@cloudscape-design/components/modal";
import SideNavigation from "@cloudscape-design/components/side-navigation";
import Spinner from "@cloudscape-design/components/spinner";
import TopNavigation from "@cloudscape-design/components/top-navigation";
import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import { createContext, lazy, Suspense, useCallback, useContext, useEffect, useMemo, useRef, useState } from "react";
import { createHashRouter, Navigate, Outlet, RouterProvider, useLocation, useNavigate } from "react-router";
import type { Session, SignIn } from "./answers_gen";
import { ApiError, catalogue as loadCatalogue, end, listen, own } from "./api";
import type { Catalogue } from "./answers_gen";
import { drafts, dropDrafts, useDrafts } from "./drafts";
import { instancesQuery } from "./instances";
import { Failed } from "./parts/failed";
import { FlashLink } from "./parts/show";
import { idleLeft, IdleWarning, Lock, useIdleEnd, warning } from "./parts/lock";
import { Page } from "./parts/page";
import { goOn, SignInForm, SignInPage } from "./pages/sign-in";
import { client, sessionQuery, useOnline } from "./query";
import { AliasContext, type Message, type Shared, SharedContext, useKept, useShared } from "./state";
import { t } from "./texts";
import { follow, type Theme } from "./theme";

// Every page is a chunk of its own, so that the first one loads quickly.
const Overview = lazy(() => import("./pages/overview"));
const Instances = lazy(() => import("./pages/instances"));
const Profiles = lazy(() => import("./pages/profiles"));
const ProfilePage = lazy(() => import("./pages/profile"));
const NewProfile = lazy(() => import("./pages/new-profile"));
const Users = lazy(() => import("./pages/users"));
const User = lazy(() => import("./pages/user"));
const Agents = lazy(() => import("./pages/agents"));
const Agent = lazy(() => import("./pages/agent"));
const Check = lazy(() => import("./pages/check"));
const WhoCan = lazy(() => import("./pages/who-can"));
const WhatCan = lazy(() => import("./pages/what-can"));
const Heat = lazy(() => import("./pages/heat"));
const Hierarchy = lazy(() => import("./pages/hierarchy"));
const History = lazy(() => import("./pages/history"));
const State = lazy(() => import("./pages/state"));
const Drafts = lazy(() => import("./pages/drafts"));
const Account = lazy(() => import("./pages/account"));

/** Whether the current page has unsaved changes. */
let unsavedNow = false;

// The router cannot block a typed address or a bookmark. So that step is undone here and repeated as a link would be.
addEventListener(
  "popstate",
  (e) => {
    if (!unsavedNow || e.state !== null) return;
    const { pathname, search } = router.state.location;
    const wanted = location.hash.slice(1) || "/";
    if (wanted.split("?")[0] === pathname) return;
    e.stopImmediatePropagation();
    history.replaceState({ idx: step + 1, key: "default", usr: null }, "", `#${pathname}${search}`);
    void router.navigate(wanted);
  },
  true,
);

/** The router's position in the browser's history. */
let step = 0;

const router = createHashRouter([
  {
    element: <Frame />,
    errorElement: <Broken />,
    children: [
      { path: "/", element: <First /> },
      { path: "/sign-in", element: <First /> },
      { path: "/instances", element: <Instances /> },
      { path: "/account", element: <Account /> },
      {
        path: "/instances/:instance",
        children: [
          { index: true, element: <Navigate to="overview" replace /> },
          { path: "overview", element: <Overview /> },
          { path: "profiles", element: <Profiles /> },
          { path: "profiles/new", element: <NewProfile /> },
          { path: "profiles/:id", element: <ProfilePage /> },
          { path: "users", element: <Users /> },
          { path: "users/:id", element: <User /> },
          { path: "agents", element: <Agents /> },
          { path: "agents/:arn", element: <Agent /> },
          { path: "explore", element: <Navigate to="check" replace /> },
          { path: "explore/check", element: <Check /> },
          { path: "explore/who-can", element: <WhoCan /> },
          { path: "explore/what-can", element: <WhatCan /> },
          { path: "explore/heat", element: <Heat /> },
          { path: "explore/hierarchy", element: <Hierarchy /> },
          { path: "drafts", element: <Drafts /> },
          { path: "history", element: <History /> },
          { path: "history/:type/:id/:revision", element: <State /> },
        ],
      },
      { path: "*", element: <NoPage /> },
    ],
  },
]);

router.subscribe(() => void (step = (history.state as { idx?: number } | null)?.idx ?? step));

function First() {
  const { session } = useShared();
  const [asked] = useState(goOn);
  if (asked.startsWith("/instances/") || asked === "/account") return <Navigate to={asked} replace />;
  return <Navigate to={session.Kind === "user" ? `/instances/${session.Instance!.Id}/overview` : "/instances"} replace />;
}

function NoPage() {
  return (
    <Page title={t.errors.notFound}>
      <Alert type="error" action={<Button href="#/">{t.errors.start}</Button>}>
        {t.errors.noPage}
      </Alert>
    </Page>
  );
}

function Broken() {
  return (
    <Box padding="xxl">
      <Alert type="error" header={t.errors.broken}>
        {t.errors.brokenText}
      </Alert>
    </Box>
  );
}

const nobody: SignIn = { InstanceNeeded: false, OIDC: null };
const signInOf = (e: ApiError | null) => e?.answer.SignIn;
const signedIn = (session: Session) => void client.setQueryData(["session"], session);

export function App() {
  const [choice, setChoice] = useKept<Theme>("theme", "system");
  useEffect(() => follow(choice), [choice]);
  return (
    <QueryClientProvider client={client}>
      <I18nProvider locale="en" messages={[enMessages]}>
        <Start choice={choice} setChoice={setChoice} />
      </I18nProvider>
    </QueryClientProvider>
  );
}

interface Choosing {
  choice: Theme;
  setChoice: (t: Theme) => void;
}

/** The console for the signed-in user, or the sign-in page. */
function Start(choosing: Choosing) {
  const online = useOnline();
  const session = useQuery(sessionQuery(online));
  const catalogue = useQuery({ queryKey: ["catalogue"], queryFn: loadCatalogue, enabled: !!session.data, staleTime: Infinity });
  const error = session.error ?? catalogue.error;
  if (session.data && catalogue.data)
    return <SignedIn {...choosing} session={session.data} signIn={signInOf(session.error)} catalogue={catalogue.data} refresh={() => void session.refetch()} online={online} />;
  if (error?.status === 401) return <SignInPage signIn={signInOf(error) ?? nobody} done={signedIn} />;
  if (error)
    return (
      <Box padding="xxl">
        <Failed error={error} retry={() => void (session.error ? session : catalogue).refetch()} />
      </Box>
    );
  return (
    <Box padding="xxl" textAlign="center">
      <Spinner size="large" />
      <Box>{t.loading}</Box>
    </Box>
  );
}

interface SignedInProps extends Choosing {
  session: Session;
  /** How to sign in again, after the session has ended while the page is open. */
  signIn: SignIn | undefined;
  catalogue: Catalogue;
  refresh: () => void;
  online: boolean;
}

function SignedIn({ session, signIn, catalogue, refresh, online, choice, setChoice }: SignedInProps) {
  const [messages, setMessages] = useState<(Message & { id: string })[]>([]);
  const [over, setOver] = useState<{ error: ApiError; locked?: boolean } | null>(null);
  const unsaved = useRef(false);
  const waiting = useRef<(() => void)[]>([]);

  useEffect(() => {
    listen((error) => {
      setOver((now) => (now?.locked ? now : { error }));
      refresh();
      return new Promise<void>((go) => waiting.current.push(go));
    });
  }, []);

  const notify = useCallback((message: Message) => {
    const id = crypto.randomUUID();
    setMessages((all) => [{ ...message, id }, ...all.slice(0, 3)]); // the newest on top of the stack
    if (message.type === "success" || message.type === "info") setTimeout(() => setMessages((all) => all.filter((m) => m.id !== id)), 10_000);
  }, []);
  const setUnsaved = useCallback((v: boolean) => void (unsavedNow = unsaved.current = v), []);
  const signOut = useCallback(
    async (everywhere: boolean) => {
      if (unsaved.current && !confirm(t.unsaved.signOut)) return;
      setUnsaved(false);
      dropDrafts();
      await own(everywhere ? "sign-out-everywhere" : "sign-out").catch(() => {});
      location.hash = "#/";
      void client.resetQueries({ queryKey: ["session"] });
    },
    [setUnsaved],
  );
  const left = useIdleEnd(session.Idle, !over);
  useEffect(() => {
    if (left > 0 || over || idleLeft(session.Idle) > 0) return; // just signed in again
    setOver({ error: new ApiError(401, { Code: "NotSignedIn", Message: t.over.reasons.idle, Reason: "idle" }), locked: true });
    // The cookie must not outlive the lock; the 401 that follows says how to sign in.
    void end().then(refresh);
  }, [left, over]);
  const shared = useMemo<Shared>(() => ({ session, catalogue, notify, setUnsaved, refresh, signOut }), [session, catalogue, notify, setUnsaved, signOut]);

  const items: FlashbarProps.MessageDefinition[] = messages.map((m) => ({
    ...m,
    dismissible: true,
    dismissLabel: t.dismiss,
    onDismiss: () => setMessages((all) => all.filter((o) => o.id !== m.id)),
  }));
  if (!online) items.unshift({ id: "offline", type: "warning", loading: true, header: t.errors.offline, content: t.errors.offlineText });

  const again = (error: ApiError) => (
    <SignInForm
      signIn={signIn ?? signInOf(error) ?? nobody}
      inDialog
      intro={t.over.reasons[error.body.Reason ?? "none"] ?? t.over.reasons.none}
      username={session.User?.Username}
      done={(now) => {
        // Another user must not see or save what this one typed.
        if (now.User?.Id !== session.User?.Id || now.Kind !== session.Kind) {
          setUnsaved(false);
          location.hash = "#/";
          location.reload();
          return;
        }
        signedIn(now);
        setOver(null);
        for (const go of waiting.current.splice(0)) go();
      }}
    />
  );

  return (
    <SharedContext.Provider value={shared}>
      <FrameContext value={{ items, choice, setChoice }}>
        <RouterProvider router={router} />
      </FrameContext>
      {!over && left > 0 && left <= warning(session.Idle * 1000) && <IdleWarning left={left} stay={refresh} />}
      {over?.locked && <Lock>{again(over.error)}</Lock>}
      {over && !over.locked && (
        <Modal visible header={over.error.body.Reason === "instance-deleted" ? t.over.deleted : t.over.title} onDismiss={() => {}} closeAriaLabel={t.over.close}>
          {again(over.error)}
        </Modal>
      )}
    </SharedContext.Provider>
  );
}

const FrameContext = createContext<{ items: FlashbarProps.MessageDefinition[]; choice: Theme; setChoice: (t: Theme) => void } | null>(null);

function Frame() {
  const { session, signOut, notify } = useShared();
  const { items, choice, setChoice } = useContext(FrameContext)!;
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const [open, setOpen] = useState(() => innerWidth > 1100);
  const instance = /^\/instances\/([^/]+)/.exec(pathname)?.[1] ?? session.Instance?.Id;
  const instances = useQuery({ ...instancesQuery, enabled: session.Kind === "operator" }).data ?? [];
  const alias = session.Instance?.Alias ?? instances.find((i) => i.Id === instance)?.InstanceAlias ?? "";
  const left = useDrafts(instance ?? "");
  // Earlier drafts are announced once, unless the page itself shows them.
  useEffect(() => {
    const others = drafts(session, instance ?? "").filter((d) => d.page.split("?")[0] !== location.hash.split("?")[0]);
    if (others.length) notify({ type: "info", header: t.drafts.left(others.length), content: <FlashLink href={`#/instances/${instance}/drafts`}>{t.drafts.list}</FlashLink> });
  }, []);

  // The design system renders plain links. The router follows them, so that it can ask about unsaved changes.
  useEffect(() => {
    const click = (e: MouseEvent) => {
      const a = (e.target as Element).closest?.("a[href^='#/']");
      if (!a || e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
      e.preventDefault();
      void navigate(a.getAttribute("href")!.slice(1));
    };
    document.addEventListener("click", click);
    return () => document.removeEventListener("click", click);
  }, [navigate]);

  const to = (path: string) => `#/instances/${instance}/${path}`;
  const current = pathname.split("/").slice(3);
  const active = current[0] === "explore" ? to(`explore/${current[1]}`) : to(current[0] ?? "");
  // Another instance has the same lists and questions, but other profiles and people.
  const sibling = current[0] === "explore" ? `explore/${current[1]}` : current[0] && current[0] !== "drafts" ? current[0] : "overview";
  const themes = (["system", "light", "dark"] as Theme[]).map((id) => ({ id: `theme-${id}`, text: t.theme[id], iconName: choice === id ? ("check" as const) : undefined }));

  return (
    <>
      <button
        className="skip"
        onClick={() => {
          const main = document.querySelector<HTMLElement>("main");
          if (!main) return;
          main.tabIndex = -1; // without it, it takes no focus
          main.focus();
        }}
      >
        {t.nav.skip}
      </button>
      <div id="top">
        <TopNavigation
          identity={{ href: "#/", title: alias && instances.length < 2 ? `${t.name} - ${alias}` : t.name, logo: { src: "./favicon.svg", alt: t.nav.logo } }}
          utilities={[
            ...(instances.length > 1 && instance
              ? [
                  {
                    type: "menu-dropdown" as const,
                    text: alias || t.nav.instance,
                    ariaLabel: `${t.nav.switch}: ${alias}`,
                    title: t.nav.switch,
                    items: [
                      ...instances.map((i) => ({ id: i.Id, text: i.InstanceAlias || i.Id, iconName: i.Id === instance ? ("check" as const) : undefined })),
                      { id: "", text: t.nav.allInstances },
                    ],
                    onItemClick: (e: { detail: { id: string } }) => void navigate(e.detail.id ? `/instances/${e.detail.id}/${sibling}` : "/instances"),
                  },
                ]
              : []),
            { type: "menu-dropdown", iconName: "settings", ariaLabel: t.theme.title, title: t.theme.title, items: themes, onItemClick: (e) => setChoice(e.detail.id.slice(6) as Theme) },
            {
              type: "menu-dropdown",
              iconName: "user-profile",
              text: session.User?.Username ?? t.operator,
              description: session.Instance?.Alias,
              items: [
                { id: "account", text: t.account.title, href: "#/account" },
                ...(session.Kind === "operator" ? [{ id: "instances", text: t.instances.title, href: "#/instances" }] : []),
                { id: "out", text: t.account.signOut },
              ],
              onItemClick: (e) => {
                if (e.detail.id === "out") void signOut(false);
                else if (e.detail.href) {
                  e.preventDefault();
                  void navigate(e.detail.href.slice(1));
                }
              },
            },
          ]}
        />
      </div>
      <AppLayout
        headerSelector="#top"
        toolsHide
        navigationHide={!instance}
        navigationOpen={open}
        onNavigationChange={(e) => setOpen(e.detail.open)}
        ariaLabels={t.nav.aria}
        navigation={
          <SideNavigation
            activeHref={active}
            header={{ text: alias || t.nav.instance, href: to("overview") }}
            items={[
              { type: "link", text: t.overview.title, href: to("overview") },
              { type: "link", text: t.profiles.title, href: to("profiles") },
              { type: "link", text: t.users.title, href: to("users") },
              { type: "link", text: t.agents.title, href: to("agents") },
              {
                type: "section",
                text: t.explore.title,
                items: [
                  { type: "link", text: t.check.title, href: to("explore/check") },
                  { type: "link", text: t.whoCan.title, href: to("explore/who-can") },
                  { type: "link", text: t.whatCan.title, href: to("explore/what-can") },
                  { type: "link", text: t.heat.title, href: to("explore/heat") },
                  { type: "link", text: t.hierarchy.title, href: to("explore/hierarchy") },
                ],
              },
              { type: "link", text: t.history.title, href: to("history") },
              ...(left.length ? [{ type: "link" as const, text: t.drafts.title, href: to("drafts"), info: <Badge color="blue">{left.length}</Badge> }] : []),
            ]}
          />
        }
        notifications={<Flashbar items={items} stackItems />}
        content={
          <AliasContext value={alias}>
            <Suspense fallback={<Spinner size="large" />}>
              <Outlet />
            </Suspense>
          </AliasContext>
        }
      />
    </>
  );
}
