// Light or dark mode: what the user chose, or what the system uses.
import { applyMode, Mode } from "@cloudscape-design/global-styles";

export type Theme = "system" | "light" | "dark";

const system = matchMedia("(prefers-color-scheme: dark)");

export function follow(choice: Theme): () => void {
  const apply = () => applyMode(choice === "dark" || (choice === "system" && system.matches) ? Mode.Dark : Mode.Light);
  apply();
  if (choice !== "system") return () => {};
  system.addEventListener("change", apply);
  return () => system.removeEventListener("change", apply);
}
