// What stands at the top of every page, that of signing in as well.
import { choose, language, t, type Language } from "../i18n";
import { href } from "../router";
import { Icon } from "./icons";
import { scheme, type Scheme } from "./scheme";

export function Brand() {
  return (
    <a class="brand" href={href(["overview"])}>
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect class="brand-ground" width="32" height="32" rx="8" />
        <path
          class="brand-bird"
          d="M6 19c5 .6 8.400-1 10.500-4.800C18 11.400 20 10 22.600 10c1.700 0 3 .7 3.900 2L29 13l-2.600.9C26 19 22 23.400 16.200 23.400c-2.300 0-4.300-.5-6-1.500L5 24l2.500-3.200z"
        />
      </svg>
      Starling
    </a>
  );
}

export function Switches() {
  const words = t.value.frame;
  const schemes: Scheme[] = ["auto", "light", "dark"];
  const next = schemes[(schemes.indexOf(scheme.value) + 1) % schemes.length]!;
  const other: Language = language.value === "en" ? "fr" : "en";
  return (
    <>
      <button
        type="button"
        class="plain"
        title={words.colours(words.schemes[scheme.value])}
        aria-label={words.colours(words.schemes[scheme.value])}
        onClick={() => (scheme.value = next)}
      >
        <Icon name={scheme.value} />
      </button>
      <button type="button" class="plain" lang={other} onClick={() => choose(other)}>
        <span aria-hidden="true">{other.toUpperCase()}</span>
        <span class="unseen">{words.otherLanguage}</span>
      </button>
    </>
  );
}
