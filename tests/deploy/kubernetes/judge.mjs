// Reads manifests from standard input, a JSON array, and prints what the API's schemas have against
// each, as a JSON array of texts. The compiler finds fields that are unknown, missing or of a wrong
// type; the validator, values that are out of bounds.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);

// Where a kind is declared: groups that are not Kubernetes' own have packages of their own.
function moduleOf(apiVersion) {
  const foreign = { "monitoring.coreos.com": "@kubernetes-models/prometheus-operator" };
  return `${foreign[apiVersion.split("/")[0]] ?? "kubernetes-models"}/${apiVersion}`;
}

function compiled(source) {
  const name = join(here, "manifests.ts");
  const options = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.CommonJS,
    moduleResolution: ts.ModuleResolutionKind.Node10,
  };
  const host = ts.createCompilerHost(options);
  const [read, exists] = [host.readFile, host.fileExists];
  host.readFile = (path) => (path === name ? source : read(path));
  host.fileExists = (path) => path === name || exists(path);
  host.getSourceFile = (path, version) => {
    const text = host.readFile(path);
    return text === undefined ? undefined : ts.createSourceFile(path, text, version);
  };
  const program = ts.createProgram([name], options, host);
  return ts.getPreEmitDiagnostics(program)
    .map((found) => ts.flattenDiagnosticMessageText(found.messageText, " "));
}

function validated({ apiVersion, kind, ...rest }) {
  try {
    const Kind = require(moduleOf(apiVersion))[kind];
    new Kind({ apiVersion, kind, ...rest }).validate();
    return [];
  } catch (error) {
    return [`${kind}: ${error.message}`];
  }
}

const manifests = JSON.parse(readFileSync(0, "utf8"));
const source = manifests.map((manifest, n) =>
  `import { I${manifest.kind} as Kind${n} } from "${moduleOf(manifest.apiVersion)}";\n`
  + `export const manifest${n}: Kind${n} = ${JSON.stringify(manifest, null, 1)};\n`).join("");
console.log(JSON.stringify([...compiled(source), ...manifests.flatMap(validated)]));
