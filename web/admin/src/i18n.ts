// The language: the browser's, until somebody chooses.
import { computed, effect, signal } from "@preact/signals";

import { en } from "./texts/en";
import { fr } from "./texts/fr";

const LANGUAGES = { en, fr };
export type Language = keyof typeof LANGUAGES;

function first(): Language {
  const chosen = globalThis.localStorage?.getItem("language");
  if (chosen === "en" || chosen === "fr") return chosen;
  return globalThis.navigator?.language?.startsWith("fr") ? "fr" : "en";
}

export const language = signal<Language>(first());
// With the region that the browser has for it: dates in Britain are not those in America.
export const locale = computed(
  () =>
    globalThis.navigator?.languages?.find((one) => one.startsWith(language.value)) ?? language.value,
);
export const t = computed(() => LANGUAGES[language.value]);

export function watchLanguage(): void {
  effect(() => {
    document.documentElement.lang = language.value;
  });
}

export function choose(to: Language): void {
  language.value = to;
  localStorage.setItem("language", to);
}
