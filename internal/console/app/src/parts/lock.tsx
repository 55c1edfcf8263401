// How an idle session ends: first a warning, then a cover over the whole page.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Modal from "@cloudscape-design/components/modal";
import { type ReactNode, useEffect, useState } from "react";
import { createPortal } from "react-dom";
import { seen, session as loadSession } from "../api";
import { t } from "../texts";

const x = t.idle;

/** How long before the end the warning is shown, in milliseconds. */
export const warning = (idle: number) => Math.min(60_000, idle / 3);

/** Milliseconds until the idle session ends. */
export const idleLeft = (seconds: number) => seen() + seconds * 1000 - Date.now();

/** The same, kept up to date. */
export function useIdleEnd(seconds: number, on: boolean): number {
  const idle = seconds * 1000;
  const [left, setLeft] = useState(idle);
  useEffect(() => {
    if (!on) return;
    const look = () => setLeft(idleLeft(seconds));
    look();
    const timer = setInterval(look, 500);
    // A user who types or clicks is not idle, even if the page sends no request.
    const active = () => {
      const since = Date.now() - seen();
      if (since > idle / 3 && since < idle - warning(idle)) void loadSession().catch(() => {});
    };
    const events = ["keydown", "pointerdown"];
    for (const e of events) addEventListener(e, active, true);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      for (const e of events) removeEventListener(e, active, true);
      document.removeEventListener("visibilitychange", look);
    };
  }, [idle, on]);
  return left;
}

/** Counts down and offers to stay signed in. */
export function IdleWarning({ left, stay }: { left: number; stay: () => void }) {
  const seconds = Math.max(0, Math.ceil(left / 1000));
  return (
    <Modal
      visible
      header={x.title}
      onDismiss={stay}
      closeAriaLabel={x.stay}
      footer={
        <Box float="right">
          <Button variant="primary" onClick={stay}>
            {x.stay}
          </Button>
        </Box>
      }
    >
      <span role="timer">{x.text(seconds)}</span>
    </Modal>
  );
}

/** Covers the page and its dialogs until the user signs in. What was typed stays underneath. */
export function Lock({ children }: { children: ReactNode }) {
  const [cover] = useState(() => document.createElement("div"));
  useEffect(() => {
    const title = document.title;
    document.title = `${x.locked} - ${t.name}`;
    cover.className = "lock";
    document.body.append(cover);
    document.body.classList.add("locked");
    const others = [...document.body.children].filter((e) => e !== cover && !(e instanceof HTMLScriptElement) && !e.hasAttribute("inert"));
    for (const e of others) e.setAttribute("inert", "");
    cover.querySelector<HTMLElement>("input[type=password]")?.focus();
    return () => {
      for (const e of others) e.removeAttribute("inert");
      document.body.classList.remove("locked");
      cover.remove();
      document.title = title;
    };
  }, [cover]);
  return createPortal(
    <div className="sign-in" role="dialog" aria-modal="true" aria-label={t.over.title}>
      <Container header={<Header variant="h2">{t.over.title}</Header>}>{children}</Container>
    </div>,
    cover,
  );
}
