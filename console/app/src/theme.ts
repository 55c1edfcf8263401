// The design system's colours, for what it has no component for: the matrix, the trees and the heat map.
import * as tokens from "@cloudscape-design/design-tokens";
import { applyMode, Mode } from "@cloudscape-design/global-styles";

export type Theme = "system" | "light" | "dark";

const names = {
  "--text": tokens.colorTextBodyDefault,
  "--text-secondary": tokens.colorTextBodySecondary,
  "--heading": tokens.colorTextHeadingDefault,
  "--background": tokens.colorBackgroundContainerContent,
  "--background-page": tokens.colorBackgroundLayoutMain,
  "--background-hover": tokens.colorBackgroundDropdownItemHover,
  "--background-head": tokens.colorBackgroundContainerHeader,
  "--border": tokens.colorBorderDividerDefault,
  "--border-strong": tokens.colorBorderControlDefault,
  "--accent": tokens.colorTextAccent,
  "--success": tokens.colorTextStatusSuccess,
  "--error": tokens.colorTextStatusError,
  "--warning": tokens.colorTextStatusWarning,
  "--mono": tokens.fontFamilyMonospace,
  "--sans": tokens.fontFamilyBase,
} as const;

/** Once, at the start. The values are variables themselves, so they follow the mode. */
export function theme() {
  for (const [name, value] of Object.entries(names)) document.body.style.setProperty(name, value);
}

const system = matchMedia("(prefers-color-scheme: dark)");

export function follow(choice: Theme): () => void {
  const apply = () => applyMode(choice === "dark" || (choice === "system" && system.matches) ? Mode.Dark : Mode.Light);
  apply();
  if (choice !== "system") return () => {};
  system.addEventListener("change", apply);
  return () => system.removeEventListener("change", apply);
}
