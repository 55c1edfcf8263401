import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { type ReactNode, useContext, useEffect } from "react";
import { useLocation } from "react-router";
import type { Loaded } from "../query";
import { AliasContext } from "../state";
import { t } from "../texts";
import { Failed } from "./failed";

export interface Crumb {
  text: string;
  href: string;
}

let lastPath = "";

/** Moves the focus to the page's heading, because the focused element may be gone. */
export function focusHeading() {
  const heading = document.querySelector<HTMLElement>("main h1");
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

/** The same after a dialog closes and has returned the focus. */
export const focusHeadingSoon = () => void setTimeout(focusHeading, 100);

export function Page({ title, crumbs = [], description, actions, info, children }: { title: string; crumbs?: Crumb[]; description?: ReactNode; actions?: ReactNode; info?: ReactNode; children: ReactNode }) {
  const alias = useContext(AliasContext);
  const { pathname } = useLocation();
  useEffect(() => {
    document.title = [title, alias, t.name].filter(Boolean).join(" - ");
  }, [title, alias]);
  // A new page is announced, and Tab continues from its heading.
  useEffect(() => {
    if (pathname !== lastPath || document.activeElement === document.body) focusHeading();
    lastPath = pathname;
  }, [pathname]);
  return (
    <SpaceBetween size="m">
      {crumbs.length > 0 && <BreadcrumbGroup items={[...crumbs, { text: title, href: "" }]} ariaLabel={t.nav.crumbs} onFollow={(e) => e.detail.href === "" && e.preventDefault()} />}
      <Header variant="h1" description={description} actions={actions} info={info}>
        {title}
      </Header>
      {children}
    </SpaceBetween>
  );
}

/** Shows what was loaded, or why it could not be. If a refresh fails, the earlier data stays below the message. */
export function Ready<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ReactNode }) {
  return (
    <>
      {of.error && <Failed error={of.error} retry={() => void of.refetch()} />}
      {of.data !== undefined && !(of.error && of.error.status >= 400 && of.error.status < 500) ? children(of.data) : !of.error && <Spinner size="large" />}
    </>
  );
}
