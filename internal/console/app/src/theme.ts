// Light and dark: as somebody chooses, or as the system has it.
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
