// Light or dark: as the system says, until somebody chooses.
import { effect, signal } from "@preact/signals";

export type Scheme = "auto" | "light" | "dark";

const kept = localStorage.getItem("scheme");
export const scheme = signal<Scheme>(kept === "light" || kept === "dark" ? kept : "auto");

export function watchScheme(): void {
  effect(() => {
    document.documentElement.dataset["scheme"] = scheme.value;
    localStorage.setItem("scheme", scheme.value);
  });
}
