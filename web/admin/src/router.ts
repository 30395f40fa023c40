// Where in the page one is: #/users/alice@example.org?sort=name. In the fragment, so that the
// server has one file to serve and a link leads back after signing in.
import { signal } from "@preact/signals";

export interface Place {
  page: string;
  rest: string[];
  query: Record<string, string>;
}

export function placeOf(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page = "", ...rest] = path.split("/").map(unescaped);
  return { page, rest, query: Object.fromEntries(new URLSearchParams(query)) };
}

// A link may be anybody's.
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function href(parts: string[], query: Record<string, string> = {}): string {
  const kept = Object.entries(query).filter(([, value]) => value !== "");
  const path = parts.map((part) => encodeURIComponent(part).replaceAll("%40", "@")).join("/");
  return `#/${path}${kept.length > 0 ? "?" + new URLSearchParams(kept).toString() : ""}`;
}

export const place = signal<Place>(placeOf(globalThis.location?.hash ?? ""));

export function watchPlace(): void {
  addEventListener("hashchange", () => (place.value = placeOf(location.hash)));
}

export function go(parts: string[], query: Record<string, string> = {}): void {
  location.hash = href(parts, query);
}

// What is typed into a filter: kept in the address, without a step in the history for each letter.
export function setQuery(query: Record<string, string>): void {
  history.replaceState(null, "", href([place.value.page, ...place.value.rest], query));
  place.value = placeOf(location.hash);
}
