// A Chromium, told what to do by lines of JSON: {"page": N, "do": NAME, ...} is answered by
// {"ok": VALUE} or {"error": TEXT}. tests/browser/browser.py speaks this. Ends with its input.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [executable, patience] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: executable,
  // In a container there is no namespace for its sandbox. Nothing is asked of anybody but us.
  // The nodes' pages are on 127.0.0.1. Who has that port of ::1, which is tried first, is another.
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking",
    "--host-resolver-rules=MAP localhost 127.0.0.1"],
});
const pages = new Map();
const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

// What the tests name is what a user sees: a role and its accessible name, a label, a text.
function find(page, { role, name, label, text, css, exact = false, within }) {
  const scope = within ? find(page, within) : page;
  if (role) return scope.getByRole(role, { name, exact }).first();
  if (label) return scope.getByLabel(label, { exact }).first();
  if (text) return scope.getByText(text, { exact }).first();
  return scope.locator(css).first();
}

// What goes on as it has begun, in long lists, takes long to look at.
const MORE_OF_THE_SAME = [".line:nth-child(n+6)", ".options > li:nth-child(n+6)",
  "tbody tr:nth-child(n+6)", ".command-list section:nth-of-type(n+4)", ".stanza:nth-child(n+6)",
  ".lines > div:nth-child(n+6)"];

const actions = {
  async open({ page, options }) {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
    context.setDefaultTimeout(Number(patience));
    const opened = await context.newPage();
    opened.problems = [];
    opened.on("console", (message) => {
      if (message.type() === "error") opened.problems.push(message.text());
    });
    opened.on("pageerror", (error) => opened.problems.push(String(error)));
    opened.on("request", (request) => opened.asked?.push(request.url()));
    opened.on("websocket", (socket) => opened.asked?.push(socket.url()));
    opened.asked = [];
    pages.set(page, opened);
  },
  async close({ page }) { await pages.get(page).context().close(); },
  async go({ page, url }) { await pages.get(page).goto(url); },
  async reload({ page }) { await pages.get(page).reload(); },
  async click({ page, at }) { await find(pages.get(page), at).click(); },
  async fill({ page, at, value }) { await find(pages.get(page), at).fill(value); },
  async select({ page, at, value }) { await find(pages.get(page), at).selectOption(value); },
  async press({ page, key }) { await pages.get(page).keyboard.press(key); },
  async type({ page, value }) { await pages.get(page).keyboard.type(value); },
  async see({ page, at }) { await find(pages.get(page), at).waitFor({ state: "visible" }); },
  async gone({ page, at }) { await find(pages.get(page), at).waitFor({ state: "hidden" }); },
  async text({ page, at }) { return await find(pages.get(page), at).innerText(); },
  async count({ page, css }) { return await pages.get(page).locator(css).count(); },
  async evaluate({ page, script }) { return await pages.get(page).evaluate(script); },
  async resize({ page, width, height }) {
    await pages.get(page).setViewportSize({ width, height });
  },
  async screenshot({ page, path, css }) {
    await pages.get(page).mouse.move(0, 0); // nothing is pointed at
    const what = css ? pages.get(page).locator(css).first() : pages.get(page);
    await what.screenshot({ path, animations: "disabled" });
  },
  async dark({ page, dark }) {
    await pages.get(page).emulateMedia({ colorScheme: dark ? "dark" : "light" });
  },
  async violations({ page, rules }) {
    const shown = pages.get(page);
    if (!await shown.evaluate("'axe' in window")) await shown.evaluate(axe);
    const levels = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const { violations } = await shown.evaluate(
      ({ runOnly, exclude }) => globalThis.axe.run({ exclude }, { runOnly }),
      { runOnly: rules.length > 0 ? rules : levels, exclude: MORE_OF_THE_SAME });
    return violations.flatMap(({ id, nodes }) => nodes.map(
      ({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`));
  },
  async url({ page }) { return pages.get(page).url(); },
  async problems({ page }) { return pages.get(page).problems.splice(0); },
  async asked({ page }) { return pages.get(page).asked.splice(0); },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  try {
    answer = { ok: (await actions[command.do](command)) ?? null };
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
