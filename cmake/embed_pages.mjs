// node embed_pages.mjs NAME SOURCE WORK TABLE
//
// Builds the pages of SOURCE by npm in the folder WORK, which all builds of this checkout share,
// and writes TABLE, a C++ file: what npm made in dist, compressed, as http::pages_NAME().
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";

const [name, source, work, table] = process.argv.slice(2);
const OURS = new Set(["node_modules", "dist", ".built", ".installed"]);

function filesOf(folder, prefix = "") {
  return fs.readdirSync(path.join(folder, prefix), { withFileTypes: true })
    .filter((entry) => prefix !== "" || !OURS.has(entry.name))
    .flatMap((entry) => {
      const file = path.posix.join(prefix, entry.name);
      return entry.isDirectory() ? filesOf(folder, file) : [file];
    })
    .sort();
}

function hashOf(folder, files) {
  const hash = createHash("sha256");
  for (const file of files) {
    hash.update(`${file}\0`);
    hash.update(fs.readFileSync(path.join(folder, file)));
  }
  return hash.digest("hex");
}

// Runs `what` unless it has run for this very input.
function once(stamp, input, what) {
  const file = path.join(work, stamp);
  if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === input) return;
  fs.rmSync(file, { force: true });
  what();
  fs.writeFileSync(file, input);
}

function npm(...args) {
  try {
    execFileSync("npm", args, { cwd: work, stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    process.stderr.write(`${error.stdout ?? ""}${error.stderr ?? ""}`);
    process.stderr.write(`embed_pages: npm ${args.join(" ")} failed for ${source}\n`);
    process.exit(1);
  }
}

// A copy of the sources as they are now, and nothing older.
const files = filesOf(source);
fs.mkdirSync(work, { recursive: true });
for (const entry of fs.readdirSync(work)) {
  if (!OURS.has(entry)) fs.rmSync(path.join(work, entry), { recursive: true });
}
for (const file of files) {
  fs.mkdirSync(path.dirname(path.join(work, file)), { recursive: true });
  fs.copyFileSync(path.join(source, file), path.join(work, file));
}
const installed = hashOf(source, files.filter((file) => /^package(-lock)?\.json$/.test(file)));
once(".installed", installed, () => npm("ci", "--no-audit", "--no-fund"));
once(".built", installed + hashOf(source, files), () => npm("run", "build"));

// The compressed bytes stay in files of their own, which the assembler includes: a compiler would
// take long over megabytes of numbers.
const dist = path.join(work, "dist");
const folder = table.replace(/\.cc$/, "");
fs.rmSync(folder, { recursive: true, force: true });
fs.mkdirSync(folder, { recursive: true });
const embedded = filesOf(dist).map((file, i) => {
  const content = fs.readFileSync(path.join(dist, file));
  const gzip = zlib.gzipSync(content, { level: 9 });
  gzip[9] = 3; // "Unix", whatever zlib says: the same on every machine
  const blob = path.join(folder, `${i}.gz`);
  fs.writeFileSync(blob, gzip);
  const etag = createHash("sha256").update(content).digest("base64url").slice(0, 16);
  return { file, blob, etag, symbol: `starling_pages_${name}_${i}`, size: gzip.length };
});

const lines = [
  `// Made by cmake/embed_pages.mjs of web/${name}.`,
  `#include "http/pages.h"`,
  ``,
  ...embedded.map(({ symbol, blob }) =>
    `__asm__(".section .rodata\\n.balign 16\\n${symbol}:\\n"\n` +
    `        ".incbin \\"${blob}\\"\\n.previous\\n");`),
  ...embedded.map(({ symbol, size }) => `extern "C" const char ${symbol}[${size}];`),
  ``,
  `namespace starling::http {`,
  ``,
  `std::span<const StaticFile> pages_${name}() {`,
  `  static const StaticFile kFiles[] = {`,
  ...embedded.map(({ file, symbol, size, etag }) =>
    `      {${JSON.stringify(file)}, {${symbol}, ${size}}, "${etag}"},`),
  `  };`,
  `  return kFiles;`,
  `}`,
  ``,
  `}  // namespace starling::http`,
  ``,
];
fs.writeFileSync(table, lines.join("\n"));
