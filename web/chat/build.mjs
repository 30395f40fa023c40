// Puts dist together: Converse.js as npm has it, but for what this page does not use, and the page.
//
// All files but index.html are in a folder named by their content: browsers keep them for good.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";

const converse = "node_modules/converse.js/dist";

// The package alone, as npm keeps it. What is in its dist needs none of its dependencies, and npm 9
// cannot install one of them, a folder inside the package.
function fetchConverse() {
  const { version, integrity } = JSON.parse(fs.readFileSync("package.json", "utf8")).converse;
  fs.rmSync("node_modules", { recursive: true, force: true });
  fs.mkdirSync("node_modules/converse.js", { recursive: true });
  const to = ["--silent", "--pack-destination", "node_modules"];
  execFileSync("npm", ["pack", `converse.js@${version}`, ...to], { stdio: "inherit" });
  const archive = `node_modules/converse.js-${version}.tgz`;
  const found = createHash("sha512").update(fs.readFileSync(archive)).digest("base64");
  if (`sha512-${found}` !== integrity) throw new Error(`${archive} is not the one we know`);
  const strip = ["--strip-components=1", "-C", "node_modules/converse.js"];
  execFileSync("tar", ["-xzf", archive, ...strip]);
}

fetchConverse();

// In the page's languages; English is in the program itself.
const isOurLocale = (file) => /\/(en|fr)[.-]/.test(file);
const wanted = [
  (file) => /^converse\.min\.(js|css)$/.test(file),
  (file) => file === "emoji.json",
  (file) => /^chunkjs\/.*\.js$/.test(file) && isOurLocale(file),
  (file) => /^(webfonts|sounds|images)\/.*\.(ttf|woff2|mp3|ogg|svg|png)$/.test(file),
];

const files = new Map();
for (const entry of fs.readdirSync(converse, { recursive: true }).sort()) {
  const file = entry.replaceAll(path.sep, "/");
  const from = path.join(converse, entry);
  if (!fs.statSync(from).isFile() || !wanted.some((fits) => fits(file))) continue;
  files.set(file, fs.readFileSync(from));
}
// Its maps are not here.
for (const name of ["converse.min.js", "converse.min.css"]) {
  const text = files.get(name).toString().replace(/\n(\/\/|\/\*)# sourceMappingURL=.*\s*$/, "\n");
  files.set(name, Buffer.from(text));
}
for (const name of ["chat.js", "chat.css"]) files.set(name, fs.readFileSync(`src/${name}`));

const hash = createHash("sha256");
for (const [file, content] of files) hash.update(`${file}\0`).update(content);
const folder = `assets/${hash.digest("hex").slice(0, 12)}`;

fs.rmSync("dist", { recursive: true, force: true });
for (const [file, content] of files) {
  const to = path.join("dist", folder, file);
  fs.mkdirSync(path.dirname(to), { recursive: true });
  fs.writeFileSync(to, content);
}
const page = fs.readFileSync("src/index.html", "utf8");
fs.writeFileSync("dist/index.html", page.replaceAll("{assets}", `/chat/${folder}`));
