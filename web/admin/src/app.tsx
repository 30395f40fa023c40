// The frame around every page: where to go, who one is, language and colours.
import type { FunctionComponent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { session, signOut } from "./api";
import { t } from "./i18n";
import { Audit } from "./pages/audit";
import { Certificates } from "./pages/certificates";
import { Cluster } from "./pages/cluster";
import { Commands } from "./pages/commands";
import { Configuration } from "./pages/configuration";
import { Hosts } from "./pages/hosts";
import { Logs } from "./pages/logs";
import { Overview } from "./pages/overview";
import { Sessions } from "./pages/sessions";
import { SignIn } from "./pages/sign_in";
import { Tokens } from "./pages/tokens";
import { Users } from "./pages/users";
import { ask, Dialogs } from "./parts/dialog";
import { Icon } from "./parts/icons";
import { Brand, Switches } from "./parts/top";
import { href, place } from "./router";

const PAGES = {
  overview: Overview,
  cluster: Cluster,
  users: Users,
  sessions: Sessions,
  hosts: Hosts,
  configuration: Configuration,
  certificates: Certificates,
  logs: Logs,
  commands: Commands,
  tokens: Tokens,
  audit: Audit,
} satisfies Record<string, FunctionComponent>;

type PageName = keyof typeof PAGES;
const NAMES = Object.keys(PAGES) as PageName[];

function shownPage(): PageName {
  return NAMES.find((name) => name === place.value.page) ?? "overview";
}

export function App() {
  if (session.value === undefined) return null;
  return (
    <>
      {session.value === null ? <SignIn /> : <Frame />}
      <Dialogs />
    </>
  );
}

function Frame() {
  const words = t.value.frame;
  const page = shownPage();
  const Page = PAGES[page];
  const title = t.value.nav[page];
  const [open, setOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const path = page + "/" + place.value.rest.join("/");
  const first = useRef(true);

  useEffect(() => {
    document.title = `${title} – Starling`;
  }, [title]);
  // A new page is read from its beginning, by keyboard and screen reader as well.
  useEffect(() => {
    setOpen(false);
    if (!first.current) {
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    first.current = false;
  }, [path]);

  return (
    <div class={open ? "frame open" : "frame"}>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {words.skip}
      </a>
      <header class="bar">
        <button
          type="button"
          class="plain burger"
          aria-expanded={open}
          aria-controls="side"
          aria-label={words.menu}
          onClick={() => setOpen(!open)}
        >
          <Icon name={open ? "close" : "menu"} />
        </button>
        <Brand />
        <div class="bar-end">
          <Switches />
          <Who />
        </div>
      </header>
      <nav id="side" class="side" aria-label={words.pages}>
        <ul>
          {NAMES.map((name) => (
            <li key={name}>
              <a
                href={href([name])}
                aria-current={name === page ? "page" : undefined}
                onClick={() => setOpen(false)}
              >
                <Icon name={name} />
                {t.value.nav[name]}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <main id="main" ref={main} tabIndex={-1} aria-labelledby="title">
        <Page key={page} />
      </main>
    </div>
  );
}

function Who() {
  const words = t.value.frame;
  const jid = session.value?.jid ?? "";
  const menu = useRef<HTMLDetailsElement>(null);
  const close = () => (menu.current!.open = false);
  const leave = (everywhere: boolean) =>
    ask({
      title: everywhere ? words.signOutEverywhere : words.signOut,
      text: everywhere ? words.everywhereMeans : words.signOutMeans(jid),
      action: everywhere ? words.signOutEverywhere : words.signOut,
      act: async () => {
        await signOut(everywhere);
        return "";
      },
    });
  return (
    <details
      class="who"
      ref={menu}
      onFocusOut={(event) => {
        if (!menu.current!.contains(event.relatedTarget as Node | null)) close();
      }}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <summary aria-label={words.account(jid)} title={jid}>
        <span class="who-letter" aria-hidden="true">
          {jid.slice(0, 1).toUpperCase()}
        </span>
      </summary>
      <div class="who-menu">
        <p class="quiet">{words.signedInAs}</p>
        <p class="jid">{jid}</p>
        <button type="button" onClick={() => leave(false)}>
          <Icon name="leave" />
          {words.signOut}
        </button>
        <button type="button" onClick={() => leave(true)}>
          {words.signOutEverywhere}
        </button>
      </div>
    </details>
  );
}
